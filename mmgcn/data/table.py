"""Table: interactions in a file, read as a stream."""

from __future__ import annotations

import math
from pathlib import Path

import numpy as np
import polars as pl

from mmgcn.data.columns import LIKELY, NAMES, REQUIRED, UNKNOWN, Columns, columns_argument, normal
from mmgcn.data.ids import IdMap
from mmgcn.data.interactions import Interactions, InteractionsError
from mmgcn.data.number_column import read_numbers
from mmgcn.data.table_format import (
    SUFFIX_SEPARATORS,
    TableFormat,
    detect_format,
    headerless_roles,
    ragged_line,
    scan_text,
)
from mmgcn.data.times import TimeError, check_one_unit, check_time_format

WEIGHT = "weight"
MIN_SEQUENCE_SHARE = 0.5  # of item ids that are lists, for a column to count as sequences


def read_interactions(
    path: Path, *, columns: str = "", min_rating: float | None = None, time_format: str = ""
) -> Interactions:
    """Return the interactions of a table with user_id, item_id, optionally timestamp and rating.

    Reads CSV, TSV, other separated text, Parquet and JSON lines, recognised by their content. A
    table of numbers without a header is read as user, item, and optionally rating and time, with a
    note. Ids are text: 007 stays 007. Of a repeated pair the earliest one is kept; without times,
    the first. Users and items are in the order of their first appearance.

    The table is read as a stream, in which indices replace ids: 16 bytes of memory per row with
    timestamps, and as much again during the search for duplicates.

    Args:
        columns: names of the columns, such as `user=userId,item=movieId,time=ts,rating=r`. Numbers
            are positions, from 1, in a text file without a header.
        min_rating: rows with a lower rating are left out, and counted in the notes.
        time_format: format of strftime for times that are neither numbers nor ISO dates.

    Raises:
        ColumnsError: `columns` is malformed.
        TimeError: `time_format` is malformed.
        InteractionsError: the file does not exist, a column is missing, a value is missing or not a
            number, or no row remains.
    """
    named = Columns.parse(columns)
    if time_format:
        check_time_format(time_format)
    if min_rating is not None and not math.isfinite(min_rating):
        raise InteractionsError(f"min_rating is {min_rating}; it must be a finite number")
    if not path.is_file():
        raise InteractionsError(
            f"no interactions at {path}; pass interactions='FILE', a table with the columns "
            "user_id and item_id"
        )
    detected = detect_format(path)
    notes = []
    if detected.kind == "text" and not named.named:
        roles = headerless_roles(path, detected.separator)
        if roles:
            named = Columns({role: str(number) for number, role in enumerate(roles, 1)})
            notes = [
                f"{path} has no header; its columns are read as {', '.join(roles)}, as with "
                f"{columns_argument(named.named)}"
            ]
    table = _read(path, named, detected, notes, with_rating=min_rating is not None)
    if table.height == 0:
        raise InteractionsError(f"{path} has a header and no rows")
    if detected.kind == "text" and any(table.null_count().row(0)):
        ragged = ragged_line(path, detected.separator)
        if ragged is not None:
            raise InteractionsError(f"{path} cannot be read: {ragged}")
    for role in REQUIRED:
        missing = (table[role].is_null() | (table[role] == "")).arg_true()
        if len(missing):
            raise InteractionsError(
                f"{len(missing):,} of {table.height:,} rows of {path} have no "
                f"{named.label(role)}, the first of them row {missing[0] + 1:,}"
            )
    _check_no_sequences(table, named, path)
    if min_rating is not None:
        table, note = _filter_ratings(table, min_rating, named.label("rating"), path)
        notes += note
    time = None
    if "time" in table.columns:
        time = read_numbers(table["time"], named.label("time"), path, time_format=time_format)
        try:
            check_one_unit(time)
        except TimeError as error:
            name = named.label("time")
            raise InteractionsError(f"in the column {name} of {path}, {error}") from error
    elif time_format:
        raise InteractionsError(f"time_format is given, and {path} has no {named.label('time')}")
    weight = read_numbers(table[WEIGHT], WEIGHT, path) if WEIGHT in table.columns else None
    user_index, users = _indexed(table["user"], "user")
    item_index, items = _indexed(table["item"], "item")
    del table
    if weight is not None:
        weight = weight.astype(np.float32)
        notes.append(f"the weights in {path} are read, but no model of mmgcn uses them")
    interactions = Interactions(user_index, item_index, users, items, time, weight)
    if interactions.num_duplicates:
        notes.append(f"{interactions.num_duplicates:,} duplicate pairs in {path} were dropped")
    interactions.notes = notes
    return interactions


