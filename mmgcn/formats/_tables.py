"""Tables of other programs, read as text."""

from __future__ import annotations

import csv
import io
from collections.abc import Iterable, Mapping
from pathlib import Path

import polars as pl

from mmgcn.data.table_format import ragged_line, scan_text
from mmgcn.format import FormatError


def read_table(path: Path, separator: str, *, header: bool) -> pl.DataFrame:
    """Return a table of text, with columns named 1, 2, ... if there is no header.

    Quotes have a meaning only in tables separated by commas. Types in a RecBole header are removed
    from the names.

    Raises:
        FormatError: the table cannot be read, or its rows differ in the number of columns.
    """
    try:
        lazy = scan_text(path, separator, header=header, quotes=separator == ",")
        return lazy.collect()
    except pl.exceptions.NoDataError as error:
        raise FormatError(f"{path} is empty") from error
    except (pl.exceptions.PolarsError, OSError) as error:
        reason = ragged_line(path, separator) or str(error).splitlines()[0]
        raise FormatError(f"{path} cannot be read: {reason}") from error


def read_lines(path: Path) -> list[str]:
    """Return the lines of a text file in UTF-8, or in Latin-1 as in old data sets.

    Raises:
        FormatError: the file cannot be read.
    """
    try:
        data = path.read_bytes()
    except OSError as error:
        raise FormatError(f"{path} cannot be read: {error.strerror}") from error
    try:
        text = data.decode("utf-8-sig")
    except UnicodeDecodeError:
        text = data.decode("latin-1")
    return [line.rstrip("\r") for line in text.split("\n")]


def read_rows(path: Path, separator: str) -> list[list[str]]:
    """Return the fields of each non-empty line; quotes have a meaning only with commas.

    Raises:
        FormatError: the file cannot be read.
    """
    lines = read_lines(path)
    if separator == ",":
        return [row for row in csv.reader(io.StringIO("\n".join(lines))) if row]
    return [line.split(separator) for line in lines if line]


def first_line(path: Path) -> str:
    """Return the first line of a text file; empty if the file is not text or cannot be read."""
    try:
        with path.open("rb") as file:
            start = file.read(1 << 14)
    except OSError:
        return ""
    if b"\0" in start:
        return ""
    line = start.decode("utf-8-sig", "replace").partition("\n")[0]
    return line.rstrip("\r")


def files_in(path: Path, *patterns: str) -> list[Path]:
    """Return the files of a folder that match a pattern, sorted; for a file, the file itself."""
    if path.is_file():
        return [path] if any(path.match(pattern) for pattern in patterns) else []
    found = {each for pattern in patterns for each in path.glob(pattern) if each.is_file()}
    return sorted(found)


def file_named(path: Path, names: Iterable[str]) -> Path | None:
    """Return the first of the named files in a folder; for a file, itself if it is named."""
    if path.is_file():
        return path if path.name in names else None
    return next((path / name for name in names if (path / name).is_file()), None)


def part_files(folder: Path, names: Mapping[str, tuple[str, ...]]) -> dict[str, Path]:
    """Return the file of each part in a folder; of several names of a part, the first."""
    found = {part: file_named(folder, each) for part, each in names.items()}
    return {part: file for part, file in found.items() if file is not None}


def only_file(path: Path, *patterns: str) -> Path | None:
    """Return the only file that matches a pattern, None if there is none.

    Raises:
        FormatError: several files match.
    """
    found = files_in(path, *patterns)
    if len(found) > 1:
        names = ", ".join(each.name for each in found[:3])
        raise FormatError(f"{path} contains several tables: {names}; name one of them as the path")
    return found[0] if found else None
