"""Split: which interactions are learned from, chosen by and tested on."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Literal, get_args

import numpy as np

from mmgcn.data.ids import IdMap
from mmgcn.data.interactions import Interactions, read_interactions

SplitName = Literal["leave-last-out", "temporal", "random"]
MIN_INTERACTIONS = 3  # a user with fewer keeps them all in training


class SplitError(ValueError):
    """Interactions that cannot be split as asked."""


@dataclass(eq=False)
class Split:
    """Three disjoint parts over one pair of id maps. `valid` and `test` may be empty."""

    train: Interactions
    valid: Interactions
    test: Interactions
    name: str
    notes: list[str] = field(default_factory=list)

    def map(self, change: Callable[[Interactions], Interactions]) -> Split:
        """Return the split with every part changed."""
        parts = (change(part) for part in (self.train, self.valid, self.test))
        train, valid, test = parts
        return Split(train, valid, test, self.name, self.notes)

    @property
    def users(self) -> IdMap:
        """The users' ids."""
        return self.train.users

    @property
    def items(self) -> IdMap:
        """The items' ids."""
        return self.train.items


def split(
    interactions: Interactions,
    name: SplitName,
    *,
    seed: int = 0,
    valid_share: float = 0.1,
    test_share: float = 0.1,
) -> Split:
    """Divide the interactions.

    leave-last-out: of each user with three or more, the last in time is test and the one before it
    valid. Without timestamps, or where they are equal, the order of the table decides.
    temporal: the last tenth in time is test, the tenth before it valid.
    random: of each user with three or more, about a tenth each, at least one.

    Raises:
        SplitError: an unknown name, a temporal split without timestamps, or no training part.
    """
    if name not in get_args(SplitName):
        raise SplitError(f"no split is called '{name}'; known: {', '.join(get_args(SplitName))}")
    if name == "temporal":
        part = _temporal(interactions, valid_share, test_share)
    else:
        part = _per_user(interactions, name, seed, valid_share, test_share)
    train, valid, test = (interactions.take(part == number) for number in (0, 1, 2))
    made = Split(train, valid, test, name, list(interactions.notes))
    if len(made.train) == 0:
        raise SplitError(f"the split '{name}' of {len(interactions)} interactions trains on none")
    return made


def given_split(train: Path, valid: Path | None = None, test: Path | None = None) -> Split:
    """Read parts that are files of their own. Ids are those of the training file.

    Raises:
        InteractionsError: see `read_interactions`.
    """
    first = read_interactions(train)
    notes = list(first.notes)
    others = []
    for path in (valid, test):
        if path is None:
            others.append(first.take(np.zeros(0, dtype=np.int64)))
            continue
        part = read_interactions(path, users=first.users, items=first.items)
        notes += part.notes
        others.append(part)
    return Split(first, others[0], others[1], "given", notes)


def _per_user(
    interactions: Interactions, name: str, seed: int, valid_share: float, test_share: float
) -> np.ndarray:
    """Shapes: the result: (E,) int8, 0 train, 1 valid, 2 test."""
    num = len(interactions)
    if name == "random":
        key = np.random.default_rng(seed).permutation(num).astype(np.float64)
    elif interactions.timestamp is not None:
        key = interactions.timestamp
    else:
        key = np.arange(num, dtype=np.float64)
    order = np.lexsort((np.arange(num), key, interactions.user_index))
    counts = np.bincount(interactions.user_index, minlength=len(interactions.users))
    ends = np.cumsum(counts)
    users = interactions.user_index[order]
    from_end = ends[users] - 1 - np.arange(num)  # 0 is a user's last
    if name == "random":
        num_test = np.maximum(1, np.round(counts * test_share)).astype(np.int64)
        num_valid = np.maximum(1, np.round(counts * valid_share)).astype(np.int64)
    else:
        num_test = num_valid = np.ones(len(counts), dtype=np.int64)
    part = np.zeros(num, dtype=np.int8)
    enough = counts[users] >= MIN_INTERACTIONS
    is_test = enough & (from_end < num_test[users])
    is_valid = enough & ~is_test & (from_end < (num_test + num_valid)[users])
    part[order[is_test]], part[order[is_valid]] = 2, 1
    return part


def _temporal(interactions: Interactions, valid_share: float, test_share: float) -> np.ndarray:
    if interactions.timestamp is None:
        raise SplitError(
            "a temporal split needs a column timestamp; use --split random, or leave-last-out, "
            "which takes the order of the table"
        )
    order = np.argsort(interactions.timestamp, kind="stable")
    num = len(order)
    num_test, num_valid = round(num * test_share), round(num * valid_share)
    part = np.zeros(num, dtype=np.int8)
    part[order[num - num_test :]] = 2
    part[order[num - num_test - num_valid : num - num_test]] = 1
    return part
