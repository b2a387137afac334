"""Recommender: ranked lists from a run's matrices, in external ids. Imports no torch."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from functools import cached_property
from pathlib import Path
from typing import Self, Unpack

import numpy as np
import polars as pl

from mmgcn.channels import absence
from mmgcn.data.ids import UnknownIds
from mmgcn.evaluation.ranking import block_users, mask_seen
from mmgcn.run import Run
from mmgcn.serving.cold_start.fold_in import FoldIn
from mmgcn.serving.explanation import Explanation, cosine, explain, with_parts
from mmgcn.serving.list_table import item_table, list_table
from mmgcn.serving.ranking_options import RankingChanges, RankingOptions
from mmgcn.serving.selector import Selector

DEFAULTS = RankingOptions()


class Recommender:
    """Recommendations, similar items and explanations from a finished run.

    The run's matrices are memory-mapped and read-only, so several threads can share one object.

    Ids are any iterable of str; a single str is an error. Methods for ranked lists take `options`,
    a RankingOptions, or its fields as keywords, or both; keywords override. So
    `recommend(["42"], k=5)` equals `recommend(["42"], RankingOptions(k=5))`.

    Methods raise UnknownIds (a LookupError, with the nearest known ids) for a user or item that is
    not in the run, and ValueError for a value out of range or ids that are not text.
    """

    def __init__(self, run: Run) -> None:
        self.run = run
        self._masks = [run.csr("seen"), run.csr("valid")]
        self._skipped = [run.csr(name) for name in run.never_listed]

    @classmethod
    def load(cls, path: Path | str = "runs/latest") -> Self:
        """Open a run folder. A link is resolved once: the object keeps the run it pointed to.

        Raises:
            RunError: the folder does not exist, is incomplete, or was written by a newer mmgcn.
        """
        return cls(Run.load(path))

    def recommend(
        self,
        user_ids: Iterable[str],
        options: RankingOptions = DEFAULTS,
        **changes: Unpack[RankingChanges],
    ) -> pl.DataFrame:
        """Return the k best items of each user, in the given order of users without duplicates.

        Returns:
            A table of user_id, item_id, score, rank (from 1). With unknown_users="popularity", the
            score of an unknown user's item is its number of training interactions.
        """
        blocks = self.blocks(user_ids, options, **changes)
        return pl.concat([list_table([], [], [], []), *blocks])

    def blocks(
        self,
        user_ids: Iterable[str] | None = None,
        options: RankingOptions = DEFAULTS,
        **changes: Unpack[RankingChanges],
    ) -> Iterator[pl.DataFrame]:
        """Yield the rows of `recommend` in blocks of users; by default for all users.

        Memory does not grow with the number of users.
        """
        options = options.changed(**changes)
        selector = Selector.of(self.run, options)
        if user_ids is None:
            return self._blocks(np.arange(len(self.run.users)), self.run.users.ids, selector)
        ids = self.run.users.complete(user_ids).unique(maintain_order=True)
        user_index = self.run.users.get(ids)
        if (user_index < 0).any() and options.unknown_users == "error":
            unknown = ids.filter(pl.Series(user_index < 0)).to_list()
            error = UnknownIds("user", unknown, self.run.users.ids)
            hint = "unknown_users='popularity' gives unknown users the most popular items"
            error.args = (f"{error}; {hint}",)
            raise error
        return self._blocks(user_index, ids, selector)

    def recommend_by_index(
        self, user_index: np.ndarray, *, k: int = 10, filter_seen: bool = True
    ) -> tuple[np.ndarray, np.ndarray]:
        """Return the lists of `recommend` as indices: five times faster for a single user.

        Shapes:
            user_index: (B,); the result: item_index (B, K), -1 for an empty position, and scores
            (B, K).
        """
        return self._ranked(user_index, Selector(k, filter_seen))

    def recommend_history(
        self,
        item_ids: Iterable[str],
        options: RankingOptions = DEFAULTS,
        *,
        cold_items: np.ndarray | None = None,
        **changes: Unpack[RankingChanges],
    ) -> pl.DataFrame:
        """Return the k best items for a user who is not in the run, from their history.

        The user's vector is folded in from the item vectors, see `FoldIn`.

        Args:
            item_ids: watched items, which are left out of the list.
            cold_items: vectors, (M, d), of watched items that are not in the run, from
                cold_start.cold_items.item_vectors.

        Returns:
            A table of item_id, score, rank.

        Raises:
            ValueError: the history is empty, or an option has no effect here.
        """
        options = options.changed(**changes)
        options.refuse("filter_seen", "unknown_users", method="recommend_history")
        selector = Selector.of(self.run, options)
        vector, watched = self._folded_in(item_ids, cold_items)
        scores = np.array(self.run.item @ vector)
        scores[watched] = -np.inf
        best, values = selector.select(scores[None])
        return item_table(self.run.items.ids, best[0], values[0])

    def similar(
        self,
        item_id: str,
        options: RankingOptions = DEFAULTS,
        *,
        channel: str | None = None,
        **changes: Unpack[RankingChanges],
    ) -> pl.DataFrame:
        """Return the nearest neighbours of an item, by the cosine of the item vectors.

        Args:
            channel: part of the vectors to compare, such as `visual`, among the items that have it;
                None for the full vectors.

        Returns:
            A table of item_id, score, rank; the score is the cosine.

        Raises:
            ValueError: the channel does not exist, the item lacks it, or an option has no effect
                here.
        """
        options = options.changed(**changes)
        options.refuse("filter_seen", "unknown_users", method="similar")
        selector = Selector.of(self.run, options)
        (index,) = self.run.items.index([item_id])
        vectors = self._channel(channel)
        present = np.ones(len(vectors), dtype=bool)
        if channel:
            present = self.run.has(channel, np.arange(len(vectors)))
        if not present[index] or not vectors[index].any():
            raise ValueError(
                f"item '{item_id}' has {absence(channel)}, and therefore no neighbours in the "
                f"channel {channel}; choose another channel, or none to compare by all"
                if channel
                else f"item '{item_id}' has a vector of zeros and no neighbours"
            )
        scores = cosine(vectors, vectors[index])
        scores[~present] = -np.inf
        scores[index] = -np.inf
        best, values = selector.select(scores[None])
        return item_table(self.run.items.ids, best[0], values[0])

    def with_parts(self, table: pl.DataFrame) -> pl.DataFrame:
        """Return a table of `recommend` with the contribution of each channel to the score.

        The columns `part_<channel>` are null for users who are not in the run. They are also null
        for items that lack the channel, whose inferred contribution is in `part_neighbours`. Added
        from left to right they are exactly `score`, which is then in double precision.
        """
        return with_parts(self.run, table)

    def explain(self, user_id: str, item_id: str, *, num_nearest: int = 3) -> Explanation:
        """Return the contribution of each channel to a score, and the most similar watched items.

        Args:
            num_nearest: number of watched items per channel.
        """
        (user_index,) = self.run.users.index([user_id])
        (item_index,) = self.run.items.index([item_id])
        return explain(
            self.run,
            self.run.user[user_index],
            self._watched(user_index),
            item_index,
            user_id=user_id,
            num_nearest=num_nearest,
        )

    def explain_history(
        self,
        item_ids: Iterable[str],
        item_id: str,
        *,
        cold_items: np.ndarray | None = None,
        num_nearest: int = 3,
    ) -> Explanation:
        """Return the explanation of an item in the list of `recommend_history`."""
        vector, watched = self._folded_in(item_ids, cold_items)
        (item_index,) = self.run.items.index([item_id])
        return explain(self.run, vector, watched, item_index, user_id=None, num_nearest=num_nearest)

    def history(self, user_id: str) -> list[str]:
        """Return the items that a user watched: the training part, then the validation part.

        In each part the oldest is first, by timestamp or, without timestamps, by the order of the
        table.
        """
        (user_index,) = self.run.users.index([user_id])
        return self.run.items.ids.gather(self._watched(user_index)).to_list()

    @cached_property
    def fold_in(self) -> FoldIn:
        """Map from a history to a user vector."""
        return FoldIn(self.run)

    def _folded_in(
        self, item_ids: Iterable[str], cold_items: np.ndarray | None
    ) -> tuple[np.ndarray, np.ndarray]:
        """Return the user vector of a history, and its items. Shapes: (d,) and (N,)."""
        item_index = self.run.items.index(item_ids)
        if not len(item_index) and (cold_items is None or not len(cold_items)):
            raise ValueError("the history is empty; name at least one item")
        return self.fold_in.vector(item_index, cold_items), item_index

    def _watched(self, user_index: int) -> np.ndarray:
        """Return the items that a user watched. Shapes: (N,)."""
        return np.concatenate(
            [
                indices[indptr[user_index] : indptr[user_index + 1]]
                for indptr, indices in self._masks
            ]
        )

    def _blocks(
        self, user_index: np.ndarray, ids: pl.Series, selector: Selector
    ) -> Iterator[pl.DataFrame]:
        """Yield the lists of users; an index of -1 is a user who is not in the run."""
        size = block_users(len(self.run.items))
        popular = None
        if (user_index < 0).any():
            scores = np.array(self.run.popularity[None], dtype=np.float32)
            popular = selector.select(scores)
        for start in range(0, len(user_index), size):
            block = user_index[start : start + size]
            known = block >= 0
            best, values = self._ranked(block[known], selector)
            if popular is not None:
                best = _scatter(best, known, popular[0])
                values = _scatter(values, known, popular[1])
            found = best >= 0
            ranks = np.broadcast_to(np.arange(1, best.shape[1] + 1), best.shape)
            yield list_table(
                ids.gather(start + np.repeat(np.arange(len(block)), found.sum(axis=1))),
                self.run.items.ids.gather(best[found]),
                values[found],
                ranks[found],
            )

    def _ranked(self, user_index: np.ndarray, selector: Selector) -> tuple[np.ndarray, np.ndarray]:
        scores = np.asarray(self.run.user[user_index]) @ np.asarray(self.run.item).T  # (B, I)
        if selector.filter_seen:
            mask_seen(scores, user_index, self._masks)
        mask_seen(scores, user_index, self._skipped)
        return selector.select(scores)

    def _channel(self, channel: str | None) -> np.ndarray:
        if channel is None:
            return self.run.item_vectors
        if channel not in self.run.vector_parts:
            known = ", ".join(self.run.vector_parts)
            raise ValueError(f"the run has no channel '{channel}'; it has: {known}")
        return self.run.vector_parts[channel]


def _scatter(rows: np.ndarray, where: np.ndarray, fill: np.ndarray) -> np.ndarray:
    """Return `rows` at the positions where `where` is true, and `fill` at the others.

    Shapes:
        rows: (N, K); where: (B,) bool with N set; fill: (1, K); the result: (B, K).
    """
    result = np.repeat(fill, len(where), axis=0).astype(rows.dtype)
    result[where] = rows
    return result
