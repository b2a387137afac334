"""Split rules: assign each interaction to a part by time, at random or by item.

Shapes:
    the result of each rule: (E,) int8, TRAIN, VALID or TEST.
"""

from __future__ import annotations

import numpy as np
import polars as pl

from mmgcn.data.interactions import Interactions

MIN_INTERACTIONS = 3  # users with fewer have all interactions in training
MIN_ORDERED = 20  # steps in one direction that are not due to chance
TRAIN, VALID, TEST = 0, 1, 2


class SplitError(ValueError):
    """Interactions that cannot be split as requested; the message says why and what to do."""


def last_of_each(interactions: Interactions) -> np.ndarray:
    """Return the parts of leave-last-out: each user's last interaction, and the one before."""
    user, time = interactions.user_index, interactions.timestamp
    if time is None:
        time = np.arange(len(user))
    counts = np.bincount(user, minlength=len(interactions.users))
    part = np.full(len(user), TRAIN, dtype=np.int8)
    rows = np.flatnonzero(counts[user] >= MIN_INTERACTIONS)
    for label in (TEST, VALID):
        latest = np.full(len(counts), time.min(initial=0), dtype=time.dtype)
        np.maximum.at(latest, user[rows], time[rows])
        at = rows[time[rows] == latest[user[rows]]]
        last = np.full(len(counts), -1)
        last[user[at]] = at  # of equal times, the last row: later values overwrite
        part[last[last >= 0]] = label
        rows = rows[part[rows] == TRAIN]
    return part


def random(
    interactions: Interactions, valid_share: float, test_share: float, seed: int
) -> np.ndarray:
    """Return the parts of a random split within each user's interactions."""
    user, num = interactions.user_index, len(interactions)
    drawn = np.random.default_rng(seed).permutation(num)
    # Sort by user, then as drawn. Sorting numbers is many times faster than an indirect sort.
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


def cold_items(
    interactions: Interactions, valid_share: float, test_share: float, seed: int
) -> np.ndarray:
    """Return the parts of a split by item; interactions of the other items are split at random."""
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
    part[rest] = random(interactions.take(rest), valid_share, test_share, seed)
    return part


def temporal(interactions: Interactions, valid_share: float, test_share: float) -> np.ndarray:
    """Return the parts of a split by time.

    Raises:
        SplitError: there are no timestamps, or no training part would remain.
    """
    time, num = interactions.timestamp, len(interactions)
    if time is None:
        raise SplitError(
            "a temporal split needs a column timestamp, or another named by columns='time=NAME'; "
            "pass split='random' if there are no times"
        )
    num_valid, num_test = round(num * valid_share), round(num * test_share)
    last_train, last_valid = num - num_test - num_valid - 1, num - num_test - 1
    if last_train < 0:
        raise SplitError(f"a temporal split of {num} interactions leaves no training part")
    ordered = np.partition(time, (last_train, last_valid))
    part = np.full(num, TRAIN, dtype=np.int8)
    part[time > ordered[last_train]] = VALID
    part[time > ordered[last_valid]] = TEST
    return part


def no_order(interactions: Interactions) -> str:
    """Return the reason why the interactions have no order in time, for messages."""
    what = "no timestamps" if interactions.timestamp is None else "no two different timestamps"
    return f"the interactions have {what}"


def refuse_sorted(interactions: Interactions) -> None:
    """Refuse a table that is sorted by item, so that its order cannot be that of time.

    Raises:
        SplitError: the table is sorted by item.
    """
    if len(interactions) == 0:
        return
    user, item = interactions.user_index, interactions.item_index
    ids = interactions.items.ids
    by_user = np.argsort(user, kind="stable")
    inside = np.diff(user[by_user]) == 0
    numbers = ids.cast(pl.Int64, strict=False)
    orders = [ids.rank("ordinal")] + ([] if numbers.null_count() else [numbers.rank("ordinal")])
    for order in orders:
        steps = np.diff(order.to_numpy().astype(np.int64)[item[by_user]])[inside]
        if len(steps) >= MIN_ORDERED and ((steps > 0).all() or (steps < 0).all()):
            raise _sorted_error("the items of each user are sorted by id")
    same = np.diff(item) == 0  # rows grouped by item have one change fewer than items
    if (~same).sum() == len(np.unique(item)) - 1 and same.sum() >= MIN_ORDERED:
        raise _sorted_error("the rows are sorted by item")


def _sorted_error(order: str) -> SplitError:
    return SplitError(
        f"the split 'leave-last-out' needs times: there are none, and {order}, so that the last "
        "item of a user is not the latest; name a column of times, columns='time=NAME', or pass "
        "split='random'"
    )
