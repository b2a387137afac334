"""Records: what came of each item, a line of JSON each."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import dataclass, fields
from pathlib import Path
from typing import Literal, get_args

Status = Literal["done", "partial", "missing", "failed"]
STATUSES = get_args(Status)


@dataclass(frozen=True)
class Record:
    """What came of one item. Holds nothing that differs between two runs over the same files.

    Args:
        id: the item's id.
        source: the path it was read from, relative to the folder of videos where it lies inside.
        size_bytes, mtime_ns: of the file; they spare hashing a file that did not change.
        content_hash: of the bytes that were encoded; what decides whether it did change.
        status: done; partial (less than the file promised); missing (nothing to read in this
            modality: no sound, no caption); failed.
        reason: why, for a person, where the status is not done.
        rows: how many rows were written.
        rows_hash: of the .npy file, checked by `verify`.
        num_bytes: its size, checked whenever the store is opened for extraction.
        seconds, expected_seconds: of the clip, decoded and promised.
        pts_seconds: the time of each row.
    """

    id: str
    source: str = ""
    size_bytes: int = 0
    mtime_ns: int = 0
    content_hash: str = ""
    status: Status = "done"
    reason: str | None = None
    rows: int = 0
    rows_hash: str | None = None
    num_bytes: int = 0
    seconds: float | None = None
    expected_seconds: float | None = None
    pts_seconds: tuple[float, ...] = ()


_FIELDS = frozenset(field.name for field in fields(Record))


def record_line(record: Record) -> bytes:
    """Return the record as a line, the same bytes for the same record; empty fields are left out.

    >>> record_line(Record("a", status="missing", reason="no sound"))[:48]
    b'{"id":"a","mtime_ns":0,"num_bytes":0,"reason":"n'
    """
    held = {name: value for name, value in vars(record).items() if value not in (None, "", ())}
    # Escapes in place of what is not ASCII: half of a surrogate pair (an odd byte in a path) has
    # no other way into JSON.
    return json.dumps(held, sort_keys=True, separators=(",", ":")).encode("ascii") + b"\n"


def read_records(path: Path) -> Iterator[Record]:
    """Yield the records in the order they were written; of one item the last counts.

    Lines that an interruption or a bad disk has torn are passed over: their items are simply done
    again. Fields that a later version added are not read.
    """
    if not path.exists():
        return
    with path.open("rb") as file:
        for line in file:
            try:
                held = json.loads(line)
                known = {name: value for name, value in held.items() if name in _FIELDS}
                known["pts_seconds"] = tuple(known.get("pts_seconds", ()))
                record = Record(**known)
            except (ValueError, TypeError, KeyError, AttributeError, RecursionError):
                continue
            if (
                isinstance(record.id, str)
                and isinstance(record.rows, int)
                and record.status in STATUSES
            ):
                yield record
