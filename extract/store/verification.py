"""Verification: compare the files of a feature set with its records."""

from __future__ import annotations

import io
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from extract.store.files import StoreError, content_hash
from extract.store.manifest import FILE, folder_name
from extract.store.npy import DamagedArray
from extract.store.pooling import pool
from extract.store.record_table import DAMAGED_RECORD
from extract.store.records import Record, num_damaged_lines

if TYPE_CHECKING:
    from extract.store.feature_set import FeatureSet


@dataclass(frozen=True)
class Problem:
    """A difference between files and records; `id` is the item's, or a file name."""

    id: str
    what: str


def problems_of(
    features: FeatureSet, progress: Callable[[int], None] | None = None
) -> list[Problem]:
    """Read every file of a set and return those that are damaged or differ from their records.

    Args:
        features: the set.
        progress: called with the number of records that were checked.
    """
    problems = []
    if folder_name(features.manifest) != features.path.name:
        problems.append(Problem(FILE, "does not match the name of its folder"))
    try:
        problems += _problems_of_records(features, progress)
    except StoreError as error:  # of the table of records
        problems.append(Problem(features.path.name, str(error)))
    return problems


def _problems_of_records(
    features: FeatureSet, progress: Callable[[int], None] | None
) -> Iterator[Problem]:
    for path in features.storage.logs():
        if count := num_damaged_lines(path):
            what = f"has {count:,} damaged lines, whose items will be extracted again"
            yield Problem(path.name, what)
    path, matrix = features.cached_matrix()
    vectors = iter(() if matrix is None else matrix)  # (D,) of each item with rows, in their order
    num_others = 0
    for num_checked, record in enumerate(features.records.sorted(), start=1):
        if progress is not None:
            progress(num_checked)
        vector = next(vectors, None) if record.rows else None
        try:
            rows = checked_rows(features, record)
        except DamagedArray as error:
            yield Problem(record.id, str(error))
            continue
        if rows is not None and vector is not None:
            num_others += not _agree(vector, pool(rows, features.pooling))
    if num_others:
        what = f"differs from the rows of {num_others:,} items; it can be removed"
        yield Problem(path.name, what)
    for path in features.storage.unrecorded():
        yield Problem(path.name, "has no record; it can be removed")


def _agree(vector: np.ndarray, expected: np.ndarray) -> bool:
    """Return whether a vector is that of the rows, as another version of numpy might sum them."""
    return np.allclose(vector, expected, rtol=0, atol=1e-3 * float(np.abs(expected).max()))


def checked_rows(features: FeatureSet, record: Record) -> np.ndarray | None:
    """Return the rows of a record, compared with everything that is known of them.

    Hash, shape, type, finite values, number of times; of speech, also its parts.

    Shapes:
        the result: (T, D); None of a record without rows.

    Raises:
        DamagedArray: they differ; the message is what a user has to know beside the id.
    """
    if record.reason == DAMAGED_RECORD:
        raise DamagedArray(DAMAGED_RECORD)
    if record.rows == 0:
        if record.status in ("done", "partial"):
            raise DamagedArray(f"is {record.status}, and has no rows")
        return None
    try:
        data = features.storage.read_bytes(record)
    except OSError as error:
        raise DamagedArray(f"cannot be read: {error.strerror}") from error
    if content_hash(data) != record.rows_hash:
        raise DamagedArray("does not match its recorded hash")
    try:
        rows = np.lib.format.read_array(io.BytesIO(data), allow_pickle=False)
    except Exception as error:  # a ValueError, or what parsing of a broken header raises
        raise DamagedArray(f"is no array: {' '.join(str(error).split())}") from error
    shape = (record.rows, features.manifest["dim"])
    if rows.shape != shape or rows.dtype != features.dtype:
        raise DamagedArray(f"contains {rows.shape} {rows.dtype}, not {shape} {features.dtype}")
    if not np.isfinite(rows).all():
        raise DamagedArray("has values that are not finite")
    for times in (record.pts_seconds, record.end_seconds):
        if times and len(times) != record.rows:
            raise DamagedArray(f"has {len(times):,} times for {record.rows:,} rows")
    for start, end, text in record.segments:
        if not (text and np.isfinite([start, end]).all() and 0 <= start <= end):
            raise DamagedArray(f"has a part of speech from {start} to {end}: '{text[:40]}'")
    return rows
