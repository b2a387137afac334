"""Selection: from scores to a list, with an eye on what the list holds already."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from mmgcn.evaluation.ranking import top_k

POOL = 10  # lists are chosen among this many times k items
GROWTH = 4  # of the pool of a list that came out short


@dataclass(frozen=True, eq=False)
class Variety:
    """What keeps a list from being one thing ten times.

    Args:
        vectors: returns the content of items, (N,) -> (N, d), by which they are alike.
        diversity: from 0 to 1, how much likeness to an item above pushes an item down.
        creator: (I,) who made each item, -1 where nobody knows; None where it does not matter.
        per_creator: items of one creator in a list, at most.
    """

    vectors: Callable[[np.ndarray], np.ndarray]
    diversity: float = 0.0
    creator: np.ndarray | None = None
    per_creator: int = 1


def select(scores: np.ndarray, k: int, variety: Variety) -> tuple[np.ndarray, np.ndarray]:
    """Return the k items of each row that are chosen one by one.

    Each place takes the item with the largest (1 - diversity) * worth - diversity * likeness, where
    worth is the score, scaled to lie from 0 to 1 among the best 10 k items, and likeness the
    largest cosine with an item that stands above. An item whose creator has per_creator items above
    is passed over. Where too few are left, more than the best 10 k are looked at.

    Shapes:
        scores: (B, I), -inf where an item may not stand; the result: (B, K) int64, -1 for an empty
        place, and (B, K), the scores as they came; K = min(k, I).

    Source: Carbonell, Goldstein: The use of MMR, diversity-based reranking, SIGIR 1998.
    """
    size = POOL * k
    items, values = _greedy(scores, k, size, variety)
    while size < scores.shape[1]:
        left = (scores > -np.inf).sum(axis=1)
        rows = np.flatnonzero((items < 0).any(axis=1) & (left > size))
        if len(rows) == 0:
            break
        size *= GROWTH
        items[rows], values[rows] = _greedy(scores[rows], k, size, variety)
    return items, values


def _greedy(
    scores: np.ndarray, k: int, size: int, variety: Variety
) -> tuple[np.ndarray, np.ndarray]:
    """Choose among the best `size` items of each row."""
    pool, worth = top_k(scores, size)  # (B, P)
    num_rows, k = len(pool), min(k, pool.shape[1])
    free = pool >= 0
    content = np.zeros((0,))
    if variety.diversity:
        content = variety.vectors(pool.ravel())
        content = content.reshape(*pool.shape, content.shape[-1])  # (B P, d) -> (B, P, d)
        content = content / np.maximum(np.linalg.norm(content, axis=2, keepdims=True), 1e-12)
    gain = (1 - variety.diversity) * _scaled(worth, free)
    likeness = np.zeros_like(gain)
    creator = None
    if variety.creator is not None:
        creator = np.where(free, variety.creator[pool], -1)
    items = np.full((num_rows, k), -1, dtype=np.int64)
    values = np.full((num_rows, k), -np.inf, dtype=scores.dtype)
    row = np.arange(num_rows)
    for place in range(k):
        now = np.where(free, gain - variety.diversity * likeness, -np.inf)
        chosen = now.argmax(axis=1)
        there = free[row, chosen]
        items[there, place] = pool[there, chosen[there]]
        values[there, place] = worth[there, chosen[there]]
        free[row, chosen] = False
        if variety.diversity:
            alike = np.einsum("bpd,bd->bp", content, content[row, chosen])
            likeness = alike if place == 0 else np.maximum(likeness, alike)
        if creator is not None:
            _pass_over(free, creator, items[:, : place + 1], variety)
    return items, values


def _scaled(worth: np.ndarray, there: np.ndarray) -> np.ndarray:
    """Return each row's scores from 0, its last item, to 1, its first. Shapes: (B, P)."""
    least = np.where(there, worth, np.inf).min(axis=1, keepdims=True)
    most = np.where(there, worth, -np.inf).max(axis=1, keepdims=True)
    span = np.where(most > least, most - least, 1.0)
    return np.where(there, worth - np.where(np.isfinite(least), least, 0), 0.0) / span


def _pass_over(free: np.ndarray, creator: np.ndarray, items: np.ndarray, variety: Variety) -> None:
    """Take the items out of the pool whose creator, that of the last place, has enough."""
    assert variety.creator is not None
    last = np.where(items[:, -1] >= 0, variety.creator[items[:, -1]], -1)  # (B,)
    above = np.where(items >= 0, variety.creator[items], -1)
    full = (last >= 0) & ((above == last[:, None]).sum(axis=1) >= variety.per_creator)
    free &= ~(full[:, None] & (creator == last[:, None]))
