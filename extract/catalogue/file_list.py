"""FileList: the videos that a file names, one per line or row."""

from __future__ import annotations

import codecs
import os
from collections import Counter
from dataclasses import dataclass, field
from pathlib import Path

from extract.catalogue.captions import (
    ID_COLUMNS,
    TABLE_SUFFIXES,
    TEXT_COLUMNS,
    column,
    one_line,
    read_table,
)
from extract.catalogue.discovery import CatalogueError
from extract.catalogue.examples import examples
from extract.catalogue.remote import AnyFile, as_file

PATH_COLUMNS = ("path", "url", "file", "video")


@dataclass(frozen=True)
class FileList:
    """Videos that a file names.

    Args:
        files: the videos.
        ids: item id of each file, where the table has one.
        captions: caption of each file, where the table has one.
    """

    files: tuple[AnyFile, ...]
    ids: dict[AnyFile, str] = field(default_factory=dict)
    captions: dict[AnyFile, str] = field(default_factory=dict)


def parse_file_list(text: bytes) -> tuple[AnyFile, ...]:
    """Return the files that a text names by path or URL, one per line.

    The text is bytes, since a file name may be undecodable. Only line breaks and the byte order
    mark of Windows are interpreted.

    >>> parse_file_list(b"a b.mp4\\r\\n\\n*.mp4\\n")
    (PosixPath('a b.mp4'), PosixPath('*.mp4'))
    """
    lines = text.removeprefix(codecs.BOM_UTF8).splitlines()
    return tuple(as_file(os.fsdecode(line)) for line in lines if line.strip())


def read_file_list(path: Path) -> FileList:
    """Return the videos that a file names by path or URL (patterns are not expanded).

    Args:
        path: text with one per line; or a .csv, .tsv, .jsonl or .parquet with a column path (or
            url, file, video) and optionally item_id (or id, video_id, item) and caption (or title,
            text).

    Raises:
        CatalogueError: it cannot be read, or names a video twice.
        CaptionError: it cannot be read as a table, or lacks the column of paths.
    """
    if path.suffix.lower() not in TABLE_SUFFIXES:
        try:
            return FileList(parse_file_list(path.read_bytes()))
        except OSError as error:
            raise CatalogueError(f"{path} cannot be read: {error.strerror}") from error
    if not path.is_file():
        raise CatalogueError(f"there is no file list {path}")
    table = read_table(path)
    rows = [
        (as_file(name), row)
        for row, name in enumerate(column(path, table, PATH_COLUMNS))
        if name and name.strip()
    ]
    repeated = [str(file) for file, n in Counter(file for file, _ in rows).items() if n > 1]
    if repeated:
        raise CatalogueError(
            f"{len(repeated):,} videos are repeated in {path}: {examples(repeated)}"
        )
    by_file: list[dict[AnyFile, str]] = []
    for names in (ID_COLUMNS, TEXT_COLUMNS):
        known = {name.strip().lower() for name in table.columns}
        texts = column(path, table, names) if known & set(names) else [None] * table.height
        lines = {file: one_line(texts[row] or "") for file, row in rows}
        by_file.append({file: line for file, line in lines.items() if line})
    return FileList(tuple(file for file, _ in rows), ids=by_file[0], captions=by_file[1])
