"""Interactions: pairs of a user and an item, with times."""

from __future__ import annotations

import copy
from collections.abc import Mapping
from dataclasses import dataclass, field, replace

import numpy as np
import polars as pl

from mmgcn.data.ids import IdMap, examples

OPTIONAL_COLUMNS = ("timestamp", "weight")


class InteractionsError(ValueError):
    """A table of interactions that cannot be used; the message says why and what to do."""


@dataclass(eq=False)
class Interactions:
    """Unique pairs of a user and an item.

    Of a repeated pair the earliest one is kept; without times, the first.

    Args:
        user_index, item_index: indices in `users` and `items`.
        timestamp: times in the unit of the table, or None; ISO dates are seconds since 1970.
        weight: weights, or None. No model of this package uses them.
        notes: remarks for the user.
        num_duplicates: number of dropped duplicates.
        skipped: table of user_id and item_id of skipped pairs; None without feedback.

    Shapes:
        user_index, item_index: (E,) int32; timestamp: (E,) int64 or float64; weight: (E,) float32.

    Raises:
        InteractionsError: columns differ in length, or an index is out of range.
    """

    user_index: np.ndarray
    item_index: np.ndarray
    users: IdMap
    items: IdMap
    timestamp: np.ndarray | None = None
    weight: np.ndarray | None = None
    notes: list[str] = field(default_factory=list)
    num_duplicates: int = 0
    skipped: pl.DataFrame | None = None

    def __post_init__(self) -> None:
        for name in ("item_index", *OPTIONAL_COLUMNS):
            column = getattr(self, name)
            if column is not None and len(column) != len(self):
                raise InteractionsError(
                    f"{name} has {len(column):,} values for {len(self):,} interactions"
                )
        for index, ids in ((self.user_index, self.users), (self.item_index, self.items)):
            if len(index) and not (index.min() >= 0 and index.max() < len(ids)):
                raise InteractionsError(
                    f"{ids.kind} indices range from {index.min()} to {index.max()}; there are "
                    f"{len(ids):,} ids"
                )
        duplicates = self._duplicate_rows()
        if len(duplicates):
            self._keep(np.delete(np.arange(len(self)), duplicates))
            self.num_duplicates = len(duplicates)
            self.notes = [*self.notes, f"{len(duplicates):,} duplicate pairs were dropped"]

    def __len__(self) -> int:
        return len(self.user_index)

    def __repr__(self) -> str:
        return (
            f"Interactions({len(self):,} of {len(self.users):,} users and {len(self.items):,} "
            f"items, {'without' if self.timestamp is None else 'with'} timestamps)"
        )

    def take(self, rows: np.ndarray) -> Interactions:
        """Return some of the interactions in the given order.

        Args:
            rows: a mask, or indices without duplicates.
        """
        part = self._copy()
        part._keep(rows)
        part.notes, part.num_duplicates = [], 0
        return part

    def joined(self, *others: Interactions) -> Interactions:
        """Return these interactions and others over the same id maps, sorted by time.

        Without times, the others follow in the given order.
        """
        parts = [part for part in (self, *others) if len(part)] or [self]
        union = self._copy()
        for name in ("user_index", "item_index", *OPTIONAL_COLUMNS):
            columns = [getattr(part, name) for part in parts]
            setattr(union, name, None if columns[0] is None else np.concatenate(columns))
        if union.timestamp is not None:
            union._keep(np.argsort(union.timestamp, kind="stable"))
        union.notes, union.num_duplicates = [], 0
        return union

    def with_items(self, items: IdMap) -> Interactions:
        """Return the same interactions over an id map that extends `items`."""
        part = self._copy()
        part.items = items
        return part

    def relabelled(self, users: IdMap, items: IdMap) -> Interactions:
        """Return the interactions over other id maps, without ids that these do not contain."""
        user = users.get(self.users.ids)[self.user_index]
        item = items.get(self.items.ids)[self.item_index]
        known = (user >= 0) & (item >= 0)
        part = self.take(known)
        part.user_index = user[known].astype(np.int32)
        part.item_index = item[known].astype(np.int32)
        part.users, part.items, part.notes = users, items, list(self.notes)
        return part

    def merged(self, replacements: Mapping[str, str]) -> Interactions:
        """Return the interactions with some items replaced by others.

        Of a user's pairs that become equal, the earliest is kept.

        Args:
            replacements: replaced item -> item that takes over its interactions, which is not
                replaced itself.
        """
        names = self.items.ids.to_list()
        targets = [replacements.get(name, name) for name in names]
        items = IdMap(list(dict.fromkeys(targets)), kind=self.items.kind)
        rows = items.index(targets)  # (I,)
        part = replace(
            self, item_index=rows[self.item_index].astype(np.int32), items=items, notes=[]
        )
        part.notes = list(self.notes)
        part.num_duplicates = self.num_duplicates
        return part

    def pair_keys(self) -> np.ndarray:
        """Return a number for each pair, equal for equal pairs. Shapes: (E,) int64."""
        return np.asarray(self.user_index.astype(np.int64) * len(self.items) + self.item_index)

    def csr(self, *, by_time: bool = False) -> tuple[np.ndarray, np.ndarray]:
        """Return the items of each user, sorted by index, as compressed sparse rows.

        Args:
            by_time: sort the items of a user by time instead, oldest first; equal times, and
                interactions without times, keep the order of the table.

        Shapes:
            the result: indptr (U + 1,) int64 and indices (E,) int32.
        """
        counts = np.bincount(self.user_index, minlength=len(self.users))
        indptr = np.concatenate([[0], np.cumsum(counts)]).astype(np.int64)
        if by_time:
            time = [] if self.timestamp is None else [self.timestamp]
            order = np.lexsort([*time, self.user_index])  # the last key is the first criterion
            return indptr, self.item_index[order].astype(np.int32)
        # Sorting plain numbers is many times faster than sorting pairs through an index.
        keys = np.sort(self.pair_keys())
        return indptr, (keys % max(len(self.items), 1)).astype(np.int32)

    def k_core(self, *, k_user: int = 0, k_item: int = 0) -> Interactions:
        """Return the largest subset in which every user has k_user items, every item k_item users.

        The id maps contain the remaining ids, in the same order.

        Raises:
            InteractionsError: no interaction remains.
        """
        rows = np.arange(len(self))
        while True:
            user, item = self.user_index[rows], self.item_index[rows]
            user_degree = np.bincount(user, minlength=len(self.users))
            item_degree = np.bincount(item, minlength=len(self.items))
            enough = (user_degree[user] >= k_user) & (item_degree[item] >= k_item)
            if enough.all():
                break
            rows = rows[enough]
        if len(rows) == 0:
            raise InteractionsError(
                f"no interaction of {len(self):,} ({len(self.users):,} users, "
                f"{len(self.items):,} items) remains when every user needs {k_user} items and "
                f"every item {k_item} users; lower `k_core`"
            )
        users = IdMap(self.users.ids.filter(pl.Series(user_degree > 0)), kind=self.users.kind)
        items = IdMap(self.items.ids.filter(pl.Series(item_degree > 0)), kind=self.items.kind)
        kept = self.take(rows).relabelled(users, items)
        kept.notes = [
            *self.notes,
            f"{k_user},{k_item}-core: {len(kept):,} of {len(self):,} interactions remain, "
            f"{len(users):,} of {len(self.users):,} users and {len(items):,} of "
            f"{len(self.items):,} items",
        ]
        return kept

    def _copy(self) -> Interactions:
        """Return a shallow copy, without searching for duplicates again."""
        return copy.copy(self)

    def _keep(self, rows: np.ndarray) -> None:
        self.user_index, self.item_index = self.user_index[rows], self.item_index[rows]
        self.timestamp = None if self.timestamp is None else self.timestamp[rows]
        self.weight = None if self.weight is None else self.weight[rows]

    def _duplicate_rows(self) -> np.ndarray:
        """Return the rows of pairs that also occur earlier. Shapes: (N,) int64."""
        keys = self.pair_keys()
        ordered = np.sort(keys)
        twice = np.unique(ordered[1:][ordered[1:] == ordered[:-1]])
        del ordered
        if len(twice) == 0:
            return np.zeros(0, dtype=np.int64)
        at = np.searchsorted(twice, keys).clip(max=len(twice) - 1)
        rows = np.flatnonzero(twice[at] == keys)
        time = self.timestamp
        order = np.lexsort(
            (rows if time is None else time[rows], keys[rows])
        )  # stable: ties are in the order of rows
        rows = rows[order]
        return np.asarray(rows[1:][keys[rows][1:] == keys[rows][:-1]])


def check_learnable(interactions: Interactions) -> list[str]:
    """Return notes on interactions from which little can be learned.

    Raises:
        InteractionsError: there is only one item, so that there is nothing to rank.
    """
    users, items = interactions.users, interactions.items
    if len(items) < 2:
        raise InteractionsError(
            f"the interactions have only one item, {examples(items.ids)}; there is nothing to "
            "rank; check which column contains the items"
        )
    if len(users) < 2:
        return [f"the interactions have only one user, {examples(users.ids)}"]
    if np.bincount(interactions.user_index).max(initial=0) < 2:
        return [
            "every user has a single interaction: nothing can be learned of which items go "
            "together, and no user has one to hold out"
        ]
    return []
