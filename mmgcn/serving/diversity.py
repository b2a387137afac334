"""Diversity of lists: maximal marginal relevance (MMR), and a limit of items per creator."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from mmgcn.evaluation.ranking import top_k

POOL = 10  # candidates for a list, as a multiple of k
GROWTH = 4  # factor of the pool while a list has empty positions


@dataclass(frozen=True, eq=False)
class Diversity:
    """MMR diversity and the maximum number of items per creator.

    Args:
        vectors: function that returns the content vectors of items, (N,) -> (N, d).
        weight: weight of the similarity to items above, from 0 to 1.
        creator: code of each item's creator, -1 if unknown; None for no limit.
        per_creator: maximum number of items of one creator in a list.

    Shapes:
        creator: (I,).
    """

    vectors: Callable[[np.ndarray], np.ndarray]
    weight: float = 0.0
    creator: np.ndarray | None = None
    per_creator: int = 1


def select_diverse(
    scores: np.ndarray, k: int, diversity: Diversity
) -> tuple[np.ndarray, np.ndarray]:
    """Return k items of each row, selected greedily by maximal marginal relevance.

    Each position has the item with the largest (1 - weight) * relevance - weight * similarity.
    Relevance is the score, scaled to [0, 1] over the best 10 k items; similarity is the largest
    cosine to an item above. Items of a creator with per_creator items above are skipped. The pool
    of candidates grows if it does not fill a list.

    Shapes:
        scores: (B, I), -inf for items that are not allowed; the result: (B, K) int64, -1 for an
        empty position, and (B, K), the original scores; K = min(k, I).

    Source: Carbonell, Goldstein: The use of MMR, diversity-based reranking, SIGIR 1998.
    """
    size = POOL * k
    items, values = _greedy(scores, k, size, diversity)
    while size < scores.shape[1]:
        num_allowed = (scores > -np.inf).sum(axis=1)
        rows = np.flatnonzero((items < 0).any(axis=1) & (num_allowed > size))
        if len(rows) == 0:
            break
        size *= GROWTH
        items[rows], values[rows] = _greedy(scores[rows], k, size, diversity)
    return items, values


def _greedy(
    scores: np.ndarray, k: int, size: int, diversity: Diversity
) -> tuple[np.ndarray, np.ndarray]:
    """Select among the best `size` items of each row."""
    pool, relevance = top_k(scores, size)  # (B, P)
    num_rows, k = len(pool), min(k, pool.shape[1])
    free = pool >= 0
    content = np.zeros((0,))
    if diversity.weight:
        content = diversity.vectors(pool.ravel())
        content = content.reshape(*pool.shape, content.shape[-1])  # (B P, d) -> (B, P, d)
        content = content / np.maximum(np.linalg.norm(content, axis=2, keepdims=True), 1e-12)
    gain = (1 - diversity.weight) * _scaled(relevance, free)
    similarity = np.zeros_like(gain)
    creator = None
    if diversity.creator is not None:
        creator = np.where(free, diversity.creator[pool], -1)
    items = np.full((num_rows, k), -1, dtype=np.int64)
    values = np.full((num_rows, k), -np.inf, dtype=scores.dtype)
    row = np.arange(num_rows)
    for position in range(k):
        marginal = np.where(free, gain - diversity.weight * similarity, -np.inf)
        best = marginal.argmax(axis=1)
        found = free[row, best]
        items[found, position] = pool[found, best[found]]
        values[found, position] = relevance[found, best[found]]
        free[row, best] = False
        if diversity.weight:
            to_best = np.einsum("bpd,bd->bp", content, content[row, best])
            similarity = to_best if position == 0 else np.maximum(similarity, to_best)
        if creator is not None:
            _drop_full_creators(free, creator, items[:, : position + 1], diversity)
    return items, values


def _scaled(relevance: np.ndarray, free: np.ndarray) -> np.ndarray:
    """Return each row's scores scaled to 0 for the last item, 1 for the first. Shapes: (B, P)."""
    low = np.where(free, relevance, np.inf).min(axis=1, keepdims=True)
    high = np.where(free, relevance, -np.inf).max(axis=1, keepdims=True)
    span = np.where(high > low, high - low, 1.0)
    return np.where(free, relevance - np.where(np.isfinite(low), low, 0), 0.0) / span


def _drop_full_creators(
    free: np.ndarray, creator: np.ndarray, items: np.ndarray, diversity: Diversity
) -> None:
    """Remove the items of the last item's creator from the pool once the limit is reached."""
    assert diversity.creator is not None
    last = np.where(items[:, -1] >= 0, diversity.creator[items[:, -1]], -1)  # (B,)
    above = np.where(items >= 0, diversity.creator[items], -1)
    full = (last >= 0) & ((above == last[:, None]).sum(axis=1) >= diversity.per_creator)
    free &= ~(full[:, None] & (creator == last[:, None]))