def _read(
    path: Path, named: Columns, detected: TableFormat, notes: list[str], *, with_rating: bool
) -> pl.DataFrame:
    """Return the columns of the table by role, ids as categories, and extend the notes."""
    expected = SUFFIX_SEPARATORS.get(path.suffix.lower())
    if expected is not None and detected.separator != expected:
        notes.append(f"the columns of {path} are separated by {detected}, and read accordingly")
    try:
        lazy = _scan(path, named, detected)
        names = lazy.collect_schema().names()
        required = dict.fromkeys((*REQUIRED, *named.named, *(["rating"] if with_rating else [])))
        absent = [named.name(role) for role in required if named.name(role) not in names]
        if absent:
            raise InteractionsError(
                f"{path} has no column {' and no column '.join(absent)}; it has: "
                f"{', '.join(map(repr, names))}; {_remedy(names, named, list(required))}"
            )
        roles = [role for role in NAMES if named.name(role) in names]
        if "rating" in roles and not with_rating:
            roles.remove("rating")
            notes.append(
                f"the ratings in {path} are not used, every row counts as an interaction; "
                "`min_rating` leaves low ones out"
            )
        selected = [pl.col(named.name(role)).alias(role) for role in roles]
        selected += [pl.col(name) for name in names if name == WEIGHT]
        ids = pl.col(REQUIRED).cast(pl.String).cast(pl.Categorical)
        return lazy.select(selected).with_columns(ids).collect(engine="streaming")
    except pl.exceptions.NoDataError as error:
        raise InteractionsError(f"{path} is empty") from error
    except (pl.exceptions.PolarsError, OSError) as error:
        raise InteractionsError(_unreadable(path, detected, str(error))) from error


def _unreadable(path: Path, detected: TableFormat, reason: str) -> str:
    """Return the message for a file that polars cannot read."""
    first, kind = reason.splitlines()[0], str(detected.kind)
    if detected.kind == "text":
        kind = f"text separated by {detected}"
        first = ragged_line(path, detected.separator) or first
    if "invalid utf-8" in first:
        first += "; save it as UTF-8"
    return f"{path} cannot be read as {kind}: {first}"


def _remedy(names: list[str], named: Columns, required: list[str]) -> str:
    """Return advice for a table that lacks a column, from the names of its columns."""
    if len(names) == 1 and named.are_positions:
        return "separate its columns by commas or tabs"
    if any("\x00" in name or "\ufffd" in name for name in names):
        return "save it as UTF-8"
    if named.are_positions and names[0] == "1":
        return "without a header, columns are counted from 1"
    guessed = named.guessed(names, required=required)
    remedy = f"pass {columns_argument(guessed)}"
    if all(guessed.get(role) == UNKNOWN for role in REQUIRED):
        positions = {"user": "1", "item": "2"}
        if len(names) == 4 and all(_is_number(name) for name in names):  # MovieLens
            positions |= {"rating": "3", "time": "4"}
        remedy += f", or {columns_argument(positions)} if there is no header"
    if guessed.get("rating") == UNKNOWN:
        remedy += ", or leave `min_rating` out"
    return remedy


