"""Captions: what is written about videos, in a table or in a file beside each."""

from __future__ import annotations

import html
import json
import re
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import polars as pl

TABLE_SUFFIXES = (".csv", ".tsv", ".jsonl", ".parquet")
TABLES = ("captions.csv", "captions.tsv", "captions.jsonl", "captions.parquet")
ID_COLUMNS = ("item_id", "id", "video_id")
TEXT_COLUMNS = ("caption", "title", "text")
SIDE_SUFFIXES = (".txt", ".json", ".srt", ".vtt")
SIDE_MAX_BYTES = 1 << 20  # a caption is a few hundred bytes, the subtitles of a film 100 KB


class CaptionError(ValueError):
    """Captions that cannot be read; the message names the file and says why."""


def read_captions(path: Path) -> tuple[dict[str, str], list[str]]:
    """Return the captions of a table by item id, and what a person should know of it.

    All ids are text: 007 stays 007. Items without text are left out.

    Args:
        path: .csv, .tsv, .jsonl or .parquet with a column item_id (or id, video_id) and a column
            caption (or title, text).

    Raises:
        CaptionError: it is not there, not such a table, or lacks a column.
    """
    if path.suffix.lower() in TABLE_SUFFIXES and not path.is_file():
        raise CaptionError(f"no caption file at {path}")
    table = read_table(path)
    ids = column(path, table, ID_COLUMNS)
    texts = column(path, table, TEXT_COLUMNS)
    rows = [(item_id, one_line(text or "")) for item_id, text in zip(ids, texts, strict=True)]
    known = [(item_id, text) for item_id, text in rows if item_id and text]
    notes = []
    num_nameless = sum(not item_id for item_id, _ in rows)
    if num_nameless:
        notes.append(f"{num_nameless:,} rows of {path} have no id and are left out")
    num_repeated = len(known) - len(dict(known))
    if num_repeated:
        notes.append(f"{num_repeated:,} ids stand twice in {path}; the last caption is taken")
    return dict(known), notes


def read_table(path: Path) -> pl.DataFrame:
    """Return a table; all columns of a .csv, .tsv or .jsonl are text.

    Raises:
        CaptionError: it is no such table.
    """
    readers: dict[str, Callable[[Path], pl.DataFrame]] = {
        ".csv": lambda path: _read_csv(path, ","),
        ".tsv": lambda path: _read_csv(path, "\t"),
        ".jsonl": _read_jsonl,
        ".parquet": _read_parquet,
    }
    reader = readers.get(path.suffix.lower())
    if reader is None:
        raise CaptionError(f"{path} ends in none of {', '.join(TABLE_SUFFIXES)}")
    try:
        return reader(path)
    except CaptionError:
        raise
    except Exception as error:  # what polars and the system raise is not one kind
        why = str(error).strip().partition("\n")[0] or type(error).__name__
        hint = "; save it as UTF-8" if "utf-8" in why.lower() else ""
        raise CaptionError(f"{path} cannot be read as {path.suffix[1:]}: {why}{hint}") from error


def read_side_file(path: Path) -> str | None:
    """Return the caption that a .txt, .json, .srt or .vtt file holds; None if it holds none.

    Raises:
        CaptionError: it cannot be read.
    """
    try:
        with path.open("rb") as file:
            data = file.read(SIDE_MAX_BYTES + 1)
    except OSError as error:
        raise CaptionError(f"{path} cannot be read: {error.strerror}") from error
    if len(data) > SIDE_MAX_BYTES:
        raise CaptionError(f"{path} is longer than {SIDE_MAX_BYTES >> 20} MiB; that is no caption")
    text = data.decode("utf-8-sig", errors="replace")
    if path.suffix == ".json":
        try:
            held = json.loads(text)
        except (ValueError, RecursionError) as error:
            raise CaptionError(f"{path} is not JSON: {error}") from error
        fields = held if isinstance(held, dict) else {}
        text = next((str(fields[name]) for name in TEXT_COLUMNS if fields.get(name)), "")
    elif path.suffix in (".srt", ".vtt"):
        text = subtitle_text(text)
    return one_line(text) or None


def subtitle_text(text: str) -> str:
    """Return what is spoken in SubRip or WebVTT subtitles, without numbers, times and tags.

    >>> subtitle_text("1\\n00:00:01,000 --> 00:00:02,000\\n<i>Good</i> morning &amp; welcome")
    'Good morning & welcome'
    """
    spoken: list[str] = []
    for block in re.split(r"\n\s*\n", "\n".join(text.splitlines())):
        lines = block.strip().split("\n")
        times = next((i for i, line in enumerate(lines) if "-->" in line), None)
        if times is not None:  # a cue; headers, notes and styles have no times
            spoken += lines[times + 1 :]
    return html.unescape(re.sub(r"<[^<>]*>|\{\\[^{}]*\}", "", " ".join(spoken))).strip()


def one_line(text: str) -> str:
    """Return the text with every run of white space as one space.

    >>> one_line(" two\\n\\twords ")
    'two words'
    """
    return " ".join(text.split())


def column(path: Path, table: pl.DataFrame, names: Iterable[str]) -> list[str | None]:
    """Return the first column of those names that the table has, as text.

    Raises:
        CaptionError: it has none.
    """
    import polars as pl

    columns = {name.strip().lower(): name for name in reversed(table.columns)}
    found = next((columns[name] for name in names if name in columns), None)
    if found is None:
        raise CaptionError(
            f"{path} needs a column {' or '.join(names)}; it has: "
            f"{', '.join(table.columns) or 'none'}"
        )
    return table[found].cast(pl.String).to_list()


def _read_csv(path: Path, separator: str) -> pl.DataFrame:
    import polars as pl

    # The bytes, not the path: polars takes brackets in a path for a pattern. All columns as text.
    return pl.read_csv(path.read_bytes(), separator=separator, infer_schema=False)


def _read_parquet(path: Path) -> pl.DataFrame:
    import polars as pl

    with path.open("rb") as file:
        return pl.read_parquet(file)


def _read_jsonl(path: Path) -> pl.DataFrame:
    """Read a line at a time: polars goes by the first lines, and later ones may differ."""
    import polars as pl

    rows: list[dict[str, Any]] = []
    with path.open(encoding="utf-8-sig") as file:
        for number, line in enumerate(file, start=1):
            if not line.strip():
                continue
            try:
                row = json.loads(line)
            except (ValueError, RecursionError) as error:
                raise CaptionError(f"line {number} of {path} is not JSON: {error}") from error
            if not isinstance(row, dict):
                raise CaptionError(f'line {number} of {path} is no object such as {{"id": ...}}')
            rows.append(row)
    names = dict.fromkeys(name for row in rows for name in row)
    return pl.DataFrame(
        {name: [_text(row.get(name)) for row in rows] for name in names},
        schema=dict.fromkeys(names, pl.String),
    )


def _text(value: Any) -> str | None:
    return value if value is None or isinstance(value, str) else json.dumps(value)
