"""Table: interactions in a file, read as a stream."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import polars as pl

from mmgcn.data.ids import IdMap
from mmgcn.data.interactions import NUMBERS, Interactions, InteractionsError

IDS = ("user_id", "item_id")


def read_interactions(path: Path) -> Interactions:
    """Read a table with the columns user_id, item_id and perhaps timestamp and weight.

    .csv, .tsv, .parquet and .jsonl; other columns are ignored. Ids are text: 007 stays 007. A pair
    that stands twice is kept once: the earliest in time, else the first in the table. Rows of users
    and items follow their first appearance.

    The table is read as a stream and ids become numbers on the way: 16 bytes of memory a row with
    timestamps, and as much again while duplicates are looked for.

    Raises:
        InteractionsError: no such file, a column is missing, a value is missing or no number, or
            no row is left.
    """
    table = _read(path)
    if table.height == 0:
        raise InteractionsError(f"{path} has a header and no rows")
    for name in IDS:
        missing = (table[name].is_null() | (table[name] == "")).arg_true()
        if len(missing):
            raise InteractionsError(
                f"{len(missing):,} of {table.height:,} rows of {path} have no {name}, the first of "
                f"them row {missing[0] + 1:,}"
            )
    numbers = {name: _numbers(table[name], path) for name in NUMBERS if name in table.columns}
    user_index, own_users = _indexed(table["user_id"], "user")
    item_index, own_items = _indexed(table["item_id"], "item")
    del table
    made = Interactions(
        user_index,
        item_index,
        own_users,
        own_items,
        numbers.get("timestamp"),
        numbers["weight"].astype(np.float32) if "weight" in numbers else None,
    )
    notes = []
    if made.weight is not None:
        notes.append(f"the weights in {path} are read, and no model of mmgcn looks at them")
    again = _repeated(made)
    if len(again):
        made = made.take(np.delete(np.arange(len(made)), again))
        notes.append(f"{len(again):,} duplicate pairs in {path} were dropped")
    made.notes, made.num_duplicates = notes, len(again)
    return made


def _read(path: Path) -> pl.DataFrame:
    """Return the columns of the table that are ours, ids as categories."""
    if not path.is_file():
        raise InteractionsError(
            f"no interactions at {path}; pass --interactions FILE, a table with the columns "
            "user_id and item_id"
        )
    try:
        lazy = _scan(path)
        names = lazy.collect_schema().names()
        absent = [name for name in IDS if name not in names]
        if absent:
            raise InteractionsError(
                f"{path} has no column {' and no column '.join(absent)}; it has: "
                f"{', '.join(map(repr, names))}; {_remedy(names)}"
            )
        ours = lazy.select(
            *(pl.col(name).cast(pl.String).cast(pl.Categorical) for name in IDS),
            *(name for name in NUMBERS if name in names),
        )
        return ours.collect(engine="streaming")
    except pl.exceptions.NoDataError as error:
        raise InteractionsError(f"{path} is empty") from error
    except (pl.exceptions.PolarsError, OSError) as error:
        first = str(error).splitlines()[0]
        if "invalid utf-8" in first:
            first += "; save it as UTF-8"
        suffix = path.suffix.lower()[1:]
        raise InteractionsError(f"{path} cannot be read as {suffix}: {first}") from error


def _remedy(names: list[str]) -> str:
    """Say what to do with a table whose columns are called so."""
    if len(names) == 1 and any(mark in names[0] for mark in ";\t|"):
        return "separate its columns by commas, or by tabs in a .tsv"
    if any("\x00" in name or "\ufffd" in name for name in names):
        return "save it as UTF-8"
    return "name them user_id and item_id, without spaces and in small letters"


def _scan(path: Path) -> pl.LazyFrame:
    suffix = path.suffix.lower()
    if path.stat().st_size == 0:
        raise InteractionsError(f"{path} is empty")
    if suffix in (".csv", ".tsv"):
        separator = "\t" if suffix == ".tsv" else ","
        return pl.scan_csv(path, infer_schema=False, separator=separator)
    if suffix == ".jsonl":
        found = pl.scan_ndjson(path).collect_schema().names()
        texts = {name: pl.String() for name in (*IDS, *NUMBERS) if name in found}
        return pl.scan_ndjson(path, schema_overrides=texts)
    if suffix == ".parquet":
        lazy = pl.scan_parquet(path)
        for name, dtype in lazy.collect_schema().items():
            if name in IDS and not (
                dtype.is_integer() or dtype in (pl.String, pl.Categorical, pl.Enum)
            ):
                raise InteractionsError(
                    f"{name} of {path} is {dtype}; ids are text or whole numbers"
                )
        return lazy
    raise InteractionsError(f"{path} ends in none of .csv, .tsv, .parquet, .jsonl")


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


def _numbers(column: pl.Series, path: Path) -> np.ndarray:
    """Return the column as numbers: whole where all are, else with fractions, else dates."""
    readings = [] if column.dtype.is_float() or column.dtype.is_temporal() else [_whole]
    readings += [] if column.dtype.is_temporal() else [_real]
    readings += [_seconds] if column.name == "timestamp" else []
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
    raise InteractionsError(
        f"{len(bad):,} of {len(column):,} rows of {path} have a {column.name} that cannot be read, "
        f"such as '{bad[0]}'; it takes a number{' or an ISO date' * (column.name == 'timestamp')}"
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