def _is_number(name: str) -> bool:
    """Return whether a column name is a number, and therefore a value of the first row."""
    return name.replace(".", "", 1).partition("_duplicated_")[0].isdecimal()


def _scan(path: Path, named: Columns, detected: TableFormat) -> pl.LazyFrame:
    if detected.kind == "text":
        lazy = scan_text(path, detected.separator, header=not named.are_positions)
        if named.are_positions:
            _check_no_header(path, named, lazy)
        return lazy
    if detected.kind == "jsonl":
        used = {WEIGHT, *(named.name(role) for role in NAMES)}
        names = pl.scan_ndjson(path).collect_schema().names()
        texts = {name: pl.String() for name in names if name in used}
        return pl.scan_ndjson(path, schema_overrides=texts)
    lazy = pl.scan_parquet(path)
    ids = [named.name(role) for role in REQUIRED]
    for name, dtype in lazy.collect_schema().items():
        if name in ids and not (
            dtype.is_integer() or dtype in (pl.String, pl.Categorical, pl.Enum)
        ):
            raise InteractionsError(f"{name} of {path} is {dtype}; ids are text or whole numbers")
    return lazy


def _check_no_header(path: Path, named: Columns, lazy: pl.LazyFrame) -> None:
    """Refuse a table with a header that is to be read without one."""
    first = lazy.head(1).collect().row(0, named=True)
    for role in REQUIRED:
        if normal(first.get(named.name(role)) or "") in LIKELY[role].split():
            names = {r: first[n] for r, n in named.named.items() if first.get(n)}
            raise InteractionsError(
                f"the first row of {path} is a header: {', '.join(map(repr, first.values()))}; "
                f"pass {columns_argument(names)}"
            )


def _check_no_sequences(table: pl.DataFrame, named: Columns, path: Path) -> None:
    """Refuse one row per user with a list of items, as in MicroLens and other data sets."""
    if table["user"].n_unique() < table.height:
        return
    texts = table["item"].cast(pl.String)
    lists = texts.str.contains(r"^\s*\[?\s*\d+([\s,]+\d+)+\s*\]?\s*$")
    if lists.sum() >= MIN_SEQUENCE_SHARE * table.height:
        raise InteractionsError(
            f"the {named.label('item')}s of {path} are lists of items, such as "
            f"'{texts.filter(lists)[0][:40]}'; write one row per user and item"
        )


def _filter_ratings(
    table: pl.DataFrame, min_rating: float, name: str, path: Path
) -> tuple[pl.DataFrame, list[str]]:
    """Return the rows with a rating of at least `min_rating`, and a note on the others."""
    rating = read_numbers(table["rating"], name, path)
    if table["rating"].dtype == pl.Float32:
        min_rating = float(np.float32(min_rating))  # a rating of 0.1 would be below 0.1 otherwise
    is_kept = rating >= min_rating
    if not is_kept.any():
        raise InteractionsError(
            f"none of {len(rating):,} rows of {path} has a {name} of {min_rating:g} or more; the "
            f"highest is {rating.max():g}; lower `min_rating`"
        )
    if is_kept.all():
        return table, []
    note = (
        f"{(~is_kept).sum():,} of {len(rating):,} rows of {path} have a {name} below "
        f"{min_rating:g}; they were left out"
    )
    return table.filter(pl.Series(is_kept)), [note]


def _indexed(column: pl.Series, kind: str) -> tuple[np.ndarray, IdMap]:
    """Return the index of each id in the order of first appearance, and the ids."""
    # column = [b, a, b] -> indices [0, 1, 0], ids [b, a]
    first = column.filter(column.is_first_distinct())
    codes = column.to_physical().to_numpy()
    index_of_code = np.zeros(int(codes.max()) + 1, dtype=np.int32)
    index_of_code[first.to_physical().to_numpy()] = np.arange(len(first), dtype=np.int32)
    return index_of_code[codes], IdMap(first.cast(pl.String), kind=kind)
