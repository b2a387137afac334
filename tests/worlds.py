"""Small synthetic data: interactions, and features of the videos."""

from __future__ import annotations

import csv
from pathlib import Path

import numpy as np

from mmgcn.data.dataset import Dataset
from mmgcn.data.features import FeatureTable
from mmgcn.data.ids import IdMap
from mmgcn.data.interactions import Interactions
from mmgcn.data.splits import Split, split


def interactions_of(pairs, *, timestamp=None, users=None, items=None) -> Interactions:
    """Interactions from (user, item) rows."""
    pairs = np.asarray(pairs)
    num_users = users or int(pairs[:, 0].max()) + 1
    num_items = items or int(pairs[:, 1].max()) + 1
    return Interactions(
        pairs[:, 0].astype(np.int32),
        pairs[:, 1].astype(np.int32),
        IdMap([f"u{i}" for i in range(num_users)], kind="user"),
        IdMap([f"i{i}" for i in range(num_items)], kind="item"),
        None if timestamp is None else np.asarray(timestamp, dtype=np.float64),
    )


def clusters(*, num_groups=4, users=12, items=10, seen=5, seed=0) -> Split:
    """Users of a group watch some of the group's items; the others are to be found."""
    rng = np.random.default_rng(seed)
    pairs = [
        (group * users + user, group * items + int(item))
        for group in range(num_groups)
        for user in range(users)
        for item in rng.permutation(items)[:seen]
    ]
    table = interactions_of(pairs, users=num_groups * users, items=num_groups * items)
    return split(table, "random", seed=seed)


def write_interactions(path: Path, *parts: Interactions) -> None:
    """Write the pairs of ids of some parts as a table."""
    with path.open("w", newline="") as file:
        writer = csv.writer(file)
        writer.writerow(["user_id", "item_id"])
        for part in parts:
            users, items = part.users.ids, part.items.ids
            for user, item in zip(part.user_index, part.item_index, strict=True):
                writer.writerow([users[int(user)], items[int(item)]])


def without(part: Split, users) -> Split:
    """The same, but training knows nothing of these users."""
    kept = ~np.isin(part.train.user_index, users)
    return Split(part.train.take(kept), part.valid, part.test, part.name)


def dataset(part: Split | None = None, *, modalities=("visual", "acoustic"), missing=0, seed=0):
    """A data set whose features tell the groups, with noise; some items may lack a modality."""
    part = part or clusters()
    rng = np.random.default_rng(seed)
    num_items = len(part.train.items)
    group = np.arange(num_items) // 10
    tables = []
    for index, name in enumerate(modalities):
        matrix = np.eye(group.max() + 1)[group] + 0.3 * rng.standard_normal(
            (num_items, group.max() + 1)
        )
        ids = part.train.items.ids.to_list()
        gone = set(ids[index : missing * 3 + index : 3])
        kept = [row for row, item in enumerate(ids) if item not in gone]
        tables.append(
            FeatureTable(
                name,
                [ids[row] for row in kept],
                matrix[kept].astype(np.float32),
                frozenset(ids),
                {"encoder": "made", "digest": f"{seed}", "dim": matrix.shape[1]},
            )
        )
    return Dataset.build(part, tables)
