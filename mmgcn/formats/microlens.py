"""MicroLens: pairs or sequences, titles, videos, and matrices whose row i is item i + 1.

The data sets are MicroLens-50K, 100K and 1M.

Source: readme.txt of the data sets and https://github.com/westlake-repl/MicroLens.
"""

from __future__ import annotations

from pathlib import Path

import polars as pl

from mmgcn.content import UNSPLIT, Content
from mmgcn.data.columns import Columns
from mmgcn.format import Format, FormatError, ImportOptions
from mmgcn.formats._arrays import read_matrix
from mmgcn.formats._modality import name_modalities
from mmgcn.formats._tables import files_in, first_line, read_rows, read_table
from mmgcn.formats._user_lists import empty_lists

VIDEO_SUFFIXES = (".mp4", ".mkv", ".webm")
FIRST_ITEM = 1  # item of row 0 of a matrix
LAYOUT = "NAME_pairs.csv or .tsv, NAME_title_en.csv, ITEM.mp4, matrices as .npy"


def _detect(path: Path) -> str | None:
    """Recognise the table of pairs by its name."""
    pairs = _pairs(path)
    return f"{pairs.name} with interactions" if pairs is not None else None


def _read(path: Path, options: ImportOptions) -> Content:
    """Read pairs with times, or sequences without them; titles, videos and matrices."""
    pairs = _pairs(path)
    if pairs is None:
        raise FormatError(f"{path} contains no table *_pairs.csv and no *_pairs.tsv")
    folder, content = pairs.parent, Content()
    if pairs.suffix == ".csv":
        table = read_table(pairs, ",", header=True)
        columns = {"user": "user_id", "item": "item_id"} | Columns().guessed(table.columns)
        columns.pop("rating", None)
        if "time" not in columns and "timestamp" in table.columns:
            columns["time"] = "timestamp"
        content.add_part(UNSPLIT, table, source=pairs.name, **columns)
    else:
        table, empty = _sequences(pairs)
        content.dropped += empty_lists(empty, pairs.name)
        content.add_part(
            UNSPLIT, table, source=pairs.name, user="user_id", item="item_id", time="timestamp"
        )
        content.found.append("positions in the sequences of users are read as times")
    content.dropped += [
        f"{other.name}: {pairs.name} is read"
        for other in files_in(folder, "*_pairs.tsv")
        if other != pairs
    ]
    _titles(folder, content)
    arrays = files_in(folder, "*.npy", "*/*.npy")
    for name, array in name_modalities(arrays).items():
        matrix = read_matrix(array, options)
        ids = pl.int_range(FIRST_ITEM, FIRST_ITEM + len(matrix), eager=True).cast(pl.String)
        content.add_features(name, ids, matrix, source=array.name)
    content.videos = _videos(folder)
    if content.videos is not None:
        content.found.append(f"videos in {content.videos}")
    content.dropped += [
        f"{other.name}: no model of mmgcn uses it"
        for other in files_in(folder, "*_likes_and_views.txt", "*_comment*", "*_tags*")
    ]
    return content


def _pairs(path: Path) -> Path | None:
    """Return the table of pairs; of two tables, the one with times."""
    found = files_in(path, "*_pairs.csv") or files_in(path, "*_pairs.tsv")
    return found[0] if found else None


def _sequences(path: Path) -> tuple[pl.DataFrame, int]:
    """Return the rows of `user<tab>item item ...`, with positions in the list as timestamps."""
    table = read_table(path, "\t", header=False)
    if table.width != 2:
        raise FormatError(f"{path} has {table.width} columns; a user and a list are expected")
    table = table.rename({"1": "user_id", "2": "item_id"})
    table = table.with_columns(pl.col("item_id").fill_null("").str.extract_all(r"\S+"))
    empty = int((table["item_id"].list.len() == 0).sum())
    table = table.filter(pl.col("item_id").list.len() > 0).with_columns(
        pl.int_ranges(pl.col("item_id").list.len()).alias("timestamp")
    )
    return table.explode("item_id", "timestamp"), empty


def _titles(folder: Path, content: Content) -> None:
    """Add the English titles, or others if there are none."""
    found = files_in(folder, "*_title_en.csv") or files_in(folder, "*_title*.csv")
    if not found:
        return
    rows = [row for row in read_rows(found[0], ",") if len(row) >= 2]
    if not first_line(found[0]).partition(",")[0].isdecimal():
        rows = rows[1:]
    # An unquoted comma in a title splits it.
    content.add_captions(
        [row[0] for row in rows], [",".join(row[1:]) for row in rows], source=found[0].name
    )
    content.dropped += [
        f"{other.name}: {found[0].name} is read"
        for other in files_in(folder, "*_title*.csv")
        if other != found[0]
    ]


def _videos(folder: Path) -> Path | None:
    """Return the first folder that contains videos."""
    for each in (folder, *sorted(path for path in folder.iterdir() if path.is_dir())):
        if any(file.suffix in VIDEO_SUFFIXES for file in each.iterdir()):
            return each
    return None


FORMAT = Format("microlens", "MicroLens", layout=LAYOUT, detect=_detect, read=_read)
