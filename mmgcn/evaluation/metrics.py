"""Metrics of ranked lists with binary relevance, as functions of arrays.

K is the length of the lists; an empty position is never a hit. Recall and NDCG are undefined for
users without a relevant item: exclude such users before the mean.
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
    """Return the discounted cumulative gain of each user, divided by that of an ideal list.

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
    """Refuse a metric of lists longer than the catalogue, such as recall@20 of 15 items.

    Raises:
        ValueError: the list is too long; the message suggests a shorter one.
    """
    family, _, k = metric.partition("@")
    if int(k) > num_items:
        shorter = max((k for k in (5, 10, 20) if k <= num_items), default=num_items)
        raise ValueError(
            f"metric={metric} ranks {k} of {num_items:,} items; pass a shorter list, such as "
            f"metric={family}@{shorter}"
        )


def average_precision(hits: np.ndarray, num_relevant: np.ndarray) -> np.ndarray:
    """Return the average precision of each user; its mean over users is MAP.

    The sum of the precisions at the ranks of hits, divided by min(K, |relevant|).

    Shapes:
        hits: (U, K) bool; num_relevant: (U,) of at least 1; the result: (U,).

    >>> average_precision(np.array([[True, False, True]]), np.array([2])).round(4).tolist()
    [0.8333]
    """
    ranks = np.arange(hits.shape[1]) + 1
    precision_at_rank = hits.cumsum(axis=1) / ranks
    found = (hits * precision_at_rank).sum(axis=1)
    return np.asarray(found / np.minimum(num_relevant, hits.shape[1]))


def novelty(items: np.ndarray, popularity: np.ndarray, *, num_users: int) -> np.ndarray:
    """Return the mean self-information of each list, -log2((n_i + 1) / (U + 1)), in bits.

    n_i is the number of training interactions of item i, and U the number of users. An item that
    every user has watched has 0 bits.

    Shapes:
        items: (N, K) integers, -1 for an empty position; popularity: (I,); the result: (N,), NaN
        for an empty list.

    Source: Vargas, Castells, Rank and Relevance in Novelty and Diversity Metrics for Recommender
    Systems, RecSys 2011; with one user and one interaction added, for items without any.

    >>> novelty(np.array([[0, 1], [1, -1]]), np.array([3, 0]), num_users=3).tolist()
    [1.0, 2.0]
    """
    information = -np.log2((np.asarray(popularity) + 1) / (num_users + 1))
    return _mean_of_items(items, information)


def mean_popularity(items: np.ndarray, popularity: np.ndarray) -> np.ndarray:
    """Return the mean number of training interactions of the items of each list.

    Shapes:
        items: (N, K) integers, -1 for an empty position; popularity: (I,); the result: (N,), NaN
        for an empty list.
    """
    return _mean_of_items(items, np.asarray(popularity, dtype=np.float64))


def intra_list_diversity(items: np.ndarray, content: np.ndarray) -> np.ndarray:
    """Return 1 minus the mean cosine over all pairs of items of each list.

    Items without content are ignored.

    Shapes:
        items: (N, K) integers, -1 for an empty position; content: (I, D), rows of length one, or
        zero without content; the result: (N,), NaN where fewer than two items have content.

    Source: Ziegler et al., Improving Recommendation Lists through Topic Diversification, WWW 2005.

    >>> content = np.array([[1.0, 0.0], [1.0, 0.0], [0.0, 1.0], [0.0, 0.0]])
    >>> intra_list_diversity(np.array([[0, 1], [0, 2], [0, 3]]), content).tolist()
    [0.0, 1.0, nan]
    """
    vectors = np.where((items >= 0)[:, :, None], content[items], 0)  # (N, K, D)
    count = vectors.any(axis=2).sum(axis=1)
    # The squared norm of the sum contains each pair twice, and each item paired with itself once.
    pairs = np.square(vectors.sum(axis=1)).sum(axis=1) - np.square(vectors).sum(axis=(1, 2))
    with np.errstate(invalid="ignore", divide="ignore"):
        return np.where(count > 1, 1 - pairs / (count * (count - 1)), np.nan)


def _mean_of_items(items: np.ndarray, values: np.ndarray) -> np.ndarray:
    """Return the mean value of each list's items.

    Shapes:
        items: (N, K); values: (I,); the result: (N,).
    """
    filled = items >= 0
    count = filled.sum(axis=1)
    total = np.where(filled, values[items], 0).sum(axis=1)
    return np.where(count > 0, total / np.maximum(count, 1), np.nan)
