"""Records: the status of each item, one JSON line each."""

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
    """Status of one item. Two runs over the same files write the same record.

    Args:
        id: the item's id.
        source: the path it was read from, relative to the folder of videos if it is inside.
        size_bytes, mtime_ns: size and time of the file; if they did not change, it is not hashed
            again.
        content_hash: hash of the bytes that were encoded, by which a change is detected.
        status: done; partial (less was decoded than the file states); missing (it does not have
            this modality: no audio, no caption); failed.
        reason: reason for the user if the status is not done.
        rows: number of rows.
        rows_hash: hash of the .npy file, compared by `verify`.
        num_bytes: size of the .npy file, checked whenever the store is opened for extraction.
        pack, offset: in a packed set, the pack and the byte at which the .npy file begins in it.
        seconds, expected_seconds: duration of the clip, as decoded and as stated by its header.
        pts_seconds: presentation time of each row; for a window, that of its start.
        end_seconds: end of each row's window of frames; empty for other rows.
        segments: start and end in seconds, and text of each segment of speech; empty for other
            records.
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
    pack: str | None = None
    offset: int | None = None
    seconds: float | None = None
    expected_seconds: float | None = None
    pts_seconds: tuple[float, ...] = ()
    end_seconds: tuple[float, ...] = ()
    segments: tuple[tuple[float, float, str], ...] = ()

    @property
    def caption(self) -> str:
        """The transcript without times; empty for other records."""
        return " ".join(text for _, _, text in self.segments)


_FIELDS = frozenset(field.name for field in fields(Record))


def record_line(record: Record) -> bytes:
    """Return the record as a line, the same bytes for the same record, without empty fields.

    >>> record_line(Record("a", status="missing", reason="no audio"))[:48]
    b'{"id":"a","mtime_ns":0,"num_bytes":0,"reason":"n'
    """
    values = {name: value for name, value in vars(record).items() if value not in (None, "", ())}
    # Non-ASCII characters are escaped: a lone surrogate (an undecodable byte of a path) cannot be
    # represented in JSON otherwise.
    return json.dumps(values, sort_keys=True, separators=(",", ":")).encode("ascii") + b"\n"


def read_records(path: Path) -> Iterator[Record]:
    """Yield the records in the order they were written; the last one of an item is valid.

    Damaged lines are skipped, and their items are extracted again. Fields of a later version are
    ignored.
    """
    if not path.exists():
        return
    with path.open("rb") as file:
        for line in file:
            record = parse_record(line)
            if record is not None:
                yield record


def num_damaged_lines(path: Path) -> int:
    """Return the number of lines that `read_records` skips."""
    if not path.exists():
        return 0
    with path.open("rb") as file:
        return sum(parse_record(line) is None for line in file)


def parse_record(line: bytes) -> Record | None:
    """Return the record of a line; None if the line is damaged."""
    try:
        values = json.loads(line)
        known = {name: value for name, value in values.items() if name in _FIELDS}
        for name in ("pts_seconds", "end_seconds"):
            known[name] = tuple(known.get(name, ()))
        known["segments"] = tuple((a, b, str(text)) for a, b, text in known.get("segments", ()))
        record = Record(**known)
    except (ValueError, TypeError, KeyError, AttributeError, RecursionError):
        return None
    is_valid = (
        isinstance(record.id, str) and isinstance(record.rows, int) and record.status in STATUSES
    )
    return record if is_valid else None
