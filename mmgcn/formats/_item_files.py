"""Features in one file per item."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

import numpy as np

from mmgcn.content import Content
from mmgcn.format import FormatError, ImportOptions
from mmgcn.formats._arrays import is_object_array, read_matrix


def add_item_files(
    content: Content, name: str, files: Mapping[str, Path], options: ImportOptions, *, source: str
) -> None:
    """Add the features of one file per item: a vector, or the mean of several rows.

    Files without rows, and files of Python objects if pickles are not allowed, are left out and
    recorded.

    Args:
        files: file of each item, by item id.
        source: name of the files' source in the report.

    Raises:
        FormatError: a file contains no numbers, or the widths differ.
    """
    ids, vectors = [], []
    empty, pickles = [], []
    for item, file in sorted(files.items()):
        if not options.allow_pickle and is_object_array(file):
            pickles.append(file.name)
            continue
        vector = mean_row(read_matrix(file, options), file)
        if vector is None:
            empty.append(file.name)
            continue
        ids.append(item)
        vectors.append(vector)
    for names, reason in (
        (empty, "they have no rows"),
        (pickles, "they are pickles; allow_pickle reads them"),
    ):
        if names:
            content.dropped.append(
                f"{len(names):,} files of {source}, such as {names[0]}: {reason}"
            )
    widths = sorted({len(vector) for vector in vectors})
    if len(widths) > 1:
        raise FormatError(
            f"the vectors in {source} have widths from {widths[0]:,} to {widths[-1]:,}; one folder "
            "must have the features of one model"
        )
    if vectors:
        content.add_features(name, ids, np.stack(vectors), source=source)


def mean_row(array: np.ndarray, file: Path) -> np.ndarray | None:
    """Return the mean over all axes except the last one, None if there is no row.

    Shapes:
        array: (D,), (T, D) or (1, T, D), and so on; the result: (D,) float64.

    Raises:
        FormatError: the array is a single number.

    >>> mean_row(np.array([[1, 2], [3, 6]]), Path("a.npy")).tolist()
    [2.0, 4.0]
    """
    if array.ndim == 0:
        raise FormatError(f"{file} contains one number, not a vector")
    rows = array.reshape(-1, array.shape[-1])
    if rows.size == 0:
        return None
    mean: np.ndarray = rows.mean(axis=0, dtype=np.float64)
    return mean
