"""Recommender: answers from a run's matrices, in the user's own ids. Loads no torch."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from functools import cached_property
from pathlib import Path
from typing import Literal, Self, get_args

import numpy as np
import polars as pl

from mmgcn.data.ids import UnknownIds, as_texts
from mmgcn.evaluation.ranking import block_users, mask_seen, top_k
from mmgcn.run import Run
from mmgcn.serving.cold_start.fold_in import FoldIn
from mmgcn.serving.explanation import Explanation, cosine, explain
from mmgcn.serving.selector import Rules

Cold = Literal["error", "popularity"]


class Recommender:
    """A finished run, ready to answer.

    Its matrices are memory-mapped and never changed, so one object may serve many threads.

    What the methods share:
        k: the length of a list. Fewer rows come back where fewer items are left.
        items: rank only these. exclude: leave these out.
        diversity: from 0 to 1, how much an item that resembles one above it is pushed down, by
            content (maximal marginal relevance; see `selection.select`).
        creators: who made an item, by item id; a list then holds at most `per_creator` items of
            one creator. Items that are not named are not limited.

    They raise UnknownIds (a LookupError, with the nearest known ids) for a user or item that is not
    in the run, and ValueError for a number out of range and ids that are no list of texts.
    """

    def __init__(self, run: Run) -> None:
        self.run = run
        self._masks = [run.csr("seen"), run.csr("valid")]

    @classmethod
    def load(cls, path: Path | str = "runs/latest") -> Self:
        """Open a run folder.

        Raises:
            RunError: there is none, it is not finished or not whole, or a newer mmgcn wrote it.
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
        creators: Mapping[str, str] | None = None,
        per_creator: int = 1,
    ) -> pl.DataFrame:
        """Return the k best items of each user, users in the order given, each once.

        Args:
            filter_seen: leave out what the user has in the training and validation parts.
            cold: what a user gets who is not in the data: an error, or the most popular items.

        Returns:
            A table of user_id, item_id, score, rank (from 1). The score of a popular item is how
            often it was watched.
        """
        blocks = self.blocks(
            user_ids,
            k=k,
            filter_seen=filter_seen,
            items=items,
            exclude=exclude,
            cold=cold,
            diversity=diversity,
            creators=creators,
            per_creator=per_creator,
        )
        return pl.concat([list_table([], [], [], []), *blocks])

    def blocks(
        self,
        user_ids: Sequence[str] | None = None,
        *,
        k: int = 10,
        filter_seen: bool = True,
        items: Sequence[str] | None = None,
        exclude: Sequence[str] | None = None,
        cold: Cold = "error",
        diversity: float = 0.0,
        creators: Mapping[str, str] | None = None,
        per_creator: int = 1,
    ) -> Iterator[pl.DataFrame]:
        """Yield what `recommend` returns, a block of users at a time; of all, where none is named.

        Memory is bounded by the block, whatever the number of users.
        """
        rules = Rules.of(
            self.run,
            k=k,
            filter_seen=filter_seen,
            items=items,
            exclude=exclude,
            diversity=diversity,
            creators=creators,
            per_creator=per_creator,
        )
        if cold not in get_args(Cold):
            raise ValueError(f"cold is '{cold}'; known: {', '.join(get_args(Cold))}")
        if user_ids is None:
            return self._blocks(np.arange(len(self.run.users)), self.run.users.ids, rules)
        ids = as_texts(user_ids).unique(maintain_order=True)
        rows = self.run.users.get(ids)
        if (rows < 0).any() and cold == "error":
            unknown = ids.filter(pl.Series(rows < 0)).to_list()
            raise UnknownIds("user", unknown, self.run.users.ids)
        return self._blocks(rows, ids, rules)

    def recommend_rows(
        self, rows: np.ndarray, *, k: int = 10, filter_seen: bool = True
    ) -> tuple[np.ndarray, np.ndarray]:
        """Return what `recommend` does, in rows instead of ids: a fifth of its time for one user.

        Shapes:
            rows: (B,) of users; the result: rows of items (B, K), -1 for an empty place, and their
            scores (B, K).
        """
        return self._ranked(rows, Rules(k, filter_seen))

    def recommend_history(
        self,
        item_ids: Sequence[str],
        *,
        k: int = 10,
        others: np.ndarray | None = None,
        items: Sequence[str] | None = None,
        exclude: Sequence[str] | None = None,
        diversity: float = 0.0,
        creators: Mapping[str, str] | None = None,
        per_creator: int = 1,
    ) -> pl.DataFrame:
        """Return the k best items for somebody who is not in the data and has watched these.

        Their vector is made of the items' as the run makes it for its own users (`FoldIn`).

        Args:
            others: the vectors of further items that were watched and are not in the run
                (`unseen.vectors`). Shapes: (M, d).

        Returns:
            A table of item_id, score, rank; without the given items.

        Raises:
            ValueError: an empty history.
        """
        rules = Rules.of(
            self.run,
            k=k,
            items=items,
            exclude=exclude,
            diversity=diversity,
            creators=creators,
            per_creator=per_creator,
        )
        vector, watched = self._newcomer(item_ids, others)
        scores = np.array(self.run.item @ vector)
        scores[watched] = -np.inf
        best, values = rules.choose(scores[None])
        return self._item_table(best[0], values[0])

    def similar(self, item_id: str, *, k: int = 10, channel: str | None = None) -> pl.DataFrame:
        """Return the items most like one, by the cosine of their vectors.

        Args:
            channel: compare only this part of the vectors, such as `visual`.

        Returns:
            A table of item_id, score, rank.

        Raises:
            ValueError: no such channel, or the item is blank there.
        """
        (row,) = self.run.items.index([item_id])
        vectors = self._channel(channel)
        if not vectors[row].any():
            raise ValueError(
                f"item '{item_id}' is blank in the channel {channel}: it lacks the modality"
                if channel
                else f"item '{item_id}' has a vector of zeros, which is like nothing"
            )
        scores = cosine(vectors, vectors[row])
        scores[row] = -np.inf
        best, values = top_k(scores[None], k)
        return self._item_table(best[0], values[0])

    def with_parts(self, table: pl.DataFrame) -> pl.DataFrame:
        """Return what `recommend` returned with a column for what each channel contributes.

        The columns are called `part_<channel>`; added from left to right they are `score`, which
        is in full precision then, exactly. They are null where the run does not know the user.
        """
        users, items = self.run.users.get(table["user_id"]), self.run.items.index(table["item_id"])
        vectors = np.asarray(self.run.user[users], dtype=np.float64)
        known = pl.Series(users >= 0)
        parts = {
            f"part_{name}": np.einsum("nd,nd->n", np.asarray(part[items], np.float64), vectors)
            for name, part in self.run.parts.items()
        }
        score = pl.Series(sum(parts.values())).zip_with(known, table["score"].cast(pl.Float64))
        columns = [pl.Series(n, v).zip_with(known, pl.Series([None])) for n, v in parts.items()]
        return table.with_columns(score.alias("score"), *columns)

    def explain(self, user_id: str, item_id: str, *, num_nearest: int = 3) -> Explanation:
        """Return what each channel contributes to a score, and the watched items most alike."""
        (user,) = self.run.users.index([user_id])
        (item,) = self.run.items.index([item_id])
        return explain(
            self.run,
            self.run.user[user],
            self._watched(user),
            item,
            user_id=user_id,
            num_nearest=num_nearest,
        )

    def explain_history(
        self,
        item_ids: Sequence[str],
        item_id: str,
        *,
        others: np.ndarray | None = None,
        num_nearest: int = 3,
    ) -> Explanation:
        """Return the same for somebody who is not in the data: see `recommend_history`."""
        vector, watched = self._newcomer(item_ids, others)
        (item,) = self.run.items.index([item_id])
        return explain(self.run, vector, watched, item, user_id=None, num_nearest=num_nearest)

    def history(self, user_id: str) -> list[str]:
        """Return the items that the run knows a user to have watched, training and validation."""
        (user,) = self.run.users.index([user_id])
        return self.run.items.ids.gather(self._watched(user)).to_list()

    @cached_property
    def newcomers(self) -> FoldIn:
        """What makes a vector of a history."""
        return FoldIn(self.run)

    def _newcomer(
        self, item_ids: Sequence[str], others: np.ndarray | None
    ) -> tuple[np.ndarray, np.ndarray]:
        """Shapes: the result: (d,), and (N,) rows of items."""
        rows = self.run.items.index(item_ids)
        if not len(rows) and (others is None or not len(others)):
            raise ValueError("the history is empty; name at least one item")
        return self.newcomers.vector(rows, others), rows

    def _watched(self, user: int) -> np.ndarray:
        """Shapes: the result: (N,) rows of items."""
        return np.concatenate(
            [indices[indptr[user] : indptr[user + 1]] for indptr, indices in self._masks]
        )

    def _blocks(self, rows: np.ndarray, ids: pl.Series, rules: Rules) -> Iterator[pl.DataFrame]:
        """Yield lists of the users of those rows; -1 is somebody whom the run does not know."""
        size = block_users(len(self.run.items))
        popular = None
        if (rows < 0).any():
            scores = np.array(self.run.popularity[None], dtype=np.float32)
            popular = rules.choose(scores)
        for start in range(0, len(rows), size):
            block = rows[start : start + size]
            known = block >= 0
            best, values = self._ranked(block[known], rules)
            if popular is not None:
                best = _spread(best, known, popular[0])
                values = _spread(values, known, popular[1])
            there = best >= 0
            ranks = np.broadcast_to(np.arange(1, best.shape[1] + 1), best.shape)
            yield list_table(
                ids.gather(start + np.repeat(np.arange(len(block)), there.sum(axis=1))),
                self.run.items.ids.gather(best[there]),
                values[there],
                ranks[there],
            )

    def _ranked(self, rows: np.ndarray, rules: Rules) -> tuple[np.ndarray, np.ndarray]:
        scores = np.asarray(self.run.user[rows]) @ np.asarray(self.run.item).T  # (B, I)
        if rules.filter_seen:
            mask_seen(scores, rows, self._masks)
        return rules.choose(scores)

    def _channel(self, channel: str | None) -> np.ndarray:
        if channel is None:
            return self.run.item
        if channel not in self.run.parts:
            known = ", ".join(self.run.parts)
            raise ValueError(f"the run has no channel '{channel}'; it has: {known}")
        return self.run.parts[channel]

    def _item_table(self, items: np.ndarray, values: np.ndarray) -> pl.DataFrame:
        """Shapes: items, values: (K,), -1 for an empty place."""
        there = items >= 0
        ids = self.run.items.ids.gather(items[there])
        ranks = np.arange(1, len(ids) + 1)
        return list_table([""] * len(ids), ids, values[there], ranks).drop("user_id")


def _spread(known: np.ndarray, where: np.ndarray, others: np.ndarray) -> np.ndarray:
    """Return the rows of `known` where they belong, and `others` everywhere else.

    Shapes:
        known: (N, K); where: (B,) bool with N set; others: (1, K); the result: (B, K).
    """
    whole = np.repeat(others, len(where), axis=0).astype(known.dtype)
    whole[where] = known
    return whole


def list_table(
    users: Sequence[str] | pl.Series,
    items: Sequence[str] | pl.Series,
    scores: Sequence[float] | np.ndarray,
    ranks: Sequence[int] | np.ndarray,
) -> pl.DataFrame:
    """Return the columns as the table that lists are. Shapes: each (N,)."""
    return pl.DataFrame(
        {
            "user_id": pl.Series(users, dtype=pl.String),
            "item_id": pl.Series(items, dtype=pl.String),
            "score": pl.Series(scores, dtype=pl.Float32),
            "rank": pl.Series(ranks, dtype=pl.Int64),
        }
    )
