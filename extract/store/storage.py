"""Storage: how the rows and records of a feature set are stored on disk."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Iterator
from pathlib import Path
from typing import ClassVar

import numpy as np

from extract.config import Layout
from extract.store.files import append_atomically
from extract.store.npy import DamagedArray
from extract.store.record_table import Records
from extract.store.records import Record, read_records, record_line


class Storage(ABC):
    """Rows and records of one feature set, in one of the layouts.

    Args:
        path: the folder of the set.
        shard: see `FeatureSet`.
    """

    layout: ClassVar[Layout]
    folder: ClassVar[str]
    """Name of the folder of the rows."""
    log: ClassVar[str]
    """Stem of the file that gets a line for each record; shards have one each."""

    def __init__(self, path: Path, shard: str | None = None) -> None:
        self.path, self.shard = path, shard
        self._records: Records | None = None

    @classmethod
    @abstractmethod
    def create(cls, path: Path) -> None:
        """Create an empty storage in the folder of a set that has none."""

    @property
    def records(self) -> Records:
        """The last record of each item; read from disk once."""
        if self._records is None:
            self._records = self._load(
                record for path in self.logs() for record in read_records(path)
            )
        return self._records

    def add(self, record: Record) -> None:
        """Append a record to the log, completely or not at all."""
        records = self.records
        append_atomically(self._own_log, record_line(record))
        records.add(record)

    def logs(self) -> list[Path]:
        """Return the files of records, the newest last; they need not exist."""
        paths = [self.path / f"{self.log}.jsonl", *self.shard_logs(), self._own_log]
        return list(dict.fromkeys(paths))

    def shard_logs(self) -> list[Path]:
        """Return the logs of shards that were not merged yet."""
        return sorted(self.path.glob(f"{self.log}-*.jsonl"))

    @abstractmethod
    def write(self, record: Record, data: bytes) -> Record:
        """Store the rows of an item, and return its record with their position.

        Args:
            record: record of the item, with size and hash of the rows.
            data: content of the rows' .npy file.
        """

    @abstractmethod
    def remove(self, item_id: str) -> None:
        """Remove the rows of an item, if there are any; its record is written afterwards."""

    @abstractmethod
    def open(self, item_id: str) -> np.ndarray:
        """Return the rows of an item, memory-mapped and read-only.

        Raises:
            FileNotFoundError: the item has no rows.
            DamagedArray: they are damaged.
        """

    @abstractmethod
    def rows_path(self, item_id: str) -> Path:
        """Return the file with the rows of an item.

        Raises:
            FileNotFoundError: the item has no rows, and the layout needs the record to name a file.
        """

    @abstractmethod
    def read_bytes(self, record: Record) -> bytes:
        """Return the content of the .npy file of an item's rows, unchecked.

        Raises:
            OSError: it cannot be read.
            DamagedArray: the record does not say where it is.
        """

    @abstractmethod
    def has_bytes(self, record: Record) -> bool:
        """Return whether the rows are there with their full size; their content is not read."""

    @abstractmethod
    def unrecorded(self) -> Iterator[Path]:
        """Yield the files of rows that no record names, sorted."""

    @abstractmethod
    def finish(self) -> None:
        """Write the last record of each item, sorted by id, and remove leftovers of writes."""

    @abstractmethod
    def _load(self, newer: Iterator[Record]) -> Records:
        """Return all records, given those that were read from the logs."""

    def is_intact(self, record: Record) -> bool:
        """Return whether the rows of a record are there with their full size."""
        try:
            return record.rows == 0 or self.has_bytes(record)
        except (OSError, DamagedArray):
            return False

    @property
    def _own_log(self) -> Path:
        return self.path / (f"{self.log}-{self.shard}.jsonl" if self.shard else f"{self.log}.jsonl")

    def _remove_leftovers(self) -> None:
        for leftover in (
            *self.shard_logs(),
            *self.path.rglob("*.tmp"),
            *self.path.parent.glob("*.tmp"),
        ):
            leftover.unlink(missing_ok=True)
