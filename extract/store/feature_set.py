"""FeatureSet: the features of one modality by one encoder, one .npy per item."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np

from extract.store.files import (
    StoreError,
    append_atomically,
    content_hash,
    explain_write_errors,
    file_name,
    has_content,
    write_atomically,
)
from extract.store.manifest import read_manifest
from extract.store.npy import DamagedArray, npy_bytes, open_npy
from extract.store.pooled_matrix import pooled_matrix
from extract.store.records import Record, read_records, record_line
from extract.store.verification import Problem, problems_of


class NoFeatures(StoreError, LookupError):
    """The requested features do not exist."""


@dataclass(frozen=True)
class Aligned:
    """Pooled features in the order of given ids.

    Shapes:
        features: (I, D) float32; rows of absent items are zero.
        present: (I,) bool.
        unknown: the ids without a record.
    """

    features: np.ndarray
    present: np.ndarray
    unknown: list[str]


class FeatureSet:
    """The features of one modality by one encoder with one set of weights and settings.

    Args:
        path: its folder.
        shard: name of this writer if several write different items at the same time. Each has a
            separate file of records; readers merge them, and `finish` of a writer without `shard`
            merges the files.

    Raises:
        StoreError: there is no such set, or a newer version wrote it.
    """

    def __init__(self, path: Path, *, shard: str | None = None) -> None:
        self.path, self._shard = path, shard
        self.manifest: dict[str, Any] = read_manifest(path)
        self._records: dict[str, Record] | None = None

    @property
    def digest(self) -> str:
        """Hash of the encoder, its weights and every setting."""
        return self.path.name.rpartition("-")[2]

    @property
    def name(self) -> str:
        """MODALITY/FOLDER, its path in the store."""
        return f"{self.path.parent.name}/{self.path.name}"

    def item_ids(self) -> list[str]:
        """Return the ids of the items that have rows, sorted."""
        return sorted(record.id for record in self.records.values() if record.rows > 0)

    @property
    def records(self) -> Mapping[str, Record]:
        """The last record of each item, by id."""
        return self._loaded_records()

    def write(self, record: Record, rows: np.ndarray | None) -> None:
        """Store one item: its rows, then its record. A crash in between extracts it again.

        Shapes:
            rows: (T, D); None removes the rows.

        Raises:
            StoreError: the folder cannot be written, or the disk is full.
            ValueError: the rows are not finite or not (T, D).
        """
        target = self.rows_path(record.id)
        if rows is None:
            with explain_write_errors(self.path):
                target.unlink(missing_ok=True)
        else:
            data = npy_bytes(self._checked(record.id, rows))
            record = replace(
                record, rows=len(rows), rows_hash=content_hash(data), num_bytes=len(data)
            )
            with explain_write_errors(self.path):
                # fsync per item would take longer than encoding a caption. After a power failure
                # the file is shorter than its record states, and is extracted again.
                write_atomically(target, data, durable=False)
        self.update_record(record)

    def update_record(self, record: Record) -> None:
        """Store a record whose rows are already stored."""
        records = self._loaded_records()
        with explain_write_errors(self.path):
            append_atomically(self._records_path, record_line(record))
        records[record.id] = record

    def read(self, item_id: str) -> np.ndarray:
        """Return the rows of one item, memory-mapped.

        Shapes:
            the result: (T, D), T >= 1, in time order.

        Raises:
            NoFeatures: the item has no rows.
            StoreError: the rows are corrupt.
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
                f"it contains {rows.shape} {rows.dtype}, not (T, {self.manifest['dim']}) "
                f"{self._dtype}",
            )
        return rows

    def rows_path(self, item_id: str) -> Path:
        """Return the path of an item's rows."""
        return self.path / "items" / f"{file_name(item_id)}.npy"

    def is_intact(self, record: Record, *, thorough: bool = False) -> bool:
        """Return whether the rows of a record are stored with their full size.

        Args:
            record: one of this set.
            thorough: whether the rows are also compared with their hash.
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
        """Write the last record of each item, sorted by id, and remove leftovers of interruptions.

        Does nothing for a shard: a writer without `shard` does it after all shards.
        """
        if self._shard is not None:
            return
        with explain_write_errors(self.path):
            ordered = sorted(self._loaded_records().values(), key=lambda record: record.id)
            data = b"".join(map(record_line, ordered))
            if not has_content(self._records_path, data):
                write_atomically(self._records_path, data)
            for leftover in (
                *self._shard_paths(),
                *self.path.rglob("*.tmp"),
                *self.path.parent.glob("*.tmp"),
            ):
                leftover.unlink(missing_ok=True)

    def merge_shards(self) -> None:
        """Merge the record files of shards, if there are any."""
        if self._shard_paths():
            self.finish()

    def verify(self, progress: Callable[[int], None] | None = None) -> list[Problem]:
        """Return the differences between files and records; see `problems_of`."""
        return problems_of(self, progress)

    def pooled(self) -> tuple[list[str], np.ndarray]:
        """Return one vector per item, computed once and cached beside the set.

        Shapes:
            the result: N ids, sorted, and (N, D) float32, memory-mapped.

        Raises:
            StoreError: the rows of an item are missing or corrupt.
        """
        ids = self.item_ids()
        matrix = pooled_matrix(
            self.path,
            [self.records[item_id] for item_id in ids],
            self.read,
            width=self.manifest["dim"],
            pooling=self.manifest.get("pooling", "mean"),
        )
        return ids, matrix

    def align(self, item_ids: Sequence[str]) -> Aligned:
        """Return the pooled features in the order of the given ids, joined by id.

        Shapes:
            see `Aligned`.
        """
        ids, matrix = self.pooled()
        index = {item_id: row for row, item_id in enumerate(ids)}
        source = np.array([index.get(item_id, -1) for item_id in item_ids], dtype=np.int64)
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

    def _loaded_records(self) -> dict[str, Record]:
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
        with np.errstate(over="ignore"):  # raised by the next check
            stored = np.ascontiguousarray(rows, dtype=self._dtype)
        if not np.isfinite(stored).all():
            raise ValueError(
                f"rows of '{item_id}' exceed the range of {stored.dtype}; use dtype='float32'"
            )
        return stored


def _corrupt(path: Path, why: str) -> StoreError:
    return StoreError(f"{path} is corrupt: {why}; extract again to replace it")
