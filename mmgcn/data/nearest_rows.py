"""Nearest rows of a matrix, searched in an index of faiss."""

from __future__ import annotations

import importlib.util
from typing import Any

import numpy as np

ROWS_PER_CELL = 64  # sample of each cell that the centroids are computed from


def can_search() -> bool:
    """Return whether faiss (the extra `ann`) is installed."""
    return importlib.util.find_spec("faiss") is not None


def nearest_rows(
    vectors: np.ndarray, num_neighbours: int, *, num_probes: int
) -> tuple[np.ndarray, np.ndarray]:
    """Return the nearest rows of each row by cosine, usually with the row itself among them.

    The rows are divided into sqrt(N) cells, of which the `num_probes` nearest are searched, so that
    some neighbours may be missed.

    Shapes:
        vectors: (N, D) float32, rows of length 1; the result: cosines (N, k) float32, descending,
        and rows (N, k) int64, -1 where the cells contain too few.

    Source: inverted file of Sivic, Zisserman, Video Google, ICCV 2003, as implemented by faiss.
    """
    import faiss

    num_rows, width = vectors.shape
    num_cells = int(num_rows**0.5)
    index: Any = faiss.index_factory(width, f"IVF{num_cells},Flat", faiss.METRIC_INNER_PRODUCT)
    index.train(vectors[:: max(1, num_rows // (ROWS_PER_CELL * num_cells))])
    index.add(vectors)
    index.nprobe = num_probes
    cosines, rows = index.search(vectors, num_neighbours)
    return cosines, rows
