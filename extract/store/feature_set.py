"""FeatureSet: the features of one modality by one encoder, as rows of each item."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np

from extract.config import Layout
from extract.modality import Pooling
from extract.store.files import StoreError, content_hash, explain_write_errors
from extract.store.layout import open_storage
from extract.store.manifest import read_manifest
from extract.store.npy import DamagedArray, npy_bytes
from extract.store.pooled_matrix import cached_matrix, pooled_matrix
from extract.store.record_table import Records
from extract.store.records import Record
from extract.store.storage import Storage
from extract.store.verification import Problem, checked_rows, problems_of


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
        path: folder of the set.
        shard: name of this writer if several write different items at the same time. Each writes
            separate files; readers merge them, and `finish` of a writer without `shard` merges the
            records.

    Raises:
        StoreError: there is no such set, or a newer version wrote it.
    """

    def __init__(self, path: Path, *, shard: str | None = None) -> None:
        self.path, self._shard = path, shard
        self.manifest: dict[str, Any] = read_manifest(path)
        self.storage: Storage = open_storage(path, shard=shard)

    @property
    def digest(self) -> str:
        """Hash of the encoder, its weights and every setting."""
        return self.path.name.rpartition("-")[2]

    @property
    def name(self) -> str:
        """MODALITY/FOLDER, its path in the store."""
        return f"{self.path.parent.name}/{self.path.name}"

    @property
    def layout(self) -> Layout:
        """How rows and records are stored."""
        return self.storage.layout

    def item_ids(self) -> list[str]:
        """Return the ids of the items that have rows, sorted."""
        return [item_id for item_id, _ in self.records.row_hashes()]

    @property
    def records(self) -> Records:
        """The last record of each item, by id."""
        return self.storage.records

    def write(self, record: Record, rows: np.ndarray | None) -> None:
        """Store one item: its rows, then its record. A crash in between extracts it again.

        Shapes:
            rows: (T, D); None removes the rows.

        Raises:
            StoreError: the folder cannot be written, or the disk is full.
            ValueError: the rows are not finite or not (T, D).
        """
        data = None if rows is None else npy_bytes(self._checked(record.id, rows))
        with explain_write_errors(self.path):
            if rows is None or data is None:
                self.storage.remove(record.id)
            else:
                record = replace(
                    record, rows=len(rows), rows_hash=content_hash(data), num_bytes=len(data)
                )
                record = self.storage.write(record, data)
            self.storage.add(record)

    def update_record(self, record: Record) -> None:
        """Store a record whose rows are already stored."""
        with explain_write_errors(self.path):
            self.storage.add(record)

    def read(self, item_id: str) -> np.ndarray:
        """Return the rows of one item, memory-mapped.

        Shapes:
            the result: (T, D), T >= 1, in time order.

        Raises:
            NoFeatures: the item has no rows.
            StoreError: the rows are corrupt.
        """
        try:
            rows = self.storage.open(item_id)
        except FileNotFoundError as error:
            record = self.records.get(item_id)
            why = "it was never extracted"
            if record is not None:
                why = f"it is {record.status}{f': {record.reason}' if record.reason else ''}"
            raise NoFeatures(
                f"no {self.manifest['modality']} rows of '{item_id}': {why}"
            ) from error
        except DamagedArray as error:
            raise self._corrupt(item_id, str(error)) from error
        if not self._are_rows(rows.shape) or rows.dtype != self.dtype:
            raise self._corrupt(
                item_id,
                f"it contains {rows.shape} {rows.dtype}, not (T, {self.manifest['dim']}) "
                f"{self.dtype}",
            )
        return rows

    def rows_path(self, item_id: str) -> Path:
        """Return the file with the rows of an item.

        Raises:
            FileNotFoundError: a packed set has no rows of it.
        """
        return self.storage.rows_path(item_id)

    def is_intact(self, record: Record, *, thorough: bool = False) -> bool:
        """Return whether the rows of a record are stored with their full size.

        Args:
            record: one of this set.
            thorough: whether the rows are also read and checked; see `checked_rows`.
        """
        if not thorough:
            return self.storage.is_intact(record)
        try:
            checked_rows(self, record)
        except DamagedArray:
            return False
        return True

    def finish(self) -> None:
        """Write the last record of each item, sorted by id, and remove leftovers of interruptions.

        Does nothing for a shard: a writer without `shard` does this after all shards.
        """
        if self._shard is not None:
            return
        with explain_write_errors(self.path):
            self.storage.finish()

    def merge_shards(self) -> None:
        """Merge the records of shards, if there are any."""
        if self.storage.shard_logs():
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
        row_hashes = self.records.row_hashes()
        matrix = pooled_matrix(
            self.path, row_hashes, self.read, width=self.manifest["dim"], pooling=self.pooling
        )
        return [item_id for item_id, _ in row_hashes], matrix

    def cached_matrix(self) -> tuple[Path, np.ndarray | None]:
        """Return the file of the vectors of `pooled`, and the vectors, if they are in it."""
        return cached_matrix(
            self.path,
            self.records.row_hashes(),
            width=self.manifest["dim"],
            pooling=self.pooling,
        )

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
    def pooling(self) -> Pooling:
        """How the rows of an item become one vector."""
        pooling: Pooling = self.manifest.get("pooling", "mean")
        return pooling

    @property
    def dtype(self) -> np.dtype[Any]:
        """Type of the rows."""
        dtype: np.dtype[Any] = np.dtype(self.manifest.get("dtype", "float16"))
        return dtype

    def _are_rows(self, shape: tuple[int, ...]) -> bool:
        return len(shape) == 2 and shape[0] > 0 and shape[1] == self.manifest["dim"]

    def _corrupt(self, item_id: str, why: str) -> StoreError:
        try:
            where: Path | str = self.rows_path(item_id)
        except DamagedArray:
            where = self.path
        return StoreError(f"{where} is corrupt: {why}; extract again to replace it")

    def _checked(self, item_id: str, rows: np.ndarray) -> np.ndarray:
        if not self._are_rows(rows.shape):
            raise ValueError(
                f"rows of '{item_id}' are {rows.shape}, not (T, {self.manifest['dim']})"
            )
        if not np.isfinite(rows).all():
            raise ValueError(f"rows of '{item_id}' are not finite")
        with np.errstate(over="ignore"):  # raised by the next check
            stored = np.ascontiguousarray(rows, dtype=self.dtype)
        if not np.isfinite(stored).all():
            raise ValueError(
                f"rows of '{item_id}' exceed the range of {stored.dtype}; use dtype='float32'"
            )
        return stored
