"""Split: training, validation and test parts of interactions."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import get_args

import numpy as np

from mmgcn.data.interactions import Interactions
from mmgcn.data.options import SplitName
from mmgcn.data.split_rules import (
    TEST,
    TRAIN,
    VALID,
    SplitError,
    cold_items,
    last_of_each,
    no_order,
    random,
    refuse_sorted,
    temporal,
)
from mmgcn.data.table import read_interactions


@dataclass(eq=False)
class Split:
    """Three disjoint parts over one pair of id maps. `valid` and `test` may be empty."""

    train: Interactions
    valid: Interactions
    test: Interactions
    name: str
    notes: list[str] = field(default_factory=list)

    def __repr__(self) -> str:
        return (
            f"Split({self.name}: {len(self.train):,} training, {len(self.valid):,} validation and "
            f"{len(self.test):,} test interactions of {len(self.train.users):,} users and "
            f"{len(self.train.items):,} items)"
        )

    def map(self, change: Callable[[Interactions], Interactions]) -> Split:
        """Return the split with `change` applied to every part."""
        train, valid, test = (change(part) for part in (self.train, self.valid, self.test))
        return Split(train, valid, test, self.name, self.notes)


def split(
    interactions: Interactions,
    name: str | None = None,
    *,
    seed: int = 0,
    valid_share: float = 0.1,
    test_share: float = 0.1,
) -> Split:
    """Return a split of the interactions. All parts have the id maps of `interactions`.

    leave-last-out: the last interaction in time of each user with three or more is test, the one
        before it validation. Equal times are ordered as in the table. Without timestamps the order
        of the table is used, with a note; a table that is sorted by item is refused.
    temporal: the last tenth in time is test, the tenth before it validation. Interactions of the
        same time stay together, in the earlier part.
    random: for each of the two parts, about a tenth of the interactions of each user with three or
        more, at least one.
    cold-items: all interactions with a random tenth of the items are test, those with another tenth
        validation. The rest is divided as in random, so that both parts contain warm items, too.
    none: all interactions are training, for recommendations to real users.

    Args:
        name: name of the split; by default leave-last-out, or random with a note if there are no
            timestamps or all are equal.
        seed: seed of the random draws.
        valid_share, test_share: fractions of the two parts, in place of a tenth.

    Raises:
        SplitError: the name is unknown, the shares leave no training part, a temporal split has no
            timestamps, or leave-last-out a table that is sorted by item.
    """
    has_order = interactions.timestamp is not None and len(np.unique(interactions.timestamp)) > 1
    order_note = []
    if name is None:
        name = "leave-last-out" if has_order else "random"
        if not has_order:
            order_note = [
                f"{no_order(interactions)}, so the split is random; pass `split` "
                "leave-last-out if the order of the table is that of time"
            ]
    elif name == "leave-last-out" and not has_order:
        refuse_sorted(interactions)
        order_note = [f"{no_order(interactions)}; the order of the table is used as that of time"]
    if name not in get_args(SplitName):
        raise SplitError(f"no split is called '{name}'; known: {', '.join(get_args(SplitName))}")
    if valid_share < 0 or test_share < 0 or valid_share + test_share >= 1:
        raise SplitError(
            f"the shares of valid and test are {valid_share:g} and {test_share:g}; they must not "
            "be negative, and their sum must be less than 1"
        )
    if name == "leave-last-out":
        part = last_of_each(interactions)
    elif name == "temporal":
        part = temporal(interactions, valid_share, test_share)
    elif name == "random":
        part = random(interactions, valid_share, test_share, seed)
    elif name == "cold-items":
        part = cold_items(interactions, valid_share, test_share, seed)
    else:
        part = np.full(len(interactions), TRAIN, dtype=np.int8)
    train, valid, test = (interactions.take(part == label) for label in (TRAIN, VALID, TEST))
    if len(train) == 0:
        raise SplitError(
            f"the split '{name}' of {len(interactions):,} interactions leaves no training part"
        )
    notes = [*interactions.notes, *order_note, *_cold_notes(train, valid, test)]
    empty = [label for label, part in (("validation", valid), ("test", test)) if len(part) == 0]
    if empty and name != "none":
        notes.append(
            f"the split '{name}' of {len(interactions):,} interactions leaves no "
            f"{' and no '.join(empty)} part"
        )
    return Split(train, valid, test, name, notes)


def given_split(
    train: Path,
    valid: Path | None = None,
    test: Path | None = None,
    *,
    columns: str = "",
    min_rating: float | None = None,
    time_format: str = "",
) -> Split:
    """Return a split whose parts are files.

    The id maps contain the users and items of all files, those of training first. Held-out
    interactions of users or items without training interactions are kept and count in the metrics.
    A pair that occurs in several files stays in the first.

    Args:
        columns, min_rating, time_format: options for all files, see `read_interactions`.

    Raises:
        ColumnsError, InteractionsError, TimeError: see `read_interactions`.
        SplitError: all pairs of a part are also in an earlier one.
    """
    read = {
        name: read_interactions(
            path, columns=columns, min_rating=min_rating, time_format=time_format
        )
        for name, path in (("train", train), ("valid", valid), ("test", test))
        if path is not None
    }
    users, items = read["train"].users, read["train"].items
    for part in read.values():
        users, items = users.joined(part.users.ids), items.joined(part.items.ids)
    notes = [note for part in read.values() for note in part.notes]
    earlier = np.zeros(0, dtype=np.int64)
    for name, part in read.items():
        part = part.relabelled(users, items)
        is_repeated = np.isin(part.pair_keys(), earlier)
        if is_repeated.all() and len(part):
            raise SplitError(
                f"all {len(part):,} pairs of `{name}` are also in an earlier part; pass "
                "interactions that training does not contain"
            )
        if is_repeated.any():
            notes.append(
                f"{is_repeated.sum():,} of {len(part):,} {name} pairs are also in an earlier part; "
                "they were left out"
            )
            part = part.take(~is_repeated)
        read[name] = part
        earlier = np.concatenate([earlier, part.pair_keys()])
    first = read["train"]
    none = first.take(np.zeros(0, dtype=np.int64))
    parts = Split(first, read.get("valid", none), read.get("test", none), "given")
    parts.notes = [*notes, *_cold_notes(first, parts.valid, parts.test)]
    return parts


def _cold_notes(train: Interactions, *held_out: Interactions) -> list[str]:
    """Return notes on held-out interactions of users or items without training interactions."""
    notes = []
    known_user = np.bincount(train.user_index, minlength=len(train.users)) > 0
    known_item = np.bincount(train.item_index, minlength=len(train.items)) > 0
    for name, part in zip(("valid", "test"), held_out, strict=True):
        cold_user, cold_item = ~known_user[part.user_index], ~known_item[part.item_index]
        if (cold_user | cold_item).any():
            notes.append(
                f"{(cold_user | cold_item).sum():,} of {len(part):,} {name} interactions have a "
                f"user ({cold_user.sum():,}) or an item ({cold_item.sum():,}) without training "
                "interactions; they count in the metrics"
            )
    return notes
