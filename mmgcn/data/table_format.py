"""TableFormat: the format of a table, detected from the file's content, whatever its suffix."""

from __future__ import annotations

import csv
import re
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

import polars as pl

from mmgcn.data.interactions import InteractionsError
from mmgcn.data.times import UNIT_BOUNDS

SUFFIX_SEPARATORS = {".csv": ",", ".tsv": "\t"}
SEPARATORS = ("\t", ",", ";", "|", "::")
SEPARATOR_NAMES = {"\t": "tabs", ",": "commas", ";": "semicolons", "|": "bars", "::": "'::'"}
ARCHIVES = {
    b"\x1f\x8b": "is compressed with gzip; unpack it first: gunzip {path}",
    b"BZh": "is compressed with bzip2; unpack it first: bunzip2 {path}",
    b"\xfd7zXZ": "is compressed with xz; unpack it first: unxz {path}",
    b"\x28\xb5\x2f\xfd": "is compressed with zstd; unpack it first: unzstd {path}",
    b"\xd0\xcf\x11\xe0": "is a spreadsheet; export it as CSV",
    b"\x80": "looks like a pickle, which is never loaded because it can run code; write the table "
    "as CSV or Parquet",
}
# Roles of the columns of a table without a header, by the number of columns.
HEADERLESS = {
    2: ("user", "item"),
    3: ("user", "item", "rating"),
    4: ("user", "item", "rating", "time"),
}
ATOMIC_TYPE = re.compile(r":(token|float)(_seq)?$")  # in headers of RecBole, user_id:token


@dataclass(frozen=True)
class TableFormat:
    """The format of a table.

    Args:
        kind: kind of the file.
        separator: column separator of a `text` file.
    """

    kind: Literal["text", "jsonl", "parquet"]
    separator: str = ""

    def __str__(self) -> str:
        return SEPARATOR_NAMES.get(self.separator, self.kind)


def detect_format(path: Path) -> TableFormat:
    """Return the format of a file, by its first line.

    Raises:
        InteractionsError: the file is empty, an archive, a spreadsheet, a pickle or a JSON array.
    """
    with path.open("rb") as file:
        start = file.read(1 << 16)
    if not start:
        raise InteractionsError(f"{path} is empty")
    suffix = path.suffix.lower()
    if start.startswith(b"PAR1"):
        return TableFormat("parquet")
    if start.startswith(b"PK"):
        what = "a spreadsheet; export it as CSV" if suffix == ".xlsx" else "a ZIP file; unpack it"
        raise InteractionsError(f"{path} is {what}")
    for magic, message in ARCHIVES.items():
        if start.startswith(magic):
            raise InteractionsError(f"{path} {message.format(path=path)}")
    head = start.removeprefix(b"\xef\xbb\xbf").lstrip()
    if head.startswith(b"[") and suffix in (".jsonl", ".json", ".ndjson"):
        raise InteractionsError(
            f"{path} is one JSON array; write one object per line, without brackets and commas "
            "around them, such as: jq -c '.[]' FILE"
        )
    if suffix in (".jsonl", ".ndjson") or head.startswith(b'{"'):
        return TableFormat("jsonl")
    if suffix == ".parquet":
        raise InteractionsError(f"{path} cannot be read as parquet: it does not begin with PAR1")
    line = head.splitlines()[0].decode("utf-8", "replace") if head else ""
    own = SUFFIX_SEPARATORS.get(suffix)
    if own is not None and own in line:
        return TableFormat("text", own)
    counts = {separator: line.count(separator) for separator in SEPARATORS}
    best = max(counts, key=lambda separator: counts[separator])
    return TableFormat("text", best if counts[best] else own or ",")


def scan_text(path: Path, separator: str, *, header: bool, quotes: bool = True) -> pl.LazyFrame:
    """Return a lazy table of text columns, named 1, 2, ... if there is no header.

    Types in a RecBole header, such as `user_id:token`, are removed from the names. Quotes around a
    value are removed, unless `quotes` is False.
    """
    # 1::1193::5 -> columns 1, '', 1193, '', 5, and every other one is dropped
    step = len(separator)

    def names_of(names: list[str]) -> list[str]:
        if not header:
            return [
                str(index // step + 1) if index % step == 0 else f"_{index}"
                for index in range(len(names))
            ]
        return [ATOMIC_TYPE.sub("", name) for name in names]

    lazy = pl.scan_csv(
        path,
        has_header=header,
        infer_schema=False,
        separator=separator[0],
        quote_char='"' if quotes else None,
        with_column_names=names_of,
    )
    return lazy if step == 1 else lazy.select(pl.exclude("^_.*$"))


def headerless_roles(path: Path, separator: str) -> tuple[str, ...]:
    """Return the roles of the columns of a table without a header; empty if it may have one.

    The first line of such a table contains only numbers: two integers, optionally followed by a
    rating, a time, or both, as in the tables of MovieLens.

    Args:
        separator: column separator.
    """
    with path.open("rb") as file:
        line = file.read(1 << 12).removeprefix(b"\xef\xbb\xbf").partition(b"\n")[0]
    fields = line.decode("utf-8", "replace").rstrip("\r").split(separator)
    if len(fields) not in HEADERLESS or not all(field.isdecimal() for field in fields[:2]):
        return ()
    try:
        numbers = [float(field) for field in fields[2:]]
    except ValueError:
        return ()
    if len(numbers) == 1 and numbers[0] >= UNIT_BOUNDS[0]:
        return ("user", "item", "time")
    return HEADERLESS[len(fields)]


def ragged_line(path: Path, separator: str) -> str | None:
    """Return a message on the first row with another number of columns than the header, or None."""
    step = len(separator)  # every other field of 1::2 is empty
    try:
        with path.open(encoding="utf-8-sig", newline="") as file:
            rows = csv.reader(file, delimiter=separator[0])
            first = next(rows)[::step]
            for row in rows:
                fields = row[::step]
                if row and len(fields) != len(first):
                    return (
                        f"line {rows.line_num:,} has {len(fields):,} columns where the first line "
                        f"has {len(first):,}: {separator.join(fields)[:80]}"
                    )
    except (OSError, UnicodeDecodeError, csv.Error, StopIteration):
        pass
    return None
