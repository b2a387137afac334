"""Arrays and matrices of other programs: .npy, .npz, .pt and pickles."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np

from mmgcn.format import FormatError, ImportOptions
from mmgcn.formats._pickles import load_pickle

Pairs = tuple[np.ndarray, np.ndarray]  # rows and columns, (E,) int64 each


def is_object_array(path: Path) -> bool:
    """Return whether a .npy file contains Python objects, which are pickled."""
    try:
        np.load(path, mmap_mode="r", allow_pickle=False)
    except (ValueError, OSError, EOFError):
        with path.open("rb") as file:
            return b"'|O'" in file.read(1 << 12)
    return False


def read_matrix(path: Path, options: ImportOptions) -> np.ndarray:
    """Return the matrix in a .npy, .pt or pickle file, memory-mapped where possible.

    Raises:
        FormatError: the file contains no matrix of numbers, or is a pickle and these are not
            allowed.
    """
    if path.suffix in (".pt", ".pth"):
        matrix = _tensor(path)
    elif path.suffix == ".npy" and not is_object_array(path):
        try:
            matrix = np.load(path, mmap_mode="r", allow_pickle=False)
        except (ValueError, OSError, EOFError) as error:
            raise FormatError(f"{path} is not a .npy file of numbers") from error
    else:
        arrays = load_pickle(path, options)
        if "matrix" not in arrays:
            raise FormatError(f"{path} contains no matrix")
        matrix = arrays["matrix"]
    if matrix.dtype.kind not in "fiub":
        raise FormatError(f"{path} contains {matrix.dtype}, not numbers")
    return matrix


def read_lists(path: Path, options: ImportOptions) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Return the keys, the bounds and the concatenated values of lists of whole numbers.

    Shapes:
        the result: keys (N,), bounds (N + 1,) from 0, and values (E,), int64.

    Raises:
        FormatError: the file contains no lists, or is a pickle and these are not allowed.
    """
    if path.suffix == ".npy" and not is_object_array(path):
        matrix = np.asarray(read_matrix(path, options)).astype(np.int64)
        if matrix.ndim != 2:
            raise FormatError(f"{path} has {matrix.ndim} dimensions; rows of indices are expected")
        rows, width = matrix.shape
        return np.arange(rows), np.arange(rows + 1) * width, matrix.reshape(-1)
    arrays = load_pickle(path, options)
    if "matrix" in arrays and arrays["matrix"].ndim == 2:
        matrix = arrays["matrix"].astype(np.int64)
        rows, width = matrix.shape
        return np.arange(rows), np.arange(rows + 1) * width, matrix.reshape(-1)
    if "indptr" not in arrays:
        raise FormatError(f"{path} contains no lists of indices")
    return arrays["keys"], arrays["indptr"], arrays["values"]


def read_sparse(path: Path, options: ImportOptions) -> tuple[Pairs, tuple[int, int]]:
    """Return the non-zero entries of a sparse matrix, and its shape.

    Args:
        path: an .npz file of scipy.sparse.save_npz, or a pickle.

    Raises:
        FormatError: the file contains no sparse matrix, or is a pickle and these are not allowed.
    """
    arrays: dict[str, Any]
    if path.suffix == ".npz":
        try:
            with np.load(path, allow_pickle=False) as stored:
                arrays = dict(stored)
        except (ValueError, OSError, EOFError) as error:
            raise FormatError(f"{path} is not an .npz file of a sparse matrix") from error
        arrays = _entries(arrays, path)
    else:
        arrays = load_pickle(path, options)
    if "row" not in arrays or len(arrays["shape"]) != 2:
        raise FormatError(f"{path} contains no sparse matrix")
    row, column = arrays["row"].astype(np.int64), arrays["column"].astype(np.int64)
    rows, columns = (int(size) for size in arrays["shape"])
    inside = (row >= 0) & (row < rows) & (column >= 0) & (column < columns)
    if len(row) != len(column) or not inside.all():
        raise FormatError(f"{path} is corrupt: it has entries outside of {rows:,} x {columns:,}")
    return (row, column), (rows, columns)


def _entries(arrays: dict[str, Any], path: Path) -> dict[str, Any]:
    """Return row, column and shape of a matrix from scipy.sparse.save_npz."""
    kind = arrays.get("format", np.array(b"")).item()
    kind = kind.decode("ascii", "replace") if isinstance(kind, bytes) else str(kind)
    needed = {"coo": {"row", "col"}, "csr": {"indices", "indptr"}, "csc": {"indices", "indptr"}}
    if kind not in needed or not needed[kind] | {"data", "shape"} <= set(arrays):
        raise FormatError(
            f"{path} contains no sparse matrix in csr, csc or coo; save it with "
            "scipy.sparse.save_npz(path, matrix.tocsr())"
        )
    if kind == "coo":
        row, column = arrays["row"], arrays["col"]
    else:
        outer = np.repeat(np.arange(len(arrays["indptr"]) - 1), np.diff(arrays["indptr"]))
        row, column = (outer, arrays["indices"]) if kind == "csr" else (arrays["indices"], outer)
    kept = arrays["data"] != 0
    return {"row": row[kept], "column": column[kept], "shape": arrays["shape"]}


def _tensor(path: Path) -> np.ndarray:
    """Return the tensor in a .pt file, read with weights_only=True."""
    import torch

    try:
        tensor = torch.load(path, map_location="cpu", weights_only=True)
    except Exception as error:  # readers raise errors of any type for a damaged file
        first = " ".join(str(error).split())[:120]
        raise FormatError(
            f"{path} is not a tensor that can be read without running its code: {first}"
        ) from error
    if not isinstance(tensor, torch.Tensor):
        raise FormatError(f"{path} contains {type(tensor).__name__}, not one tensor")
    array: np.ndarray = tensor.detach().numpy()
    return array
