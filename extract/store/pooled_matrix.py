"""The pooled matrix of a feature set: one vector per item, computed once and cached as a file."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from pathlib import Path

import numpy as np

from extract.modality import Pooling
from extract.store.files import StoreError, content_hash, write_atomically
from extract.store.npy import DamagedArray, npy_stream, open_npy
from extract.store.pooling import pool, pooled_width


def pooled_matrix(
    folder: Path,
    row_hashes: Sequence[tuple[str, str | None]],
    read: Callable[[str], np.ndarray],
    *,
    width: int,
    pooling: Pooling,
) -> np.ndarray:
    """Return one vector per item, from the cache in `folder` if it is current.

    Args:
        folder: folder of the feature set.
        row_hashes: ids of items with rows and their hashes, in the order of the result.
        read: returns the rows of an item.
        width: width of the rows.
        pooling: how rows become one vector.

    Shapes:
        the result: (N, D) float32, memory-mapped; in memory if the folder is read-only.

    Raises:
        StoreError: the rows of an item are missing or corrupt.
    """
    shape = len(row_hashes), pooled_width(width, pooling)
    path, matrix = cached_matrix(folder, row_hashes, width=width, pooling=pooling)

    def vectors() -> Iterator[np.ndarray]:
        return (pool(read(item_id), pooling) for item_id, _ in row_hashes)

    if matrix is None and _write(path, vectors(), shape):
        matrix = _cached(path, shape)
    if matrix is None:  # a read-only store
        matrix = np.empty(shape, dtype=np.float32)
        for row, vector in zip(matrix, vectors(), strict=True):
            row[:] = vector
    return matrix


def cached_matrix(
    folder: Path, row_hashes: Sequence[tuple[str, str | None]], *, width: int, pooling: Pooling
) -> tuple[Path, np.ndarray | None]:
    """Return the file of the matrix of these rows, and the matrix, if it exists and is complete.

    Its values are not compared with the rows.
    """
    lines = "\n".join(f"{item_id!r} {rows_hash}" for item_id, rows_hash in row_hashes)
    key = content_hash(lines.encode() + pooling.encode())[:16]
    path = folder / f"pooled-{pooling}-{key}.npy"
    return path, _cached(path, (len(row_hashes), pooled_width(width, pooling)))


def _cached(path: Path, shape: tuple[int, int]) -> np.ndarray | None:
    """Return the matrix; None if it does not exist or is damaged."""
    try:
        matrix = open_npy(path)
    except (OSError, DamagedArray):
        return None
    return matrix if matrix.shape == shape and matrix.dtype == np.float32 else None


def _write(path: Path, vectors: Iterable[np.ndarray], shape: tuple[int, int]) -> bool:
    """Replace older matrices by this one; return False if it cannot be written."""
    try:
        write_atomically(path, npy_stream(vectors, shape), durable=False)
        for old in set(path.parent.glob("pooled-*.npy")) - {path}:
            old.unlink(missing_ok=True)
    except StoreError:  # reading the rows failed, not writing the matrix
        raise
    except OSError:
        return False
    return True
