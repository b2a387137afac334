"""ItemFiles: the layout of one .npy per item, with a line of JSON for each record."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import ClassVar

import numpy as np

from extract.config import Layout
from extract.store.files import file_name, has_content, write_atomically
from extract.store.npy import open_npy
from extract.store.record_table import Records
from extract.store.records import Record, record_line
from extract.store.storage import Storage

RECORDS = "records.jsonl"


class ItemFiles(Storage):
    """Rows as `items/<id>.npy`, records in `records.jsonl`, all of them in memory."""

    layout: ClassVar[Layout] = "files"
    folder: ClassVar[str] = "items"
    log: ClassVar[str] = "records"

    @classmethod
    def create(cls, path: Path) -> None:  # noqa: D102
        (path / cls.folder).mkdir(parents=True, exist_ok=True)

    def write(self, record: Record, data: bytes) -> Record:  # noqa: D102
        # fsync per item would take longer than encoding a caption. After a power failure the file
        # is shorter than its record states, and is extracted again.
        write_atomically(self.rows_path(record.id), data, durable=False)
        return record

    def remove(self, item_id: str) -> None:  # noqa: D102
        self.rows_path(item_id).unlink(missing_ok=True)

    def open(self, item_id: str) -> np.ndarray:  # noqa: D102
        return open_npy(self.rows_path(item_id))

    def rows_path(self, item_id: str) -> Path:  # noqa: D102
        return self.path / self.folder / f"{file_name(item_id)}.npy"

    def read_bytes(self, record: Record) -> bytes:  # noqa: D102
        return self.rows_path(record.id).read_bytes()

    def has_bytes(self, record: Record) -> bool:  # noqa: D102
        return self.rows_path(record.id).stat().st_size == record.num_bytes

    def unrecorded(self) -> Iterator[Path]:  # noqa: D102
        recorded = {self.rows_path(item_id) for item_id, _ in self.records.row_hashes()}
        yield from sorted(set((self.path / self.folder).glob("*.npy")) - recorded)

    def finish(self) -> None:  # noqa: D102
        data = b"".join(map(record_line, self.records.sorted()))
        if not has_content(self.path / RECORDS, data):
            write_atomically(self.path / RECORDS, data)
        self._remove_leftovers()

    def _load(self, newer: Iterator[Record]) -> Records:
        return Records(newer)
