"""Table: interactions in a file, read as a stream."""

from __future__ import annotations

import math
from pathlib import Path

import numpy as np
import polars as pl

from mmgcn.data.columns import LIKELY, NAMES, NEEDED, UNKNOWN, Columns, normal, option
from mmgcn.data.ids import IdMap
from mmgcn.data.interactions import Interactions, InteractionsError

WEIGHT = "weight"


def read_interactions(
    path: Path, *, columns: str = "", min_rating: float | None = None
) -> Interactions:
    """Read a table with the columns user_id, item_id and perhaps timestamp, rating and weight.

    .csv, .tsv, .parquet and .jsonl; other columns are ignored. Ids are text: 007 stays 007. A pair
    that stands twice is kept once: the earliest in time, else the first in the table. Rows of users
    and items follow their first appearance.

    The table is read as a stream and ids become numbers on the way: 16 bytes of memory a row with
    timestamps, and as much again while duplicates are looked for.

    Args:
        columns: what they are called instead, such as `user=userId,item=movieId,time=ts,rating=r`.
            Numbers are places, from 1, in a .csv or .tsv without a header.
        min_rating: rows with a lower rating are left out, and counted in the notes.

    Raises:
        ColumnsError: `columns` says something else.
        InteractionsError: no such file, a column is missing, a value is missing or no number, or
            no row is left.
    """
    named = Columns.read(columns)
    if min_rating is not None and not math.isfinite(min_rating):
        raise InteractionsError(f"the least rating is {min_rating}; it must be a finite number")
    table, notes = _read(path, named, with_rating=min_rating is not None)
    if table.height == 0:
        raise InteractionsError(f"{path} has a header and no rows")
    for role in NEEDED:
        missing = (table[role].is_null() | (table[role] == "")).arg_true()
        if len(missing):
            raise InteractionsError(
                f"{len(missing):,} of {table.height:,} rows of {path} have no {named.told(role)}, "
                f"the first of them row {missing[0] + 1:,}"
            )
    if min_rating is not None:
        table, told = _rated(table, min_rating, named.told("rating"), path)
        notes += told
    time = _numbers(table["time"], named.told("time"), path) if "time" in table.columns else None
    weight = _numbers(table[WEIGHT], WEIGHT, path) if WEIGHT in table.columns else None
    user_index, users = _indexed(table["user"], "user")
    item_index, items = _indexed(table["item"], "item")
    del table
    if weight is not None:
        weight = weight.astype(np.float32)
        notes.append(f"the weights in {path} are read, and no model of mmgcn looks at them")
    made = Interactions(user_index, item_index, users, items, time, weight)
    again = _repeated(made)
    if len(again):
        made = made.take(np.delete(np.arange(len(made)), again))
        notes.append(f"{len(again):,} duplicate pairs in {path} were dropped")
    made.notes, made.num_duplicates = notes, len(again)
    return made


def _read(path: Path, named: Columns, *, with_rating: bool) -> tuple[pl.DataFrame, list[str]]:
    """Return the columns of the table by what they say, ids as categories, and notes."""
    if not path.is_file():
        raise InteractionsError(
            f"no interactions at {path}; pass --interactions FILE, a table with the columns "
            "user_id and item_id"
        )
    try:
        lazy = _scan(path, named)
        names = lazy.collect_schema().names()
        needed = dict.fromkeys((*NEEDED, *named.named, *(["rating"] if with_rating else [])))
        absent = [named.name(role) for role in needed if named.name(role) not in names]
        if absent:
            raise InteractionsError(
                f"{path} has no column {' and no column '.join(absent)}; it has: "
                f"{', '.join(map(repr, names))}; {_remedy(names, named, list(needed))}"
            )
        roles = [role for role in NAMES if named.name(role) in names]
        notes = []
        if "rating" in roles and not with_rating:
            roles.remove("rating")
            notes.append(
                f"the ratings in {path} are not looked at, every row counts as watched; "
                "--min-rating leaves low ones out"
            )
        ours = [pl.col(named.name(role)).alias(role) for role in roles]
        ours += [pl.col(name) for name in names if name == WEIGHT]
        ids = pl.col(NEEDED).cast(pl.String).cast(pl.Categorical)
        return lazy.select(ours).with_columns(ids).collect(engine="streaming"), notes
    except pl.exceptions.NoDataError as error:
        raise InteractionsError(f"{path} is empty") from error
    except (pl.exceptions.PolarsError, OSError) as error:
        first = str(error).splitlines()[0]
        if "invalid utf-8" in first:
            first += "; save it as UTF-8"
        suffix = path.suffix.lower()[1:]
        raise InteractionsError(f"{path} cannot be read as {suffix}: {first}") from error


def _remedy(names: list[str], named: Columns, needed: list[str]) -> str:
    """Say what to do with a table whose columns are called so."""
    if len(names) == 1 and (named.are_places or any(mark in names[0] for mark in ";\t|")):
        return "separate its columns by commas, or by tabs in a .tsv"
    if any("\x00" in name or "\ufffd" in name for name in names):
        return "save it as UTF-8"
    if named.are_places and names[0] == "1":
        return "without a header, columns are counted from 1"
    guessed = named.guessed(names, needed=needed)
    told = f"pass {option(guessed)}"
    if all(guessed.get(role) == UNKNOWN for role in NEEDED):
        told += f", or {option({'user': '1', 'item': '2'})} where there is no header"
    if guessed.get("rating") == UNKNOWN:
        told += ", or leave --min-rating out"
    return told


