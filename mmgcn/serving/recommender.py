"""Recommender: answers from a run's matrices, in the user's own ids. Loads no torch."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Literal, Self

import numpy as np
import polars as pl

from mmgcn.data.ids import UnknownIds
from mmgcn.evaluation.ranking import block_users, mask_seen, top_k
from mmgcn.run import Run

Cold = Literal["error", "popularity"]


@dataclass(frozen=True)
class Explanation:
    """Why an item has the score it has.

    Args:
        score: what it is ranked by.
        parts: by channel, what each contributes; they add up to the score.
        nearest: the watched items that are most alike, by channel: (item_id, cosine similarity).
    """

    user_id: str
    item_id: str
    score: float
    parts: dict[str, float]
    nearest: dict[str, list[tuple[str, float]]]


class Recommender:
    """A finished run, ready to answer.

    Its matrices are memory-mapped and never changed, so one object may serve many threads.
    """

    def __init__(self, run: Run) -> None:
        self.run = run
        self._masks = [run.csr("seen"), run.csr("valid")]

    @classmethod
    def load(cls, path: Path | str = "runs/latest") -> Self:
        """Open a run folder.

        Raises:
            RunError: there is none, it is not finished, or a newer mmgcn wrote it.
        """
        return cls(Run.load(path))

    def recommend(
        self,
        user_ids: Sequence[str],
        *,
        k: int = 10,
        filter_seen: bool = True,
        items: Sequence[str] | None = None,
        exclude: Sequence[str] | None = None,
        cold: Cold = "error",
        diversity: float = 0.0,
    ) -> pl.DataFrame:
        """Return the k best items of each user.

        Args:
            filter_seen: leave out what the user has in the training and validation parts.
            items: rank only these.
            exclude: leave these out.
            cold: what a user gets who is not in the data: an error, or the most popular items.
            diversity: from 0 to 1, how much an item that resembles one above it is pushed down
                (maximal marginal relevance over the item vectors).

        Returns:
            A table of user_id, item_id, score, rank (from 1). Fewer than k rows for a user where
            fewer items are left.

        Raises:
            UnknownIds: a user (unless `cold`), or an item of `items` or `exclude`.
            ValueError: k or diversity out of range.
        """
        if k < 1:
            raise ValueError(f"k is {k}; it must be at least 1")
        if not 0 <= diversity <= 1:
            raise ValueError(f"diversity is {diversity}; it lies from 0 to 1")
        rows = self.run.users.get(user_ids)
        if (rows < 0).any() and cold == "error":
            try:
                self.run.users.index(user_ids)
            except UnknownIds as error:
                error.args = (f"{error}; or pass --cold popularity",)
                raise
        allowed = self._allowed(items, exclude)
        known = rows[rows >= 0]
        tables = [self._ranked(known, k, filter_seen, allowed, diversity)] if len(known) else []
        for user_id, row in zip(user_ids, rows, strict=True):
            if row < 0:
                tables.append(self._popular(user_id, k, allowed))
        order = pl.DataFrame({"user_id": list(user_ids)}, schema={"user_id": pl.String})
        found = pl.concat(tables) if tables else _table([], [], [], [])
        return order.join(found, on="user_id", how="inner", maintain_order="left_right")

    def blocks(self, *, k: int = 10, filter_seen: bool = True) -> Iterator[pl.DataFrame]:
        """Yield the recommendations of every user, a block of users at a time."""
        num_users = len(self.run.users)
        size = block_users(len(self.run.items))
        for start in range(0, num_users, size):
            rows = np.arange(start, min(start + size, num_users))
            yield self._ranked(rows, k, filter_seen, None, 0.0)

    def similar(self, item_id: str, *, k: int = 10, channel: str | None = None) -> pl.DataFrame:
        """Return the items most like one, by the cosine of their vectors.

        Args:
            channel: compare only this part of the vectors.

        Returns:
            A table of item_id, score, rank.

        Raises:
            UnknownIds: no such item.
            ValueError: no such channel.
        """
        (row,) = self.run.items.index([item_id])
        vectors = self._channel(channel)
        scores = _cosine(vectors, vectors[row])
        scores[row] = -np.inf
        best, values = top_k(scores[None], k)
        return self._item_table(best[0], values[0])

    def recommend_history(
        self, item_ids: Sequence[str], *, k: int = 10, exclude: Sequence[str] | None = None
    ) -> pl.DataFrame:
        """Return the k best items for somebody who is not in the data and has watched these.

        Their vector is the mean of the vectors of the items, each of length one: where users are
        made of what they watch, that is where training would put them.

        Returns:
            A table of item_id, score, rank; without the given items.

        Raises:
            UnknownIds: an item that is not in the data.
            ValueError: an empty history.
        """
        if not item_ids:
            raise ValueError("the history is empty; name at least one item")
        rows = self.run.items.index(item_ids)
        watched = np.asarray(self.run.item[rows])
        lengths = np.linalg.norm(watched, axis=1, keepdims=True)
        user = (watched / np.maximum(lengths, 1e-12)).mean(axis=0)
        scores = np.array(self.run.item @ user)
        scores[rows] = -np.inf
        if exclude:
            scores[self.run.items.index(exclude)] = -np.inf
        best, values = top_k(scores[None], k)
        return self._item_table(best[0], values[0])

    def explain(self, user_id: str, item_id: str, *, num_nearest: int = 3) -> Explanation:
        """Return what each channel contributes to a score, and the watched items most alike.

        Raises:
            UnknownIds: no such user or item.
        """
        (user,) = self.run.users.index([user_id])
        (item,) = self.run.items.index([item_id])
        vector = np.asarray(self.run.user[user], dtype=np.float64)
        parts = {
            name: float(np.asarray(part[item], dtype=np.float64) @ vector)
            for name, part in self.run.parts.items()
        }
        indptr, indices = self._masks[0]
        watched = np.asarray(indices[indptr[user] : indptr[user + 1]])
        watched = watched[watched != item]
        nearest = {}
        for name, part in self.run.parts.items():
            alike = _cosine(np.asarray(part[watched]), np.asarray(part[item]))
            order = np.argsort(-alike, kind="stable")[:num_nearest]
            ids = self.run.items.ids.gather(watched[order]).to_list()
            nearest[name] = list(zip(ids, (round(float(v), 6) for v in alike[order]), strict=True))
        return Explanation(user_id, item_id, sum(parts.values()), parts, nearest)

    def history(self, user_id: str) -> list[str]:
        """Return the items that a user has in the training part.

        Raises:
            UnknownIds: no such user.
        """
        (user,) = self.run.users.index([user_id])
        indptr, indices = self._masks[0]
        return self.run.items.ids.gather(indices[indptr[user] : indptr[user + 1]]).to_list()

    def _allowed(
        self, items: Sequence[str] | None, exclude: Sequence[str] | None
    ) -> np.ndarray | None:
        """Shapes: the result: (I,) bool, or None for all."""
        if items is None and not exclude:
            return None
        allowed = np.full(len(self.run.items), items is None)
        if items is not None:
            allowed[self.run.items.index(items)] = True
        if exclude:
            allowed[self.run.items.index(exclude)] = False
        return allowed

    def _ranked(
        self,
        rows: np.ndarray,
        k: int,
        filter_seen: bool,
        allowed: np.ndarray | None,
        diversity: float,
    ) -> pl.DataFrame:
        scores = np.asarray(self.run.user[rows]) @ np.asarray(self.run.item).T  # (B, I)
        if filter_seen:
            mask_seen(scores, rows, self._masks)
        if allowed is not None:
            scores[:, ~allowed] = -np.inf
        if diversity:
            best, values = self._diverse(scores, k, diversity)
        else:
            best, values = top_k(scores, k)
        there = best >= 0
        users = np.repeat(rows, there.sum(axis=1))
        ranks = np.broadcast_to(np.arange(1, best.shape[1] + 1), best.shape)[there]
        return _table(
            self.run.users.ids.gather(users),
            self.run.items.ids.gather(best[there]),
            values[there],
            ranks,
        )

    def _diverse(
        self, scores: np.ndarray, k: int, diversity: float
    ) -> tuple[np.ndarray, np.ndarray]:
        """Choose one by one among the best 10 k: score, less likeness to what stands above.

        Source: Carbonell, Goldstein: The use of MMR, diversity-based reranking, SIGIR 1998.
        """
        pool, values = top_k(scores, 10 * k)
        k = min(k, pool.shape[1])
        best, kept = np.full((len(pool), k), -1), np.full((len(pool), k), -np.inf, np.float32)
        for row in range(len(pool)):
            items, worth = pool[row][pool[row] >= 0], values[row][pool[row] >= 0]
            if len(items) == 0:
                continue
            vectors = np.asarray(self.run.item[items])
            vectors = vectors / np.maximum(np.linalg.norm(vectors, axis=1, keepdims=True), 1e-12)
            span = max(float(worth.max() - worth.min()), 1e-12)
            gain = (1 - diversity) * (worth - worth.min()) / span
            likeness, free = np.zeros(len(items)), np.ones(len(items), dtype=bool)
            for place in range(min(k, len(items))):
                now = np.where(free, gain - diversity * likeness, -np.inf)
                chosen = int(now.argmax())
                free[chosen] = False
                best[row, place], kept[row, place] = items[chosen], worth[chosen]
                likeness = np.maximum(likeness, vectors @ vectors[chosen])
        return best, kept

    def _popular(self, user_id: str, k: int, allowed: np.ndarray | None) -> pl.DataFrame:
        scores = np.array(self.run.popularity, dtype=np.float32)
        if allowed is not None:
            scores[~allowed] = -np.inf
        best, values = top_k(scores[None], k)
        there = best[0] >= 0
        ids = self.run.items.ids.gather(best[0][there])
        return _table([user_id] * len(ids), ids, values[0][there], np.arange(1, len(ids) + 1))

    def _channel(self, channel: str | None) -> np.ndarray:
        if channel is None:
            return self.run.item
        if channel not in self.run.parts:
            known = ", ".join(self.run.parts)
            raise ValueError(f"the run has no channel '{channel}'; it has: {known}")
        return self.run.parts[channel]

    def _item_table(self, items: np.ndarray, values: np.ndarray) -> pl.DataFrame:
        there = items >= 0
        ids = self.run.items.ids.gather(items[there])
        return pl.DataFrame(
            {
                "item_id": ids,
                "score": values[there].astype(np.float32),
                "rank": np.arange(1, len(ids) + 1),
            },
            schema_overrides={"item_id": pl.String, "rank": pl.Int64},
        )


def _cosine(vectors: np.ndarray, one: np.ndarray) -> np.ndarray:
    """Shapes: vectors: (N, d); one: (d,); the result: (N,)."""
    lengths = np.linalg.norm(vectors, axis=1) * np.linalg.norm(one)
    return np.asarray((vectors @ one) / np.maximum(lengths, 1e-12))


def _table(
    users: Sequence[str] | pl.Series,
    items: Sequence[str] | pl.Series,
    scores: Sequence[float] | np.ndarray,
    ranks: Sequence[int] | np.ndarray,
) -> pl.DataFrame:
    return pl.DataFrame(
        {
            "user_id": pl.Series(users, dtype=pl.String),
            "item_id": pl.Series(items, dtype=pl.String),
            "score": pl.Series(scores, dtype=pl.Float32),
            "rank": pl.Series(ranks, dtype=pl.Int64),
        }
    )
