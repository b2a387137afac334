"""Packs: the layout of few large files, with records in a table, for very many items."""

from __future__ import annotations

import io
import os
import re
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import replace
from functools import lru_cache
from pathlib import Path
from typing import Any, ClassVar

import numpy as np

from extract.config import Layout
from extract.store.files import write_or_truncate
from extract.store.npy import DamagedArray
from extract.store.record_table import Records, write_table
from extract.store.records import Record
from extract.store.storage import Storage

TABLE = "records.sqlite"
PACK_BYTES = 1 << 30  # a pack that has reached this size is followed by another
ALIGNMENT = 64  # of the rows in memory, as numpy's
HEADER_BYTES = 128  # of a .npy file of two dimensions
NAME = re.compile(r"([a-z0-9-]+-)?[0-9]{6}\.pack")


class Packs(Storage):
    """Rows as .npy files one after another in `packs/`, records in `records.sqlite`.

    A writer appends rows to packs of its own, then records to `log.jsonl`. A crash in between
    leaves bytes that no record names. `finish` merges the log into the table. A set with a table is
    packed, so a conversion writes the table first and removes it last.
    """

    layout: ClassVar[Layout] = "packed"
    folder: ClassVar[str] = "packs"
    log: ClassVar[str] = "log"

    def __init__(self, path: Path, shard: str | None = None) -> None:
        super().__init__(path, shard)
        self._maps: dict[str, np.memmap[Any, np.dtype[np.uint8]]] = {}
        self._written: set[str] = set()  # packs to fsync
        self._current: int | None = None  # number of the pack to append to

    @classmethod
    def create(cls, path: Path) -> None:  # noqa: D102
        (path / cls.folder).mkdir(parents=True, exist_ok=True)
        if not (path / TABLE).exists():
            write_table(path / TABLE, [])

    def write(self, record: Record, data: bytes) -> Record:  # noqa: D102
        pack = self._pack()
        with pack.open("ab", buffering=0) as file:
            end = file.seek(0, os.SEEK_END)
            write_or_truncate(file, bytes(-end % ALIGNMENT) + data, end)
        self._written.add(pack.name)
        return replace(record, pack=pack.name, offset=end + -end % ALIGNMENT)

    def remove(self, item_id: str) -> None:
        """Do nothing: its bytes stay until the set is compacted."""

    def open(self, item_id: str) -> np.ndarray:  # noqa: D102
        record = self.records.get(item_id)
        if record is None or record.rows == 0:
            raise FileNotFoundError(item_id)
        pack, offset = self._position(record)
        try:
            entry = self._bytes(pack, offset, record.num_bytes)
        except (OSError, ValueError) as error:  # numpy maps no empty file
            raise DamagedArray(f"{pack} cannot be read: {error}") from error
        if len(entry) < record.num_bytes:
            raise DamagedArray(f"the rows of '{item_id}' end after {len(entry):,} bytes")
        return _rows_of(entry)

    def rows_path(self, item_id: str) -> Path:  # noqa: D102
        record = self.records.get(item_id)
        if record is None or record.rows == 0:
            raise FileNotFoundError(item_id)
        return self.path / self.folder / self._position(record)[0]

    def read_bytes(self, record: Record) -> bytes:  # noqa: D102
        pack, offset = self._position(record)
        with (self.path / self.folder / pack).open("rb") as file:
            file.seek(offset)
            return file.read(record.num_bytes)

    def has_bytes(self, record: Record) -> bool:  # noqa: D102
        pack, offset = self._position(record)
        return (self.path / self.folder / pack).stat().st_size >= offset + record.num_bytes

    def unrecorded(self) -> Iterator[Path]:  # noqa: D102
        recorded = {record.pack for record in self.records.sorted() if record.rows}
        for path in sorted((self.path / self.folder).glob("*.pack")):
            if path.name not in recorded:
                yield path

    def finish(self) -> None:  # noqa: D102
        if self._own_log.exists() or self.shard_logs():
            # Also those of shards and killed processes: all rows that the table names are on disk.
            newer = self.records.newer.values()
            self._written |= {record.pack for record in newer if record.pack is not None}
            self.sync()
            write_table(self.path / TABLE, self.records.sorted())
            self._own_log.unlink(missing_ok=True)
            self._records = None  # read from the new table
        self._remove_leftovers()

    def sync(self) -> None:
        """Wait until all written rows are on disk."""
        for name in sorted(self._written):
            with suppress(FileNotFoundError), (self.path / self.folder / name).open("rb") as file:
                os.fsync(file.fileno())
        self._written.clear()

    def start_pack(self) -> None:
        """Append to a new pack from here on."""
        last = self._last()
        self._current = 0 if last is None else last + 1

    def _load(self, newer: Iterator[Record]) -> Records:
        return Records(newer, table=self.path / TABLE)

    def _pack(self) -> Path:
        """Return the pack to append to: the last one of this writer, or the one after it."""
        if self._current is None:
            self._current = self._last() or 0
            if not all(map(self.is_intact, self.records.newer.values())):
                # A power failure has shortened a pack. Start another one, so that records of lost
                # rows never name the bytes of other rows.
                self._current += 1
        path = self.path / self.folder / f"{self._prefix}{self._current:06d}.pack"
        if path.exists() and path.stat().st_size >= PACK_BYTES:
            self._current += 1
            return self._pack()
        return path

    @property
    def _prefix(self) -> str:
        return f"{self.shard}-" if self.shard else ""

    def _last(self) -> int | None:
        """Return the number of the last pack of this writer."""
        own = re.compile(rf"{re.escape(self._prefix)}([0-9]{{6}})\.pack")
        names = [own.fullmatch(path.name) for path in (self.path / self.folder).glob("*.pack")]
        return max((int(match[1]) for match in names if match), default=None)

    def _position(self, record: Record) -> tuple[str, int]:
        """Return the pack and the offset of an item's rows.

        Raises:
            DamagedArray: the record names none.
        """
        pack, offset = record.pack, record.offset
        is_valid = isinstance(pack, str) and NAME.fullmatch(pack) is not None
        if not is_valid or not isinstance(offset, int) or offset < 0 or offset % ALIGNMENT:
            raise DamagedArray(f"the record of '{record.id}' names no position in a pack")
        assert pack is not None
        return pack, offset

    def _bytes(self, pack: str, offset: int, size: int) -> np.ndarray:
        mapped = self._maps.get(pack)
        if mapped is None or len(mapped) < offset + size:  # it may have grown
            mapped = self._maps[pack] = np.memmap(self.path / self.folder / pack, np.uint8, "r")
        return mapped[offset : offset + size]


def _rows_of(entry: np.ndarray) -> np.ndarray:
    """Return the array in the bytes of a .npy file.

    Raises:
        DamagedArray: they are not one.
    """
    try:
        shape, dtype, start = _header(bytes(entry[:HEADER_BYTES]))
        return np.asanyarray(entry[start:].view(dtype).reshape(shape))
    except Exception as error:  # a ValueError, or what parsing of a broken header raises
        raise DamagedArray(" ".join(str(error).split())) from error


@lru_cache(maxsize=1024)  # one for each number of rows
def _header(data: bytes) -> tuple[tuple[int, ...], np.dtype[Any], int]:
    file = io.BytesIO(data)
    if np.lib.format.read_magic(file) != (1, 0):
        raise ValueError("its header is of another version")
    shape, is_fortran, dtype = np.lib.format.read_array_header_1_0(file)
    if is_fortran or dtype.hasobject:
        raise ValueError(f"it contains {dtype} in another order")
    return shape, dtype, len(data) - len(file.read())
