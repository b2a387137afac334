""".npy files, memory-mapped for reading and written as a stream."""

from __future__ import annotations

import io
from collections.abc import Iterable, Iterator
from pathlib import Path

import numpy as np


class DamagedArray(ValueError):
    """The file contains no array, or an incomplete one."""


def npy_bytes(array: np.ndarray) -> bytes:
    """Return the content of a .npy file of an array."""
    buffer = io.BytesIO()
    np.save(buffer, array, allow_pickle=False)
    return buffer.getvalue()


def npy_stream(vectors: Iterable[np.ndarray], shape: tuple[int, int]) -> Iterator[bytes]:
    """Yield the content of a matrix's .npy file, without keeping the matrix in memory.

    Shapes:
        vectors: N of (D,) float32; shape: (N, D).
    """
    header = io.BytesIO()
    descr = np.lib.format.dtype_to_descr(np.dtype(np.float32))
    np.lib.format.write_array_header_1_0(
        header, {"descr": descr, "fortran_order": False, "shape": shape}
    )
    yield header.getvalue()
    for vector in vectors:
        yield vector.tobytes()


def open_npy(path: Path) -> np.ndarray:
    """Return the array, memory-mapped and read-only.

    Raises:
        OSError: the file does not exist or cannot be read.
        DamagedArray: it is not a .npy file, or truncated.
    """
    try:
        # Not np.load, which treats a file without the magic of a .npy as a pickle or an archive.
        return np.lib.format.open_memmap(path, mode="r")
    except (OSError, MemoryError):
        raise
    except Exception as error:  # a ValueError, or what parsing of a broken header raises
        raise DamagedArray(" ".join(str(error).split())) from error
