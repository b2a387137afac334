"""Session: a user's list after likes and plays since the run was trained."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
import polars as pl

from mmgcn.data.ids import UnknownIds
from mmgcn.serving.explanation import Explanation, cosine, explain
from mmgcn.serving.ranking_options import RankingOptions
from mmgcn.serving.recommender import Recommender
from mmgcn.serving.selector import Selector


@dataclass(frozen=True, eq=False)
class SessionList:
    """A ranked list after a session.

    Args:
        table: columns item_id, score, rank; rank_before, the rank without the session among the
            same candidates; because, the most similar item of the session, null for items that did
            not rise.
        items: items of the session that are in the run and not in the user's history.
        is_reranked: whether a rank changed, which never happens without item vectors.
    """

    table: pl.DataFrame
    items: list[str]
    is_reranked: bool


class SessionRanker:
    """Ranks with the vector of a user moved by a session; see `FoldIn.updated`.

    A session maps items to weights, such as 2 for a like. Items that are not in the run, have no
    positive weight, or are in the user's history are ignored.
    """

    def __init__(self, recommender: Recommender) -> None:
        self._recommender, self._run = recommender, recommender.run

    def recommend(
        self, user_id: str, session: Mapping[str, float], options: RankingOptions
    ) -> SessionList:
        """Return the k best items of a user after a session.

        A user who is not in the run gets a list from the session only.

        Raises:
            UnknownIds: the user is not in the run and has no session.
            ValueError: an option is out of range.
        """
        selector = Selector.of(self._run, options)
        user_index, watched = self._user(user_id)
        items, weights = self._further(session, watched)
        vector = self._vector(user_id, user_index, watched, items, weights)
        scores = np.array(self._run.item @ vector, dtype=np.float32)
        before = self._scores_before(user_index)
        for masked in self._masked(user_index, watched, filter_seen=options.filter_seen):
            scores[masked], before[masked] = -np.inf, -np.inf
        if selector.allowed is not None:
            before[~selector.allowed] = -np.inf
        best, values = selector.select(scores[None])
        found = best[0][best[0] >= 0]
        ranks = np.arange(1, len(found) + 1)
        rank_of = np.empty(len(before), dtype=np.int64)
        rank_of[np.argsort(-before, kind="stable")] = np.arange(1, len(before) + 1)
        table = pl.DataFrame(
            {
                "item_id": self._run.items.ids.gather(found),
                "score": values[0][: len(found)],
                "rank": ranks,
                "rank_before": rank_of[found],
                "because": self._because(found, items, rose=rank_of[found] > ranks),
            },
            schema_overrides={"because": pl.String, "rank": pl.Int64, "rank_before": pl.Int64},
        )
        ids = self._run.items.ids.gather(items).to_list()
        is_same = np.array_equal(best, selector.select(before[None])[0])
        return SessionList(table, ids, is_reranked=len(items) > 0 and not is_same)

    def explain(self, user_id: str, item_id: str, session: Mapping[str, float]) -> Explanation:
        """Return the explanation of an item in the list of `recommend`.

        Raises:
            UnknownIds: the item is not in the run, or the user as in `recommend`.
        """
        user_index, watched = self._user(user_id)
        items, weights = self._further(session, watched)
        vector = self._vector(user_id, user_index, watched, items, weights)
        (item_index,) = self._run.items.index([item_id])
        return explain(
            self._run,
            vector,
            np.concatenate([watched, items]),
            item_index,
            user_id=user_id,
            num_nearest=3,
        )

    def _user(self, user_id: str) -> tuple[int, np.ndarray]:
        """Return a user's index, -1 if unknown, and history. Shapes: (N,)."""
        (user_index,) = self._run.users.get([user_id])
        if user_index < 0:
            return -1, np.zeros(0, dtype=np.int64)
        return int(user_index), self._rows(int(user_index), "seen", "valid")

    def _rows(self, user_index: int, *parts: str) -> np.ndarray:
        rows = [
            indices[indptr[user_index] : indptr[user_index + 1]]
            for indptr, indices in map(self._run.csr, parts)
        ]
        return np.concatenate(rows).astype(np.int64) if rows else np.zeros(0, dtype=np.int64)

    def _further(
        self, session: Mapping[str, float], watched: np.ndarray
    ) -> tuple[np.ndarray, np.ndarray]:
        positive = {item: weight for item, weight in session.items() if weight > 0}
        index = self._run.items.get(list(positive))
        new = (index >= 0) & ~np.isin(index, watched)
        return index[new], np.array(list(positive.values()), dtype=np.float64)[new]

    def _vector(
        self,
        user_id: str,
        user_index: int,
        watched: np.ndarray,
        items: np.ndarray,
        weights: np.ndarray,
    ) -> np.ndarray:
        fold_in = self._recommender.fold_in
        if user_index >= 0:
            own = np.asarray(self._run.user[np.array([user_index])])[0]
            return fold_in.updated(own, watched, items, weights)
        if len(items) == 0:
            raise UnknownIds("user", [user_id], self._run.users.ids)
        return fold_in.vector(items)

    def _scores_before(self, user_index: int) -> np.ndarray:
        """Return the scores without the session; for an unknown user, the popularity."""
        if user_index < 0:
            return np.array(self._run.popularity, dtype=np.float32)
        own = np.asarray(self._run.user[np.array([user_index])])[0]
        return np.array(self._run.item @ own, dtype=np.float32)

    def _masked(
        self, user_index: int, watched: np.ndarray, *, filter_seen: bool
    ) -> list[np.ndarray]:
        """Return the items that are left out. Shapes: (N,) each."""
        if user_index < 0:
            return []
        skipped = self._rows(user_index, *self._run.never_listed)
        return [watched, skipped] if filter_seen else [skipped]

    def _because(
        self, found: np.ndarray, items: np.ndarray, *, rose: np.ndarray
    ) -> list[str | None]:
        """Return the session's item most similar to each item that rose, None for the others.

        Shapes:
            found, rose: (K,).
        """
        if len(items) == 0:
            return [None] * len(found)
        vectors = np.asarray(self._run.item_vectors[items])
        ids = self._run.items.ids.gather(items)
        reasons: list[str | None] = []
        for item, has_risen in zip(found.tolist(), rose.tolist(), strict=True):
            own = np.asarray(self._run.item_vectors[item])
            similarity = np.where(items == item, -np.inf, cosine(vectors, own))
            nearest = int(similarity.argmax())
            reasons.append(ids[nearest] if has_risen and similarity[nearest] > 0 else None)
        return reasons
