"""Pairs of similar vectors, and the groups connected by pairs."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Iterator

import numpy as np

from mmgcn.data.nearest_rows import can_search, nearest_rows

BLOCK_VALUES = 32_000_000  # cosines in memory at once: 128 MB
MAX_EXACT_ITEMS = 50_000  # with more, faiss searches if it is installed
NUM_NEIGHBOURS, NUM_PROBES = 16, 8  # neighbours of each item and searched cells, in faiss


def similar_pairs(vectors: np.ndarray, min_cosine: float) -> Iterator[np.ndarray]:
    """Yield pairs of rows with at least a given cosine, the smaller row first.

    All pairs are compared. With more than 50,000 rows and the extra `ann`, only the 16 nearest rows
    of each are, which faiss searches in the nearest cells of an index, so that some may be missed.

    Shapes:
        vectors: (N, D), rows of length 1 or 0; each result: (P, 2) int64.
    """
    if len(vectors) > MAX_EXACT_ITEMS and can_search():
        cosines, rows = nearest_rows(vectors, NUM_NEIGHBOURS, num_probes=NUM_PROBES)
        left, column = np.nonzero((cosines >= min_cosine) & (rows > np.arange(len(rows))[:, None]))
        yield np.stack([left, rows[left, column]], axis=1)
        return
    step = max(1, BLOCK_VALUES // max(len(vectors), 1))
    for start in range(0, len(vectors), step):
        cosines = vectors[start : start + step] @ vectors[start:].T  # (B, D) @ (D, N) -> (B, N)
        left, right = np.nonzero(cosines >= min_cosine)
        pairs = np.stack([left, right], axis=1)[right > left] + start
        yield pairs.astype(np.int64)


def connected_groups(num_rows: int, pairs: Iterable[np.ndarray]) -> list[list[int]]:
    """Return the groups of two or more rows that are connected by pairs, each ascending.

    Computed by union-find.

    Shapes:
        pairs: (P, 2) each.

    >>> connected_groups(5, [np.array([[0, 2]]), np.array([[2, 4]])])
    [[0, 2, 4]]
    """
    parents = list(range(num_rows))

    def root(row: int) -> int:
        while parents[row] != row:
            parents[row] = parents[parents[row]]
            row = parents[row]
        return row

    for block in pairs:
        for first, second in block.tolist():
            parents[root(first)] = root(second)
    groups: dict[int, list[int]] = defaultdict(list)
    for row in range(num_rows):
        groups[root(row)].append(row)
    return [group for group in groups.values() if len(group) > 1]
