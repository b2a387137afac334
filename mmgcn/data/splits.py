"""Split: which interactions are learned from, chosen by and tested on."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Literal, get_args

import numpy as np

from mmgcn.data.ids import IdMap
from mmgcn.data.interactions import Interactions
from mmgcn.data.table import read_interactions

SplitName = Literal["leave-last-out", "temporal", "random", "cold-items", "none"]
MIN_INTERACTIONS = 3  # a user with fewer keeps them all in training
TRAIN, VALID, TEST = 0, 1, 2


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
        train, valid, test = (change(part) for part in (self.train, self.valid, self.test))
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
    """Divide the interactions. The id maps stay those of all of them.

    leave-last-out: of each user with three or more, the last in time is test and the one before it
    valid. Without timestamps, or where they are equal, the order of the table decides.
    temporal: the last tenth in time is test, the tenth before it valid. What happened at one moment
    stays together, in the earlier part.
    random: of each user with three or more, about a tenth each, at least one, drawn with the seed.
    cold-items: a tenth of the items, drawn with the seed, is test with everything that was watched
    of them, another tenth is valid. What is left is divided as in random, so that both parts hold
    items that training knows beside those that it has never seen.
    none: all is training, for lists that people will see; nothing is left to choose or test by.

    Raises:
        SplitError: an unknown name, shares that leave no training part, or a temporal split without
            timestamps.
    """
    if name not in get_args(SplitName):
        raise SplitError(f"no split is called '{name}'; known: {', '.join(get_args(SplitName))}")
    if valid_share < 0 or test_share < 0 or valid_share + test_share >= 1:
        raise SplitError(
            f"the shares of valid and test are {valid_share:g} and {test_share:g}; together they "
            "are less than 1, and neither is negative"
        )
    if name == "leave-last-out":
        part = _last_of_each(interactions)
    elif name == "temporal":
        part = _temporal(interactions, valid_share, test_share)
    elif name == "random":
        part = _random(interactions, valid_share, test_share, seed)
    elif name == "cold-items":
        part = _cold_items(interactions, valid_share, test_share, seed)
    else:
        part = np.full(len(interactions), TRAIN, dtype=np.int8)
    train, valid, test = (interactions.take(part == number) for number in (TRAIN, VALID, TEST))
    if len(train) == 0:
        raise SplitError(f"the split '{name}' of {len(interactions):,} interactions trains on none")
    notes = [*interactions.notes, *_strangers(train, valid, test)]
    empty = [told for told, held in (("validation", valid), ("test", test)) if len(held) == 0]
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
) -> Split:
    """Read parts that are files of their own.

    The id maps hold the users and items of all files, those of training first. What is withheld of
    a user or an item that training does not know is kept, and counts in the figures: a model is
    not excused for what it cannot know. A pair that stands in two files stays in the first.

    Args:
        columns, min_rating: of all of them, see `read_interactions`.

    Raises:
        ColumnsError, InteractionsError: see `read_interactions`.
    """
    read = {
        name: read_interactions(path, columns=columns, min_rating=min_rating)
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
        again = np.isin(part.pair_keys(), earlier)
        if again.any():
            notes.append(
                f"{again.sum():,} of {len(part):,} {name} pairs stand in an earlier part too; "
                "they were left out"
            )
            part = part.take(~again)
        read[name] = part
        earlier = np.concatenate([earlier, part.pair_keys()])
    first = read["train"]
    none = first.take(np.zeros(0, dtype=np.int64))
    made = Split(first, read.get("valid", none), read.get("test", none), "given")
    made.notes = [*notes, *_strangers(first, made.valid, made.test)]
    return made


def _strangers(train: Interactions, *withheld: Interactions) -> list[str]:
    """Say how much is withheld of users or items that training does not know."""
    notes = []
    known_user = np.bincount(train.user_index, minlength=len(train.users)) > 0
    known_item = np.bincount(train.item_index, minlength=len(train.items)) > 0
    for name, part in zip(("valid", "test"), withheld, strict=True):
        of_user, of_item = ~known_user[part.user_index], ~known_item[part.item_index]
        if (of_user | of_item).any():
            notes.append(
                f"{(of_user | of_item).sum():,} of {len(part):,} {name} interactions have a user "
                f"({of_user.sum():,}) or an item ({of_item.sum():,}) without training "
                "interactions; they count in the figures"
            )
    return notes


def _last_of_each(interactions: Interactions) -> np.ndarray:
    """Shapes: the result: (E,) int8 of TRAIN, VALID, TEST."""
    user, time = interactions.user_index, interactions.timestamp
    if time is None:
        time = np.arange(len(user))
    counts = np.bincount(user, minlength=len(interactions.users))
    part = np.full(len(user), TRAIN, dtype=np.int8)
    rows = np.flatnonzero(counts[user] >= MIN_INTERACTIONS)
    for number in (TEST, VALID):
        latest = np.full(len(counts), time.min(initial=0), dtype=time.dtype)
        np.maximum.at(latest, user[rows], time[rows])
        at = rows[time[rows] == latest[user[rows]]]
        last = np.full(len(counts), -1)
        last[user[at]] = at  # of equally late ones the last in the table: later values stay
        part[last[last >= 0]] = number
        rows = rows[part[rows] == TRAIN]
    return part


def _random(
    interactions: Interactions, valid_share: float, test_share: float, seed: int
) -> np.ndarray:
    """Shapes: the result: (E,) int8 of TRAIN, VALID, TEST."""
    user, num = interactions.user_index, len(interactions)
    drawn = np.random.default_rng(seed).permutation(num)
    # By user, then as drawn. Sorting plain numbers is many times faster than sorting an index.
    keys = np.sort((user[drawn].astype(np.int64) << 32) | np.arange(num))
    order = drawn[keys & (2**32 - 1)]
    counts = np.bincount(user, minlength=len(interactions.users))
    num_test, num_valid = (
        np.maximum(np.round(counts * share).astype(np.int64), int(share > 0))
        for share in (test_share, valid_share)
    )
    num_valid = np.minimum(num_valid, counts - 1 - num_test)  # one stays in training
    many = counts >= MIN_INTERACTIONS
    # counts = [3, 1] -> from_end = [2, 1, 0, 0]
    from_end = np.repeat(np.cumsum(counts), counts) - 1 - np.arange(num)
    part = np.full(num, TRAIN, dtype=np.int8)
    part[order[from_end < np.repeat(np.where(many, num_test + num_valid, 0), counts)]] = VALID
    part[order[from_end < np.repeat(np.where(many, num_test, 0), counts)]] = TEST
    return part


def _cold_items(
    interactions: Interactions, valid_share: float, test_share: float, seed: int
) -> np.ndarray:
    """Shapes: the result: (E,) int8 of TRAIN, VALID, TEST."""
    drawn = np.random.default_rng(seed).permutation(np.unique(interactions.item_index))
    num_test, num_valid = (
        max(round(len(drawn) * share), int(share > 0)) for share in (test_share, valid_share)
    )
    num_test = min(num_test, len(drawn) - 1)  # one stays in training
    num_valid = min(num_valid, len(drawn) - 1 - num_test)
    of_item = np.full(len(interactions.items), TRAIN, dtype=np.int8)
    of_item[drawn[:num_test]] = TEST
    of_item[drawn[num_test : num_test + num_valid]] = VALID
    part: np.ndarray = of_item[interactions.item_index]
    rest = np.flatnonzero(part == TRAIN)
    part[rest] = _random(interactions.take(rest), valid_share, test_share, seed)
    return part


def _temporal(interactions: Interactions, valid_share: float, test_share: float) -> np.ndarray:
    """Shapes: the result: (E,) int8 of TRAIN, VALID, TEST."""
    time, num = interactions.timestamp, len(interactions)
    if time is None:
        raise SplitError(
            "a temporal split needs a column timestamp, or another that --columns time=NAME names; "
            "use --split random, or leave-last-out, which takes the order of the table"
        )
    num_valid, num_test = round(num * valid_share), round(num * test_share)
    last_train, last_valid = num - num_test - num_valid - 1, num - num_test - 1
    if last_train < 0:
        raise SplitError(f"a temporal split of {num} interactions trains on none")
    ordered = np.partition(time, (last_train, last_valid))
    part = np.full(num, TRAIN, dtype=np.int8)
    part[time > ordered[last_train]] = VALID
    part[time > ordered[last_valid]] = TEST
    return part
