"""Comparison: the lists of one user in two runs, and what moved."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from mmgcn.run import Run
from mmgcn.serving.user_facts import ranks_of, user_scores


@dataclass(frozen=True)
class ComparedItem:
    """An item of one list.

    Args:
        other_rank: rank in the other run's full list, from 1; None if that run lacks the item, or
            the user watched it in its training or validation part.
    """

    item_id: str
    rank: int
    score: float
    other_rank: int | None


def compared_lists(
    one: Run, other: Run, user_id: str, *, k: int
) -> tuple[list[ComparedItem], list[ComparedItem]]:
    """Return the k best items of a user in each run, with their ranks in the other run.

    Raises:
        UnknownIds: the user is not in one of the runs.
    """
    scores = [user_scores(run, int(run.users.index([user_id])[0])) for run in (one, other)]
    return (
        _compared(one, other, *scores, k=k),
        _compared(other, one, *reversed(scores), k=k),
    )


def _compared(
    one: Run, other: Run, scores: np.ndarray, other_scores: np.ndarray, *, k: int
) -> list[ComparedItem]:
    order = np.argsort(-scores, kind="stable")[:k]
    order = order[~np.isneginf(scores[order])]
    ids = one.items.ids.gather(order).to_list()
    index = other.items.get(ids)
    ranks = np.where(index < 0, 0, ranks_of(other_scores, np.maximum(index, 0)))
    return [
        ComparedItem(item_id, rank, float(scores[item]), int(other_rank) or None)
        for rank, (item_id, item, other_rank) in enumerate(
            zip(ids, order, ranks, strict=True), start=1
        )
    ]