def _scan(path: Path, named: Columns) -> pl.LazyFrame:
    suffix = path.suffix.lower()
    if path.stat().st_size == 0:
        raise InteractionsError(f"{path} is empty")
    if suffix in (".csv", ".tsv"):
        separator = "\t" if suffix == ".tsv" else ","
        if named.are_places:
            return _without_header(path, named, separator)
        return pl.scan_csv(path, infer_schema=False, separator=separator)
    if suffix == ".jsonl":
        ours = {WEIGHT, *(named.name(role) for role in NAMES)}
        found = pl.scan_ndjson(path).collect_schema().names()
        texts = {name: pl.String() for name in found if name in ours}
        return pl.scan_ndjson(path, schema_overrides=texts)
    if suffix == ".parquet":
        lazy = pl.scan_parquet(path)
        ids = [named.name(role) for role in NEEDED]
        for name, dtype in lazy.collect_schema().items():
            if name in ids and not (
                dtype.is_integer() or dtype in (pl.String, pl.Categorical, pl.Enum)
            ):
                raise InteractionsError(
                    f"{name} of {path} is {dtype}; ids are text or whole numbers"
                )
        return lazy
    raise InteractionsError(f"{path} ends in none of .csv, .tsv, .parquet, .jsonl")


def _without_header(path: Path, named: Columns, separator: str) -> pl.LazyFrame:
    """Return a table whose columns are called 1, 2 and so on.

    Raises:
        InteractionsError: the first row is a header after all.
    """
    lazy = pl.scan_csv(
        path,
        has_header=False,
        infer_schema=False,
        separator=separator,
        with_column_names=lambda names: [str(place + 1) for place in range(len(names))],
    )
    first = lazy.head(1).collect().row(0, named=True)
    for role in NEEDED:
        if normal(first.get(named.name(role)) or "") in LIKELY[role].split():
            names = {r: first[n] for r, n in named.named.items() if first.get(n)}
            raise InteractionsError(
                f"the first row of {path} is a header: {', '.join(map(repr, first.values()))}; "
                f"pass {option(names)}"
            )
    return lazy


def _rated(
    table: pl.DataFrame, least: float, name: str, path: Path
) -> tuple[pl.DataFrame, list[str]]:
    """Return the rows with a rating of at least that, and what to say of the others."""
    rating = _numbers(table["rating"], name, path)
    if table["rating"].dtype == pl.Float32:
        least = float(np.float32(least))  # 0.1 is less there than here
    enough = rating >= least
    if not enough.any():
        raise InteractionsError(
            f"none of {len(rating):,} rows of {path} has a {name} of {least:g} or more; the "
            f"highest is {rating.max():g}; lower --min-rating"
        )
    if enough.all():
        return table, []
    told = f"{(~enough).sum():,} of {len(rating):,} rows of {path} have a {name} below {least:g}"
    return table.filter(pl.Series(enough)), [f"{told}; they were left out"]


def _indexed(column: pl.Series, kind: str) -> tuple[np.ndarray, IdMap]:
    """Return the row of each id, rows in the order of first appearance, and the ids."""
    # column = [b, a, b] -> rows [0, 1, 0], ids [b, a]
    first = column.filter(column.is_first_distinct())
    codes = column.to_physical().to_numpy()
    row_of_code = np.zeros(int(codes.max()) + 1, dtype=np.int32)
    row_of_code[first.to_physical().to_numpy()] = np.arange(len(first), dtype=np.int32)
    return row_of_code[codes], IdMap(first.cast(pl.String), kind=kind)


def _repeated(interactions: Interactions) -> np.ndarray:
    """Return the rows whose pair stands elsewhere too, and earlier. Shapes: (N,) int64."""
    keys = interactions.pair_keys()
    ordered = np.sort(keys)
    twice = np.unique(ordered[1:][ordered[1:] == ordered[:-1]])
    del ordered
    if len(twice) == 0:
        return np.zeros(0, dtype=np.int64)
    at = np.searchsorted(twice, keys).clip(max=len(twice) - 1)
    rows = np.flatnonzero(twice[at] == keys)  # few of many
    time = interactions.timestamp
    order = np.lexsort((rows if time is None else time[rows], keys[rows]))  # stable: then by row
    rows = rows[order]
    return np.asarray(rows[1:][keys[rows][1:] == keys[rows][:-1]])


def _numbers(column: pl.Series, name: str, path: Path) -> np.ndarray:
    """Return a column as numbers; times whole where all are, else with fractions, else dates."""
    is_time = column.name == "time"
    readings = [] if column.dtype.is_temporal() else [_real]
    if is_time:
        whole = [] if column.dtype.is_float() or column.dtype.is_temporal() else [_whole]
        readings = [*whole, *readings, _seconds]
    most = pl.repeat(False, len(column), eager=True)
    for reading in readings:
        try:
            numbers = reading(column)
        except pl.exceptions.PolarsError:  # no row looks like a date
            continue
        good = numbers.is_finite().fill_null(False)
        if good.all():
            return numbers.to_numpy()
        most = max(most, good, key=pl.Series.sum)
    bad = column.filter(~most)
    first = "an empty one" if bad[0] is None else f"'{bad[0]}'"
    raise InteractionsError(
        f"{len(bad):,} of {len(column):,} rows of {path} have a {name} that cannot be read, such "
        f"as {first}; it takes {'numbers alone or ISO dates alone' if is_time else 'a number'}"
    )


def _whole(column: pl.Series) -> pl.Series:
    return column.cast(pl.Int64, strict=False)


def _real(column: pl.Series) -> pl.Series:
    return column.cast(pl.Float64, strict=False)


def _seconds(column: pl.Series) -> pl.Series:
    if column.dtype == pl.String:
        moments = column.str.to_datetime(strict=False, time_unit="us")
    else:
        moments = column.cast(pl.Datetime("us"), strict=False)
    return moments.dt.epoch("us").cast(pl.Float64) / 1e6
