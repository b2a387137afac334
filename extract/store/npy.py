"""Arrays as .npy files, read in place and written as a stream."""

from __future__ import annotations

import io
from collections.abc import Iterable, Iterator
from pathlib import Path

import numpy as np


class DamagedArray(ValueError):
    """The file holds no array, or not all of it."""


def npy_bytes(array: np.ndarray) -> bytes:
    """Return the array as the bytes of a .npy file."""
    buffer = io.BytesIO()
    np.save(buffer, array, allow_pickle=False)
    return buffer.getvalue()


def npy_stream(vectors: Iterable[np.ndarray], shape: tuple[int, int]) -> Iterator[bytes]:
    """Yield the bytes of the .npy file of a matrix, without holding it.

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
        OSError: the file is not there, or the system gives no access to it.
        DamagedArray: the file is something else, or cut off.
    """
    try:
        # Not np.load, which takes a file without the mark of a .npy for a pickle or an archive.
        return np.lib.format.open_memmap(path, mode="r")
    except (OSError, MemoryError):
        raise
    except Exception as error:  # a ValueError or whatever parsing a broken header comes to
        raise DamagedArray(" ".join(str(error).split())) from error
