"""Records: the records of a set by id, in memory or in a table on disk that is sorted by id."""

from __future__ import annotations

import sqlite3
import tempfile
import weakref
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import closing, contextmanager
from pathlib import Path
from typing import TypeVar

from extract.store.files import StoreError, write_atomically
from extract.store.records import Record, parse_record, record_line

T = TypeVar("T")

DAMAGED_RECORD = "its record is damaged; extract it again"
CHUNK_BYTES = 1 << 20

# The columns beside the record's line are those that are read for all records at once.
_SCHEMA = """
CREATE TABLE records (id BLOB, rows INTEGER, rows_hash TEXT, num_bytes INTEGER, line BLOB);
CREATE INDEX by_id ON records (id, rows, rows_hash, num_bytes);
"""


class Records(Mapping[str, Record]):
    """The last record of each item, by id. `newer` are those in memory.

    Args:
        newer: records in memory; the last one of an item is valid.
        table: records on disk, written by `write_table`, which `newer` replaces. Each is read when
            it is needed, so that a million of them take no memory.

    Raises:
        StoreError: the table is damaged, now or while it is read.
    """

    def __init__(self, newer: Iterable[Record] = (), *, table: Path | None = None) -> None:
        self._table = table
        self._base = None if table is None else _open(table)
        if self._base is not None:
            weakref.finalize(self, self._base.close)
        self.newer: dict[str, Record] = {}
        self._num_base = int(self._sum("SELECT COUNT(*) FROM records"))
        self._num_replaced = 0
        for record in newer:
            self.add(record)

    def add(self, record: Record) -> None:
        """Add a record; it replaces an older one of the item."""
        if record.id not in self.newer and self._has(record.id):
            self._num_replaced += 1
        self.newer[record.id] = record

    def __getitem__(self, item_id: str) -> Record:
        record = self.newer.get(item_id)
        if record is None:
            record = self._stored(item_id)
        if record is None:
            raise KeyError(item_id)
        return record

    def __len__(self) -> int:
        return self._num_base - self._num_replaced + len(self.newer)

    def __iter__(self) -> Iterator[str]:
        for item_id in self._read("SELECT id FROM records ORDER BY id", of=_id):
            if item_id not in self.newer:
                yield item_id
        yield from self.newer

    def sorted(self) -> Iterator[Record]:
        """Yield the records in the order of their ids."""
        newer = iter(sorted(self.newer.items()))
        waiting = next(newer, None)
        for record in self._read("SELECT id, line FROM records ORDER BY id", of=_record):
            while waiting is not None and waiting[0] < record.id:
                yield waiting[1]
                waiting = next(newer, None)
            if record.id not in self.newer:
                yield record
        if waiting is not None:
            yield waiting[1]
        yield from (record for _, record in newer)

    def row_hashes(self) -> list[tuple[str, str | None]]:
        """Return id and hash of the items that have rows, sorted by id."""
        query = "SELECT id, rows_hash FROM records INDEXED BY by_id WHERE rows > 0 ORDER BY id"
        found = [row for row in self._read(query, of=_id_and_hash) if row[0] not in self.newer]
        found += [(r.id, r.rows_hash) for r in self.newer.values() if r.rows > 0]
        return sorted(found) if self.newer else found

    def num_bytes(self) -> int:
        """Return the total number of bytes of all rows."""
        total = self._sum("SELECT TOTAL(num_bytes) FROM records INDEXED BY by_id")
        for record in self.newer.values():
            old = self._stored(record.id)
            total += record.num_bytes - (0 if old is None else old.num_bytes)
        return int(total)

    def _has(self, item_id: str) -> bool:
        return bool(self._sum("SELECT COUNT(*) FROM records WHERE id = ?", _key(item_id)))

    def _stored(self, item_id: str) -> Record | None:
        """Return the record in the table; None if there is none."""
        query = "SELECT id, line FROM records WHERE id = ?"
        return next(self._read(query, _key(item_id), of=_record), None)

    def _sum(self, query: str, *given: bytes) -> float:
        return sum(self._read(query, *given, of=float))

    def _read(self, query: str, *given: bytes, of: Callable[..., T]) -> Iterator[T]:
        """Yield a value for each row of the query's result, from its columns."""
        if self._base is None or self._table is None:
            return
        with _explain_damage(self._table):
            for row in self._base.execute(query, given):
                yield of(*row)


def write_table(path: Path, records: Iterable[Record]) -> None:
    """Write the table of records in the order of their ids, completely or not at all.

    Raises:
        OSError: it cannot be written.
    """
    # SQLite writes to a temporary folder: the file system of the store may lack the locks it needs.
    with tempfile.TemporaryDirectory(prefix="mmgcn-") as folder:
        scratch = Path(folder) / "records.sqlite"
        with closing(sqlite3.connect(scratch, isolation_level=None)) as table:
            table.executescript("PRAGMA journal_mode = OFF; PRAGMA synchronous = OFF;" + _SCHEMA)
            table.execute("BEGIN")
            table.executemany("INSERT INTO records VALUES (?, ?, ?, ?, ?)", map(_row, records))
            table.execute("COMMIT")
        write_atomically(path, _chunks(scratch))


def _row(record: Record) -> tuple[bytes, int, str | None, int, bytes]:
    key, line = _key(record.id), record_line(record)
    return key, record.rows, record.rows_hash, record.num_bytes, line


def _open(path: Path) -> sqlite3.Connection:
    # Immutable: a table is replaced, never changed, so it needs no locks.
    location = f"{path.absolute().as_uri()}?mode=ro&immutable=1"
    with _explain_damage(path):
        return sqlite3.connect(location, uri=True, check_same_thread=False)


@contextmanager
def _explain_damage(path: Path) -> Iterator[None]:
    try:
        yield
    except (sqlite3.Error, TypeError, ValueError) as error:
        raise StoreError(
            f"{path} is damaged ({error}); remove {path.parent} and extract again"
        ) from error


def _chunks(path: Path) -> Iterator[bytes]:
    with path.open("rb") as file:
        while chunk := file.read(CHUNK_BYTES):
            yield chunk


def _key(item_id: str) -> bytes:
    """Return an id as bytes, whose order is that of the ids; surrogates are kept."""
    return item_id.encode("utf-8", "surrogatepass")


def _id(key: bytes) -> str:
    if not isinstance(key, bytes):
        raise TypeError(f"{key!r} is not an id")
    return key.decode("utf-8", "surrogatepass")


def _record(key: bytes, line: bytes) -> Record:
    """Return the record of a row. A damaged one becomes a failed one, which is extracted again."""
    item_id = _id(key)
    record = parse_record(line)
    if record is None or record.id != item_id:
        return Record(item_id, status="failed", reason=DAMAGED_RECORD)
    return record


def _id_and_hash(key: bytes, rows_hash: str | None) -> tuple[str, str | None]:
    return _id(key), rows_hash
