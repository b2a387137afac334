"""Captions of videos, from a table or from a file beside each video."""

from __future__ import annotations

import html
import json
import re
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import TYPE_CHECKING, Any

from extract.catalogue.examples import examples

if TYPE_CHECKING:
    import polars as pl

TABLE_SUFFIXES = (".csv", ".tsv", ".jsonl", ".parquet")
TABLES = ("captions.csv", "captions.tsv", "captions.jsonl", "captions.parquet")
ID_COLUMNS = ("item_id", "id", "video_id", "item")
TEXT_COLUMNS = ("caption", "title", "text")
SIDECAR_SUFFIXES = (".txt", ".json", ".srt", ".vtt")
SPEECH = re.compile(r"(?:^|,)speech(?::(?P<model>.+))?$")
DEFAULT_SPEECH = "openai/whisper-base"
MAX_SIDECAR_BYTES = 1 << 20  # a caption is a few hundred bytes, the subtitles of a film 100 KB


class CaptionError(ValueError):
    """Captions cannot be read; the message contains the file and the reason."""


def caption_sources(text: str | None) -> tuple[Path | None, str | None]:
    """Return the table and the speech network of --captions: TABLE, speech[:MODEL], or both.

    >>> caption_sources("films.csv,speech"), caption_sources("speech:models/whisper")
    ((PosixPath('films.csv'), 'openai/whisper-base'), (None, 'models/whisper'))
    """
    if text is None:
        return None, None
    found = SPEECH.search(text)
    if found is None:
        return Path(text), None
    table = text[: found.start()]
    return Path(table) if table else None, found["model"] or DEFAULT_SPEECH


def read_captions(path: Path, *, keep_empty: bool = False) -> tuple[dict[str, str], list[str]]:
    """Return the captions of a table by item id, and notes about it for the user.

    All ids are text: 007 stays 007.

    Args:
        path: .csv, .tsv, .jsonl or .parquet with a column item_id (or id, video_id, item) and a
            column caption (or title, text).
        keep_empty: whether to return items without text, with an empty caption, or omit them.

    Raises:
        CaptionError: it does not exist, cannot be read as a table, or lacks a column.
    """
    if path.suffix.lower() in TABLE_SUFFIXES and not path.is_file():
        raise CaptionError(f"there is no captions file {path}")
    table = read_table(path)
    ids = column(path, table, ID_COLUMNS)
    texts = column(path, table, TEXT_COLUMNS)
    rows = [(item_id, one_line(text or "")) for item_id, text in zip(ids, texts, strict=True)]
    captions: dict[str, str] = {}
    conflicts: dict[str, None] = {}
    for item_id, text in rows:
        if item_id and text:
            if captions.get(item_id, "") not in ("", text):
                conflicts[item_id] = None
            captions[item_id] = text
        elif item_id and keep_empty:
            captions.setdefault(item_id, "")
    notes = []
    num_without_id = sum(not item_id for item_id, _ in rows)
    if num_without_id:
        notes.append(f"{num_without_id:,} rows of {path} have no id and are ignored")
    if conflicts:
        notes.append(
            f"{len(conflicts):,} ids have several captions in {path}, and the last one is used: "
            f"{examples(conflicts)}"
        )
    return captions, notes


def read_table(path: Path) -> pl.DataFrame:
    """Return a table; all columns of a .csv, .tsv or .jsonl are text.

    Raises:
        CaptionError: it cannot be read as a table.
    """
    readers: dict[str, Callable[[Path], pl.DataFrame]] = {
        ".csv": lambda path: _read_csv(path, ","),
        ".tsv": lambda path: _read_csv(path, "\t"),
        ".jsonl": _read_jsonl,
        ".parquet": _read_parquet,
    }
    reader = readers.get(path.suffix.lower())
    if reader is None:
        compressed = path.suffix.lower() in (".gz", ".zip", ".bz2", ".xz", ".zst")
        remedy = "decompress it first" if compressed else "save the table in one of these formats"
        raise CaptionError(f"{path} does not end in any of {', '.join(TABLE_SUFFIXES)}; {remedy}")
    try:
        return reader(path)
    except CaptionError:
        raise
    except Exception as error:  # polars and the system raise many types
        why = str(error).strip().partition("\n")[0] or type(error).__name__
        hint = "; save it as UTF-8" if "utf-8" in why.lower() else ""
        raise CaptionError(f"{path} cannot be read as {path.suffix[1:]}: {why}{hint}") from error


def read_sidecar(path: Path) -> str | None:
    """Return the caption in a .txt, .json, .srt or .vtt file; None if it is empty.

    Raises:
        CaptionError: it cannot be read.
    """
    try:
        with path.open("rb") as file:
            data = file.read(MAX_SIDECAR_BYTES + 1)
    except OSError as error:
        raise CaptionError(f"{path} cannot be read: {error.strerror}") from error
    if len(data) > MAX_SIDECAR_BYTES:
        raise CaptionError(
            f"{path} is longer than {MAX_SIDECAR_BYTES >> 20} MiB, too long for a caption"
        )
    text = data.decode("utf-8-sig", errors="replace")
    if path.suffix == ".json":
        try:
            content = json.loads(text)
        except (ValueError, RecursionError) as error:
            raise CaptionError(f"{path} is not JSON: {error}") from error
        fields = content if isinstance(content, dict) else {}
        text = next((str(fields[name]) for name in TEXT_COLUMNS if fields.get(name)), "")
    elif path.suffix in (".srt", ".vtt"):
        text = subtitle_text(text)
    return one_line(text) or None


def subtitle_text(text: str) -> str:
    """Return the text of SubRip or WebVTT subtitles, without numbers, times and tags.

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
    """Return the first of these columns that a table has, as text.

    Raises:
        CaptionError: the table has none of them.
    """
    import polars as pl

    columns = {name.strip().lower(): name for name in reversed(table.columns)}
    found = next((columns[name] for name in names if name in columns), None)
    if found is None:
        raise CaptionError(
            f"{path} needs a column {' or '.join(names)}; its columns: "
            f"{', '.join(table.columns) or 'none'}"
        )
    return table[found].cast(pl.String).to_list()


def _read_csv(path: Path, separator: str) -> pl.DataFrame:
    import polars as pl

    # The bytes, not the path: polars interprets brackets in a path as a pattern.
    return pl.read_csv(path.read_bytes(), separator=separator, infer_schema=False)


def _read_parquet(path: Path) -> pl.DataFrame:
    import polars as pl

    with path.open("rb") as file:
        return pl.read_parquet(file)


def _read_jsonl(path: Path) -> pl.DataFrame:
    """Read a table line by line: polars infers its columns from the first lines alone."""
    import polars as pl

    rows: list[dict[str, Any]] = []
    with path.open(encoding="utf-8-sig") as file:
        for line_number, line in enumerate(file, start=1):
            if not line.strip():
                continue
            try:
                row = json.loads(line)
            except (ValueError, RecursionError) as error:
                raise CaptionError(f"line {line_number} of {path} is not JSON: {error}") from error
            if not isinstance(row, dict):
                raise CaptionError(
                    f'line {line_number} of {path} is not an object such as {{"id": ...}}; '
                    "a .jsonl has one object per line, not an array"
                )
            rows.append(row)
    names = dict.fromkeys(name for row in rows for name in row)
    return pl.DataFrame(
        {name: [_text(row.get(name)) for row in rows] for name in names},
        schema=dict.fromkeys(names, pl.String),
    )


def _text(value: object) -> str | None:
    return value if value is None or isinstance(value, str) else json.dumps(value)
