"""Discovery of videos, tables and arrays in a folder, for a new project file."""

from __future__ import annotations

import os
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
import polars as pl

from extract.catalogue import (
    ID_COLUMNS,
    MEDIA_SUFFIXES,
    TEXT_COLUMNS,
    VIDEO_SUFFIXES,
)
from mmgcn.data.columns import Columns
from mmgcn.data.interactions import InteractionsError
from mmgcn.data.table_format import detect_format, scan_text

MAX_DEPTH, MAX_FILES = 3, 100_000
TABLE_SUFFIXES = frozenset(
    (".csv", ".tsv", ".txt", ".dat", ".data", ".inter", ".jsonl", ".ndjson", ".parquet")
)
SKIPPED = frozenset(("features", "runs", "demo", "node_modules", "build", "dist", "venv"))
NUM_ROWS = 200  # rows of a table that are read


@dataclass(frozen=True)
class InteractionsFile:
    """A table that seems to contain interactions.

    Args:
        path: path of the file.
        columns: value of `DataOptions.columns` for the table; empty for the default names.
        rating: name of the column of ratings.
        has_time: whether there is a column of times.
    """

    path: Path
    columns: str = ""
    rating: str | None = None
    has_time: bool = False


@dataclass
class Discovered:
    """Content of a folder. Paths are relative to it.

    Args:
        videos: smallest folder with all videos or, without videos, all images and audio files.
        num_videos: number of these files.
        captions: table of captions.
        interactions: table of interactions.
        arrays: .npy files of (N, D) numbers.
        notes: remarks for the user, such as other tables that could be meant.
    """

    videos: Path | None = None
    num_videos: int = 0
    captions: Path | None = None
    interactions: InteractionsFile | None = None
    arrays: list[Path] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)


def discover(folder: Path) -> Discovered:
    """Return videos, captions, interactions and arrays in a folder and its subfolders.

    Hidden folders, and folders of features and runs, are skipped. Only the first rows of a table
    are read.

    Raises:
        NotADirectoryError: there is no such folder.
    """
    if not folder.is_dir():
        raise NotADirectoryError(f"no folder {folder}")
    files = list(_files(folder))
    found = Discovered()
    if len(files) == MAX_FILES:
        found.notes.append(f"only the first {MAX_FILES:,} files were examined")
    media = [path for path in files if path.suffix.lower() in VIDEO_SUFFIXES]
    media = media or [path for path in files if path.suffix.lower() in MEDIA_SUFFIXES]
    if media:
        found.videos = Path(os.path.commonpath([path.parent for path in media]) or ".")
        found.num_videos = len(media)
    captions: list[Path] = []
    interactions: list[InteractionsFile] = []
    for path in files:
        if path.suffix.lower() == ".npy" and _is_matrix(folder / path):
            found.arrays.append(path)
        if path.suffix.lower() not in TABLE_SUFFIXES:
            continue
        names = _column_names(folder / path)
        table = _as_interactions(path, names)
        if table is not None:
            interactions.append(table)
        elif {*ID_COLUMNS} & {*names} and {*TEXT_COLUMNS} & {*names}:
            captions.append(path)
    by_size = sorted(interactions, key=lambda each: -(folder / each.path).stat().st_size)
    by_size.sort(key=lambda each: not each.path.stem.lower().startswith("interactions"))
    captions.sort(key=lambda path: not path.stem.lower().startswith("captions"))
    found.interactions = by_size[0] if by_size else None
    found.captions = captions[0] if captions else None
    others = [table.path for table in by_size[1:]]
    for what, paths in (("interactions", others), ("captions", captions[1:])):
        if paths:
            found.notes.append(f"{what} could also be {', '.join(map(str, paths))}")
    return found


def _files(folder: Path) -> Iterator[Path]:
    """Yield up to MAX_FILES paths relative to the folder, in a fixed order."""
    count = 0
    for where, folders, names in os.walk(folder):
        inside = Path(where).relative_to(folder)
        deepest = len(inside.parts) >= MAX_DEPTH
        folders[:] = [
            name
            for name in sorted(folders)
            if not deepest and not name.startswith(".") and name not in SKIPPED
        ]
        for name in sorted(names):
            if not name.startswith("."):
                yield inside / name
                count += 1
                if count == MAX_FILES:
                    return


def _column_names(path: Path) -> list[str]:
    """Return the column names of a table; empty if the file is not a table."""
    try:
        detected = detect_format(path)
        if detected.kind == "parquet":
            lazy = pl.scan_parquet(path, glob=False)
        elif detected.kind == "jsonl":
            lazy = pl.read_ndjson(path, n_rows=NUM_ROWS).lazy()
        else:
            lazy = scan_text(path, detected.separator, header=True)
        return lazy.collect_schema().names()
    except (InteractionsError, pl.exceptions.PolarsError, OSError, ValueError):
        return []  # a folder may contain files that are not tables


def _as_interactions(path: Path, names: Sequence[str]) -> InteractionsFile | None:
    """Return a table of interactions, or None without columns for users and items."""
    columns = Columns()
    guessed = columns.guessed(names, required=())
    roles = {role for role in ("user", "item", "time", "rating") if columns.name(role) in names}
    if not {"user", "item"} <= roles | {*guessed}:
        return None
    rating = guessed.get("rating", "rating" if "rating" in roles else None)
    text = ",".join(f"{role}={name}" for role, name in guessed.items())
    return InteractionsFile(path, text, rating, "time" in roles | {*guessed})


def _is_matrix(path: Path) -> bool:
    try:
        array = np.load(path, mmap_mode="r", allow_pickle=False)
    except (OSError, ValueError, EOFError):
        return False
    return array.ndim == 2 and array.dtype.kind in "fiu"
