"""A process that reads a pickle of arrays, sparse matrices or lists, and can do nothing else.

`_pickles` runs it as a script outside the package: it reads the pickle from standard input and
writes an .npz without objects to standard output. Before it reads the pickle, the process drops its
rights: it can open no descriptor beyond the three standard ones, which rules out files and
connections, no file can grow, and memory and processor time are limited. Only the classes in
ALLOWED can be constructed, which is the primary protection.
"""

from __future__ import annotations

import codecs
import contextlib
import io
import pickle
import resource
import sys
from collections.abc import Iterable
from typing import Any, Protocol, cast

import numpy as np

MEMORY_BYTES = 4 << 30  # plus MEMORY_PER_BYTE for each byte of the file
MEMORY_PER_BYTE = 20
PROCESSOR_SECONDS = 600
MAX_DESCRIPTORS = 3  # standard input, output and error

ARRAYS = ("numpy.core.multiarray", "numpy._core.multiarray")
BUFFERS = ("numpy.core.numeric", "numpy._core.numeric")
BUILTINS = ("builtins", "__builtin__")
CONTAINERS = ("list", "dict", "set", "frozenset", "tuple", "int", "float", "bytearray", "object")
ALLOWED = {
    ("numpy", "ndarray"),
    ("numpy", "dtype"),
    ("_codecs", "encode"),
    ("collections", "OrderedDict"),
    ("collections", "defaultdict"),
    ("copyreg", "_reconstructor"),
    ("copy_reg", "_reconstructor"),
    *((module, name) for module in ARRAYS for name in ("_reconstruct", "scalar")),
    *((module, "_frombuffer") for module in BUFFERS),
    *((module, name) for module in BUILTINS for name in CONTAINERS),
}
MODERN = {"__builtin__": "builtins", "copy_reg": "copyreg"}  # names of Python 2
SPARSE = tuple(f"{kind}_{what}" for kind in ("csr", "csc", "coo") for what in ("matrix", "array"))


class Refused(Exception):
    """A pickle that names a class which is neither an array nor a container."""


class Unpickler(pickle.Unpickler):
    """An unpickler for the classes in ALLOWED and SciPy's sparse matrices."""

    def find_class(self, module: str, name: str) -> Any:
        """Return one of the allowed classes and functions."""
        if module.startswith("scipy.sparse") and name in SPARSE:
            scipy_sparse = sys.modules.get("scipy.sparse")
            if scipy_sparse is None:
                raise Refused("it contains a sparse matrix, which needs scipy: pip install scipy")
            return getattr(scipy_sparse, name)
        if (module, name) not in ALLOWED:
            raise Refused(
                f"it names {module}.{name}, which is neither an array, nor a sparse matrix, nor a "
                "list; such a pickle can run any code and is not loaded"
            )
        __import__(MODERN.get(module, module))
        return getattr(sys.modules[MODERN.get(module, module)], name)


def drop_rights(num_bytes: int) -> None:
    """Limit the files, memory and time of this process before it reads a pickle of a given size."""
    memory = MEMORY_BYTES + MEMORY_PER_BYTE * num_bytes
    for limit, value in (
        (resource.RLIMIT_CORE, 0),
        (resource.RLIMIT_FSIZE, 0),
        (resource.RLIMIT_CPU, PROCESSOR_SECONDS),
        (resource.RLIMIT_AS, memory),
        (resource.RLIMIT_NOFILE, MAX_DESCRIPTORS),
    ):
        hard = resource.getrlimit(limit)[1]
        bound = value if hard == resource.RLIM_INFINITY else min(value, hard)
        resource.setrlimit(limit, (bound, bound))


def load(data: bytes) -> Any:
    """Return the content of a pickle, or of a .npy file of objects."""
    stream = io.BytesIO(data)
    shape = None
    if data.startswith(b"\x93NUMPY"):
        version = np.lib.format.read_magic(stream)
        header = np.lib.format.read_array_header_1_0
        shape = (header if version == (1, 0) else np.lib.format.read_array_header_2_0)(stream)[0]
    content = Unpickler(stream, encoding="latin1").load()
    return content if shape is None else content.reshape(shape)


def as_arrays(content: object) -> dict[str, np.ndarray]:
    """Return a matrix, a sparse matrix or lists by key as arrays of numbers."""
    if type(content).__name__ in SPARSE:
        return sparse_arrays(cast(SparseMatrix, content))
    if isinstance(content, np.ndarray) and content.ndim == 0:
        content = content.item()  # np.save of a dict
    if isinstance(content, np.ndarray) and content.dtype != object:
        return {"matrix": content}
    if isinstance(content, dict):
        keys, values = list(content), list(content.values())
    else:
        values = list(cast(Iterable[object], content))
        keys = list(range(len(values)))
    rows = [np.asarray(sorted(each) if isinstance(each, set) else each) for each in values]
    rows = [row.reshape(-1).astype(np.int64) for row in rows]
    lengths = np.array([len(row) for row in rows], dtype=np.int64)
    return {
        "keys": np.array(keys, dtype=np.int64),
        "indptr": np.concatenate([[0], np.cumsum(lengths)]).astype(np.int64),
        "values": np.concatenate([np.zeros(0, dtype=np.int64), *rows]),
    }


class SparseMatrix(Protocol):
    """A sparse matrix of SciPy: rows and columns are compressed (csr, csc) or coordinates (coo)."""

    data: np.ndarray
    indptr: np.ndarray
    indices: np.ndarray
    row: np.ndarray
    col: np.ndarray


def sparse_arrays(matrix: SparseMatrix) -> dict[str, np.ndarray]:
    """Return rows and columns of the non-zero entries, and the shape."""
    shape = np.array(matrix.__dict__.get("_shape", ()), dtype=np.int64)
    kind = type(matrix).__name__.partition("_")[0]
    if kind == "coo":
        coords = matrix.__dict__.get("coords")
        row, column = coords if coords is not None else (matrix.row, matrix.col)
    else:
        outer = np.repeat(np.arange(len(matrix.indptr) - 1), np.diff(matrix.indptr))
        row, column = (outer, matrix.indices) if kind == "csr" else (matrix.indices, outer)
    kept = np.asarray(matrix.data) != 0
    return {"row": np.asarray(row)[kept], "column": np.asarray(column)[kept], "shape": shape}


def main() -> int:
    """Read a pickle from standard input and write its arrays to standard output."""
    data = sys.stdin.buffer.read()
    if b"scipy" in data:
        with contextlib.suppress(ImportError):
            import scipy.sparse  # noqa: F401  # while modules can be read
    np.savez(io.BytesIO(), array=np.zeros(1))  # imports modules while files can be opened
    for codec in ("latin-1", "ascii", "utf-8"):
        codecs.lookup(codec)
    out = io.BytesIO()
    drop_rights(len(data))
    try:
        arrays: dict[str, Any] = as_arrays(load(data))
        np.savez(out, **arrays)
    except Refused as error:
        sys.stderr.write(str(error))
        return 1
    except Exception as error:  # noqa: BLE001  # a damaged pickle raises anything
        sys.stderr.write(f"it cannot be read: {type(error).__name__}: {error}")
        return 1
    sys.stdout.buffer.write(out.getvalue())
    return 0


if __name__ == "__main__":
    sys.exit(main())
