"""UserFacts: facts about a user of a run, and the ranks of the user's test items."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from mmgcn.evaluation.ranking import mask_seen
from mmgcn.run import Run


@dataclass(frozen=True)
class HeldOutItem:
    """A test item of a user: watched, but not used in training.

    Args:
        rank: rank in the user's full list, from 1; 0 for an item that was also watched in training
            and is therefore not in that list.
        popular_rank: rank in the list of the most popular items; 0 as above.
    """

    item_id: str
    rank: int
    popular_rank: int


@dataclass(frozen=True)
class UserFacts:
    """Facts about a user.

    Args:
        num_watched: number of items in the training and validation parts.
        num_candidates: number of items that the user's list can contain.
        test: test items of the user, the best rank first.
    """

    user_id: str
    num_watched: int
    num_candidates: int
    test: list[HeldOutItem]


def user_facts(run: Run, user_id: str) -> UserFacts:
    """Return the facts about a user of a run.

    Raises:
        UnknownIds: the user is not in the run.
    """
    (user,) = run.users.index([user_id])
    scores = user_scores(run, user)
    watched = np.isneginf(scores)
    popular = np.where(watched, -np.inf, np.asarray(run.popularity, dtype=np.float64))
    indptr, indices = run.csr("test")
    items = np.asarray(indices[indptr[user] : indptr[user + 1]])
    found = [
        HeldOutItem(run.items.id(int(item)), int(rank), int(popular_rank))
        for item, rank, popular_rank in zip(
            items, ranks_of(scores, items), ranks_of(popular, items), strict=True
        )
    ]
    found.sort(key=lambda item: item.rank or len(scores) + 1)
    return UserFacts(user_id, int(watched.sum()), int((~watched).sum()), found)


def user_scores(run: Run, user_index: int) -> np.ndarray:
    """Return a user's scores for all items, -inf for watched ones. Shapes: (I,) float32."""
    user = np.array([user_index])
    scores = np.array(np.asarray(run.user[user]) @ np.asarray(run.item).T, dtype=np.float32)
    mask_seen(scores, user, [run.csr("seen"), run.csr("valid")])
    return np.asarray(scores[0])


def ranks_of(scores: np.ndarray, item_index: np.ndarray) -> np.ndarray:
    """Return the ranks of items in the full list, from 1; 0 for an item at -inf.

    Equal scores are ordered by index, as in `ranking.top_k`.

    Shapes:
        scores: (I,); item_index: (N,); the result: (N,).

    >>> ranks_of(np.array([1.0, 3.0, 3.0, -np.inf]), np.array([0, 2, 3])).tolist()
    [3, 2, 0]
    """
    order = np.argsort(-scores, kind="stable")
    ranks = np.empty(len(scores), dtype=np.int64)
    ranks[order] = np.arange(1, len(scores) + 1)
    ranks[np.isneginf(scores)] = 0
    return np.asarray(ranks[item_index])
