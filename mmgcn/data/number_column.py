"""Numbers and times in a column of a table."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np
import polars as pl

from mmgcn.data.interactions import InteractionsError
from mmgcn.data.times import seconds_of_text


def read_numbers(column: pl.Series, name: str, path: Path, *, time_format: str = "") -> np.ndarray:
    """Return a column as numbers; times as integers if all are, else as floats, else from dates.

    Args:
        name: name of the column, for messages.
        path: path of its table, for messages.
        time_format: fields of strftime, for text that is neither numbers nor ISO dates.

    Raises:
        InteractionsError: a value is empty, or cannot be read.

    Shapes:
        the result: (N,), int64 or float64.
    """
    is_time = column.name == "time"
    readings: list[Callable[[pl.Series], pl.Series]]
    readings = [] if column.dtype.is_temporal() else [_float]
    if is_time:
        integer = [] if column.dtype.is_float() or column.dtype.is_temporal() else [_integer]
        readings = [*integer, *readings, lambda each: seconds_of_text(each, time_format)]
        if time_format and column.dtype == pl.String:
            readings = readings[-1:]
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
    expected = "a number is expected"
    if is_time:
        expected = (
            f"times of the format {time_format} are expected"
            if time_format
            else "numbers alone or ISO dates alone are expected; other dates need "
            "time_format='%d/%m/%Y' or the like"
        )
    raise InteractionsError(
        f"{len(bad):,} of {len(column):,} rows of {path} have a {name} that cannot be read, such "
        f"as {first}; {expected}"
    )


def _integer(column: pl.Series) -> pl.Series:
    return column.cast(pl.Int64, strict=False)


def _float(column: pl.Series) -> pl.Series:
    return column.cast(pl.Float64, strict=False)
