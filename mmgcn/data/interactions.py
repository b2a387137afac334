"""Interactions: who watched what, and when."""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np
import polars as pl

from mmgcn.data.ids import IdMap

NUMBERS = ("timestamp", "weight")


class InteractionsError(ValueError):
    """A table of interactions that cannot be used; the message says why and what to do."""


@dataclass(eq=False)
class Interactions:
    """Pairs of a user and an item, each pair once.

    Shapes:
        user_index, item_index: (E,) int32, rows of `users` and `items`.
        timestamp: (E,) int64 or float64, in whatever the table counts in; ISO dates are seconds
            since 1970. Or None.
        weight: (E,) float32, or None; for models from elsewhere, ours take all pairs alike.

    `notes` say what a person should know; `num_duplicates` pairs were dropped in reading.
    """

    user_index: np.ndarray
    item_index: np.ndarray
    users: IdMap
    items: IdMap
    timestamp: np.ndarray | None = None
    weight: np.ndarray | None = None
    notes: list[str] = field(default_factory=list)
    num_duplicates: int = 0

    def __post_init__(self) -> None:
        for name in ("item_index", *NUMBERS):
            column = getattr(self, name)
            if column is not None and len(column) != len(self):
                raise InteractionsError(
                    f"{name} has {len(column):,} values for {len(self):,} interactions"
                )
        for index, ids in ((self.user_index, self.users), (self.item_index, self.items)):
            if len(index) and not (index.min() >= 0 and index.max() < len(ids)):
                raise InteractionsError(
                    f"rows of {ids.kind}s lie from {index.min()} to {index.max()}; there are "
                    f"{len(ids):,} ids"
                )

    def __len__(self) -> int:
        return len(self.user_index)

    def take(self, rows: np.ndarray) -> Interactions:
        """Return some of the interactions, in the given order (indices or a mask)."""
        return Interactions(
            self.user_index[rows],
            self.item_index[rows],
            self.users,
            self.items,
            None if self.timestamp is None else self.timestamp[rows],
            None if self.weight is None else self.weight[rows],
        )

    def relabelled(self, users: IdMap, items: IdMap) -> Interactions:
        """Return the same interactions as rows of other id maps, without those they do not know."""
        user = users.get(self.users.ids)[self.user_index]
        item = items.get(self.items.ids)[self.item_index]
        known = (user >= 0) & (item >= 0)
        made = self.take(known)
        made.user_index, made.item_index = (
            user[known].astype(np.int32),
            item[known].astype(np.int32),
        )
        made.users, made.items, made.notes = users, items, list(self.notes)
        return made

    def pair_keys(self) -> np.ndarray:
        """Return a number for each pair, the same for the same pair. Shapes: (E,) int64."""
        return np.asarray(self.user_index.astype(np.int64) * len(self.items) + self.item_index)

    def csr(self) -> tuple[np.ndarray, np.ndarray]:
        """Return the items of each user, sorted, as compressed rows.

        Shapes:
            the result: indptr (U + 1,) int64 and indices (E,) int32.
        """
        counts = np.bincount(self.user_index, minlength=len(self.users))
        indptr = np.concatenate([[0], np.cumsum(counts)]).astype(np.int64)
        # Sorting plain numbers is many times faster than sorting pairs through an index.
        keys = np.sort(self.pair_keys())
        return indptr, (keys % max(len(self.items), 1)).astype(np.int32)

    def k_core(self, *, k_user: int = 0, k_item: int = 0) -> Interactions:
        """Return the largest part in which every user has k_user items and every item k_item users.

        The id maps shrink to those that are left; their order stays.

        Raises:
            InteractionsError: nothing is left.
        """
        rows = np.arange(len(self))
        while True:
            user, item = self.user_index[rows], self.item_index[rows]
            of_user = np.bincount(user, minlength=len(self.users))
            of_item = np.bincount(item, minlength=len(self.items))
            enough = (of_user[user] >= k_user) & (of_item[item] >= k_item)
            if enough.all():
                break
            rows = rows[enough]
        if len(rows) == 0:
            raise InteractionsError(
                f"nothing is left of {len(self):,} interactions ({len(self.users):,} users, "
                f"{len(self.items):,} items) when every user needs {k_user} items and every item "
                f"{k_item} users; lower --k-core"
            )
        users = IdMap(self.users.ids.filter(pl.Series(of_user > 0)), kind=self.users.kind)
        items = IdMap(self.items.ids.filter(pl.Series(of_item > 0)), kind=self.items.kind)
        kept = self.take(rows).relabelled(users, items)
        kept.notes = [
            *self.notes,
            f"{k_user},{k_item}-core: {len(kept):,} of {len(self):,} interactions are left, "
            f"{len(users):,} of {len(self.users):,} users and {len(items):,} of "
            f"{len(self.items):,} items",
        ]
        return kept
