"""Pooling of the rows of an item to one vector."""

from __future__ import annotations

from typing import get_args

import numpy as np

from extract.modality import Pooling


def pool(rows: np.ndarray, pooling: Pooling) -> np.ndarray:
    """Return the pooled rows of one item.

    Shapes:
        rows: (T, D); the result: (D,) float32, (2D,) for mean_std.

    Raises:
        ValueError: an unknown pooling.
    """
    data = np.asarray(rows, dtype=np.float32)
    if pooling == "mean":
        return np.asarray(data.mean(axis=0))
    if pooling == "max":
        return np.asarray(data.max(axis=0))
    if pooling == "first":
        return np.asarray(data[0])
    if pooling == "mean_std":
        return np.concatenate([data.mean(axis=0), data.std(axis=0)])
    raise ValueError(f"unknown pooling '{pooling}'; known: {', '.join(get_args(Pooling))}")


def pooled_width(width: int, pooling: Pooling) -> int:
    """Return the width of a pooled vector, given the width of the rows."""
    return 2 * width if pooling == "mean_std" else width
