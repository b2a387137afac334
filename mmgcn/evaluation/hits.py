"""Hits: the ranks of relevant items in their users' lists, without computing the lists."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

Csr = tuple[np.ndarray, np.ndarray]  # indptr (U + 1,), indices (E,)


def rows_of(csr: Csr, index: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Return the entries of some rows: positions in `index`, and columns.

    >>> rows_of((np.array([0, 2, 2, 3]), np.array([7, 8, 9])), np.array([2, 0]))
    (array([0, 1, 1]), array([9, 7, 8]))

    Shapes:
        index: (B,); the result: (N,) and (N,).
    """
    indptr, indices = csr
    starts = indptr[index]
    counts = indptr[index + 1] - starts
    row = np.repeat(np.arange(len(index)), counts)
    offset = np.arange(len(row)) - np.repeat(np.cumsum(counts) - counts, counts)
    return row, indices[starts[row] + offset]


def find_hits(
    scores: np.ndarray, user_index: np.ndarray, *, relevant: Csr, seen: Sequence[Csr], k: int
) -> np.ndarray:
    """Return whether the item at each rank of a list is relevant.

    Lists are those of `ranking.top_k` without the seen items. An item's rank is the number of
    unseen items ahead of it, so nothing is sorted. Several times faster than `top_k` where users
    have few relevant items. `scores` is not changed.

    Shapes:
        scores: (B, I) float without NaN; user_index: (B,), without duplicates; the result: (B, K)
        bool.
    """
    row, item = rows_of(relevant, user_index)
    score = scores[row, item]
    ahead = np.empty(len(row), dtype=np.int64)
    # One pair at a time: numpy counts one row of bool much faster than the rows of a matrix.
    for n, (r, i) in enumerate(zip(row.tolist(), item.tolist(), strict=True)):
        own = scores[r]
        before, after = own[:i] >= score[n], own[i + 1 :] > score[n]
        ahead[n] = np.count_nonzero(before) + np.count_nonzero(after)
    found = score > -np.inf
    pair, other = _seen_by(row, seen, user_index, scores.shape[1])
    seen_score = scores[row[pair], other]
    is_ahead = (seen_score > score[pair]) | ((seen_score == score[pair]) & (other < item[pair]))
    ahead -= np.bincount(pair[is_ahead], minlength=len(row))
    found[pair[other == item[pair]]] = False
    hits = np.zeros((len(user_index), k), dtype=bool)
    found &= ahead < k
    hits[row[found], ahead[found]] = True
    return hits


def _seen_by(
    row: np.ndarray, seen: Sequence[Csr], user_index: np.ndarray, num_items: int
) -> tuple[np.ndarray, np.ndarray]:
    """Return the seen items of each pair's user: positions of pairs, and items. Each item once.

    Shapes:
        row: (P,), positions in `user_index` of the pairs' users; the result: (N,) and (N,).
    """
    keys = [np.zeros(0, dtype=np.int64)]
    for csr in seen:
        pair, item = rows_of(csr, user_index[row])
        keys.append(pair * num_items + item)
    pair, item = np.divmod(np.unique(np.concatenate(keys)), num_items)
    return pair, item
