"""Numbers and times in a column of a table."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np
import polars as pl

from mmgcn.data.interactions import InteractionsError
from mmgcn.data.times import seconds_of_text


def read_numbers(column: pl.Series, name: str, path: Path, *, time_format: str = "") -> np.ndarray:
    """Return a column as numbers. Times are integers if all are, else floats, else read as dates.

    Args:
        name: name of the column, for messages.
        path: path of the table, for messages.
        time_format: format of strftime, for text that is neither numbers nor ISO dates.

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
    readable = pl.repeat(False, len(column), eager=True)
    for reading in readings:
        try:
            numbers = reading(column)
        except pl.exceptions.PolarsError:  # no row looks like a date
            continue
        finite = numbers.is_finite().fill_null(False)
        if finite.all():
            return numbers.to_numpy()
        readable = max(readable, finite, key=pl.Series.sum)
    bad = column.filter(~readable)
    first = "an empty one" if bad[0] is None else f"'{bad[0]}'"
    expected = "a number is expected"
    if is_time:
        expected = (
            f"times of the format {time_format} are expected"
            if time_format
            else "either numbers or ISO dates are expected; other dates need a format, such as "
            "time_format='%d/%m/%Y'"
        )
    raise InteractionsError(
        f"{len(bad):,} of {len(column):,} rows of {path} have a {name} that cannot be read, such "
        f"as {first}; {expected}"
    )


def _integer(column: pl.Series) -> pl.Series:
    return column.cast(pl.Int64, strict=False)


def _float(column: pl.Series) -> pl.Series:
    return column.cast(pl.Float64, strict=False)
