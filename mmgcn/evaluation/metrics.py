"""Metrics of ranked lists, over plain arrays.

Binary relevance. K is the length of the lists; an empty position is never a hit. A user without
a relevant item has no recall and no NDCG: exclude such users before the mean.
"""

from __future__ import annotations

import numpy as np


def recall(hits: np.ndarray, num_relevant: np.ndarray) -> np.ndarray:
    """Return hits / |relevant| of each user.

    Shapes:
        hits: (U, K) bool; num_relevant: (U,) of at least 1; the result: (U,).

    >>> recall(np.array([[True, False, True]]), np.array([4])).tolist()
    [0.5]
    """
    return np.asarray(hits.sum(axis=1) / num_relevant)


def precision(hits: np.ndarray) -> np.ndarray:
    """Return hits / K of each user.

    Shapes:
        hits: (U, K) bool; the result: (U,).
    """
    return np.asarray(hits.sum(axis=1) / hits.shape[1])


def ndcg(hits: np.ndarray, num_relevant: np.ndarray) -> np.ndarray:
    """Return the discounted gain of each user over that of an ideal list of length K.

    The gain at rank r (from 1) is 1 / log2(r + 1); the ideal has min(K, |relevant|) hits first.

    Shapes:
        hits: (U, K) bool; num_relevant: (U,) of at least 1; the result: (U,).

    Source: Järvelin, Kekäläinen: Cumulated gain-based evaluation of IR techniques, 2002.
    """
    gains = 1 / np.log2(np.arange(hits.shape[1]) + 2)
    ideal = np.concatenate([[0.0], np.cumsum(gains)])[np.minimum(num_relevant, hits.shape[1])]
    return np.asarray((hits @ gains) / ideal)


def hit_rate(hits: np.ndarray) -> np.ndarray:
    """Return 1 for each user whose list has a hit, else 0.

    Shapes:
        hits: (U, K) bool; the result: (U,).
    """
    return np.asarray(hits.any(axis=1).astype(float))


def mrr(hits: np.ndarray) -> np.ndarray:
    """Return 1 / rank of each user's first hit (ranks from 1), 0 without one.

    Shapes:
        hits: (U, K) bool; the result: (U,).

    >>> mrr(np.array([[False, True, True], [False, False, False]])).tolist()
    [0.5, 0.0]
    """
    return np.asarray(hits.any(axis=1) / (hits.argmax(axis=1) + 1))


def coverage(items: np.ndarray, *, num_items: int) -> float:
    """Return the share of the catalogue that is in at least one list.

    Shapes:
        items: (U, K) integers, -1 for an empty position.

    >>> coverage(np.array([[0, 1], [1, -1]]), num_items=4)
    0.5
    """
    return len(np.unique(items[items >= 0])) / num_items


def refuse_longer_lists(metric: str, num_items: int) -> None:
    """Refuse a metric of lists that are longer than the catalogue, such as recall@20 of 15 items.

    Raises:
        ValueError: with the longest usual list that is not.
    """
    family, _, k = metric.partition("@")
    if int(k) > num_items:
        shorter = max((k for k in (5, 10, 20) if k <= num_items), default=num_items)
        raise ValueError(
            f"metric={metric} ranks {k} of {num_items:,} items; pass a shorter list, such as "
            f"metric={family}@{shorter}"
        )
