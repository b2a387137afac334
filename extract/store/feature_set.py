"""FeatureSet: the features of one modality by one encoder, one .npy an item."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np

from extract.modality import Pooling
from extract.store.files import (
    StoreError,
    append_whole,
    content_hash,
    explained,
    file_name,
    holds,
    write_atomically,
)
from extract.store.manifest import FILE, folder_name, read_manifest
from extract.store.npy import DamagedArray, npy_bytes, npy_stream, open_npy
from extract.store.pooling import pool, pooled_width
from extract.store.records import Record, read_records, record_line


class NoFeatures(StoreError, LookupError):
    """There are no features where they were looked for."""


@dataclass(frozen=True)
class Aligned:
    """Features in the order of somebody else's ids.

    Shapes:
        features: (I, D) float32; rows of absent items are zero.
        present: (I,) bool.
        unknown: ids of which the set has no record at all.
    """

    features: np.ndarray
    present: np.ndarray
    unknown: list[str]


@dataclass(frozen=True)
class Problem:
    """Something that `verify` found; `id` is the item's, or a file's name."""

    id: str
    what: str


class FeatureSet:
    """The features of one modality by one encoder with one set of weights and settings.

    Args:
        shard: names this writer where several write side by side, each other items. It has a file
            of records of its own; they are read as one, and `finish` of a whole writer makes them
            one.

    Raises:
        StoreError: there is no such set, or a newer version wrote it.
    """

    def __init__(self, path: Path, *, shard: str | None = None) -> None:
        self.path, self._shard = path, shard
        self.manifest: dict[str, Any] = read_manifest(path)
        self._records: dict[str, Record] | None = None

    @property
    def digest(self) -> str:
        """What names the encoder, its weights and every setting."""
        return self.path.name.rpartition("-")[2]

    @property
    def records(self) -> Mapping[str, Record]:
        """The last record of every item, by id."""
        return self._held()

    def write(self, record: Record, rows: np.ndarray | None) -> None:
        """Store one item: its rows, then its record. A crash between the two redoes the item.

        Shapes:
            rows: (T, D), or None where there are none to store.

        Raises:
            StoreError: the folder cannot be written, or the disk is full.
            ValueError: rows that are not finite or not (T, D).
        """
        target = self.rows_path(record.id)
        if rows is None:
            with explained(self.path):
                target.unlink(missing_ok=True)
        else:
            data = npy_bytes(self._checked(record.id, rows))
            record = replace(
                record, rows=len(rows), rows_hash=content_hash(data), num_bytes=len(data)
            )
            with explained(self.path):
                # Waiting for the disk each time would take longer than encoding a caption. If the
                # power fails, the file is not as long as its record says, and is done again.
                write_atomically(target, data, durable=False)
        self.touch(record)

    def touch(self, record: Record) -> None:
        """Store a record whose rows are there already."""
        held = self._held()
        with explained(self.path):
            append_whole(self._records_path, record_line(record))
        held[record.id] = record

    def read(self, item_id: str) -> np.ndarray:
        """Return the rows of one item, memory-mapped.

        Shapes:
            the result: (T, D), T >= 1, in time order.

        Raises:
            NoFeatures: there is none of that id.
            StoreError: what is there is damaged.
        """
        path = self.rows_path(item_id)
        try:
            rows = open_npy(path)
        except FileNotFoundError as error:
            record = self.records.get(item_id)
            why = "it was never extracted"
            if record is not None:
                why = f"it is {record.status}{f': {record.reason}' if record.reason else ''}"
            raise NoFeatures(
                f"no {self.manifest['modality']} rows of '{item_id}': {why}"
            ) from error
        except DamagedArray as error:
            raise _corrupt(path, str(error)) from error
        if not self._are_rows(rows.shape) or rows.dtype != self._dtype:
            raise _corrupt(
                path,
                f"it holds {rows.shape} {rows.dtype}, not (T, {self.manifest['dim']}) "
                f"{self._dtype}",
            )
        return rows

    def rows_path(self, item_id: str) -> Path:
        """Where the rows of an item lie."""
        return self.path / "items" / f"{file_name(item_id)}.npy"

    def is_whole(self, record: Record, *, thorough: bool = False) -> bool:
        """Whether the rows that the record speaks of are there in full size.

        Args:
            thorough: whether they are read and compared with their hash, too.
        """
        if record.rows == 0:
            return True
        path = self.rows_path(record.id)
        try:
            if thorough:
                return content_hash(path.read_bytes()) == record.rows_hash
            return path.stat().st_size == record.num_bytes
        except OSError:
            return False

    def finish(self) -> None:
        """Keep the last record of every item, sorted by id, and drop what an interruption left.

        A shard leaves that to the whole writer that comes after all shards.
        """
        if self._shard is not None:
            return
        with explained(self.path):
            ordered = sorted(self._held().values(), key=lambda record: record.id)
            data = b"".join(map(record_line, ordered))
            if not holds(self._records_path, data):
                write_atomically(self._records_path, data)
            for leftover in (
                *self._shard_paths(),
                *self.path.rglob("*.tmp"),
                *self.path.parent.glob("*.tmp"),
            ):
                leftover.unlink(missing_ok=True)

    def take_in_shards(self) -> None:
        """Make the records of shards, if there are any, one with the others."""
        if self._shard_paths():
            self.finish()

    def verify(self, progress: Callable[[int], None] | None = None) -> list[Problem]:
        """Read every file and compare it with its record.

        Args:
            progress: called with how many records were looked at.
        """
        problems = []
        if folder_name(self.manifest) != self.path.name:
            problems.append(Problem(FILE, "is not what the folder is named after"))
        for number, record in enumerate(self.records.values(), start=1):
            if progress is not None:
                progress(number)
            if record.rows == 0:
                continue
            try:
                data = self.rows_path(record.id).read_bytes()
            except OSError as error:
                problems.append(Problem(record.id, f"cannot be read: {error.strerror}"))
                continue
            if content_hash(data) != record.rows_hash:
                problems.append(Problem(record.id, "is not what was written"))
        known = {self.rows_path(record.id) for record in self.records.values() if record.rows}
        strays = sorted(set((self.path / "items").glob("*.npy")) - known)
        return problems + [
            Problem(path.name, "belongs to no record; it may be removed") for path in strays
        ]

    def pooled(self) -> tuple[list[str], np.ndarray]:
        """Return one vector an item, computed once and kept beside the set.

        Shapes:
            the result: N ids, sorted, and (N, D) float32, memory-mapped.

        Raises:
            StoreError: the rows of an item are gone or damaged.
        """
        records = [record for _, record in sorted(self.records.items()) if record.rows > 0]
        ids = [record.id for record in records]
        pooling: Pooling = self.manifest.get("pooling", "mean")
        shape = len(ids), pooled_width(self.manifest["dim"], pooling)
        rows_of_all = "\n".join(f"{record.id!r} {record.rows_hash}" for record in records)
        key = content_hash(rows_of_all.encode() + pooling.encode())[:16]
        path = self.path / f"pooled-{pooling}-{key}.npy"
        matrix = _whole_matrix(path, shape)
        if matrix is None and self._keep_pooled(path, self._vectors(ids, pooling), shape):
            matrix = _whole_matrix(path, shape)
        if matrix is None:  # a store that may only be read serves all the same
            matrix = np.empty(shape, dtype=np.float32)
            for row, vector in zip(matrix, self._vectors(ids, pooling), strict=True):
                row[:] = vector
        return ids, matrix

    def align(self, item_ids: Sequence[str]) -> Aligned:
        """Return the pooled features in the order of the given ids, joined by id.

        Shapes:
            see `Aligned`.
        """
        ids, matrix = self.pooled()
        place = {item_id: index for index, item_id in enumerate(ids)}
        source = np.array([place.get(item_id, -1) for item_id in item_ids], dtype=np.int64)
        present = source >= 0
        features = np.zeros((len(item_ids), matrix.shape[1]), dtype=np.float32)
        features[present] = matrix[source[present]]
        return Aligned(features, present, [i for i in item_ids if i not in self.records])

    @property
    def _records_path(self) -> Path:
        return self.path / (f"records-{self._shard}.jsonl" if self._shard else "records.jsonl")

    def _shard_paths(self) -> list[Path]:
        return sorted(self.path.glob("records-*.jsonl"))

    @property
    def _dtype(self) -> np.dtype[Any]:
        dtype: np.dtype[Any] = np.dtype(self.manifest.get("dtype", "float16"))
        return dtype

    def _are_rows(self, shape: tuple[int, ...]) -> bool:
        return len(shape) == 2 and shape[0] > 0 and shape[1] == self.manifest["dim"]

    def _held(self) -> dict[str, Record]:
        if self._records is None:
            paths = [self.path / "records.jsonl", *self._shard_paths(), self._records_path]
            self._records = {
                record.id: record for path in dict.fromkeys(paths) for record in read_records(path)
            }
        return self._records

    def _checked(self, item_id: str, rows: np.ndarray) -> np.ndarray:
        if not self._are_rows(rows.shape):
            raise ValueError(
                f"rows of '{item_id}' are {rows.shape}, not (T, {self.manifest['dim']})"
            )
        if not np.isfinite(rows).all():
            raise ValueError(f"rows of '{item_id}' are not finite")
        with np.errstate(over="ignore"):  # refused by the next check
            stored = np.ascontiguousarray(rows, dtype=self._dtype)
        if not np.isfinite(stored).all():
            raise ValueError(f"rows of '{item_id}' do not fit {stored.dtype}; use --dtype float32")
        return stored

    def _vectors(self, ids: Iterable[str], pooling: Pooling) -> Iterator[np.ndarray]:
        return (pool(self.read(item_id), pooling) for item_id in ids)

    def _keep_pooled(
        self, path: Path, vectors: Iterable[np.ndarray], shape: tuple[int, int]
    ) -> bool:
        """Write the matrix in place of older ones; False if it cannot be written."""
        try:
            write_atomically(path, npy_stream(vectors, shape), durable=False)
            for old in set(self.path.glob("pooled-*.npy")) - {path}:
                old.unlink(missing_ok=True)
        except StoreError:  # of the rows
            raise
        except OSError:
            return False
        return True


def _whole_matrix(path: Path, shape: tuple[int, int]) -> np.ndarray | None:
    """Return the pooled matrix; None if it is not there, or damaged."""
    try:
        matrix = open_npy(path)
    except (OSError, DamagedArray):
        return None
    return matrix if matrix.shape == shape and matrix.dtype == np.float32 else None


def _corrupt(path: Path, why: str) -> StoreError:
    return StoreError(f"{path} is corrupt: {why}; extract again, that file will be redone")
