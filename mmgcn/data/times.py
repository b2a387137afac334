"""Times: numbers, ISO dates or text in a given format, as numbers."""

from __future__ import annotations

from datetime import datetime

import numpy as np
import polars as pl

ISO_DATE = r"^\s*\d{4}-\d{2}-\d{2}([T ]\d{2}:\d{2}|\s*$)"
UNIT_BOUNDS = (1e8, 1e11, 1e14, 1e17)  # lower bounds of plausible times in each unit
UNIT_NAMES = ("seconds", "milliseconds", "microseconds", "nanoseconds")
UNIT_GAP = 100  # ratio that does not occur between times in one unit


class TimeError(ValueError):
    """Times that cannot be read; the message says why and what to do."""


def check_time_format(time_format: str) -> None:
    """Refuse a format that contains no date.

    Raises:
        TimeError: the format contains no date.

    >>> check_time_format("%d/%m/%Y")
    """
    moment = datetime(2001, 2, 3)
    if moment.strftime(time_format) == time_format or "%" not in time_format:
        raise TimeError(
            f"time_format is '{time_format}'; it must be a format of strftime, such as %d/%m/%Y"
        )


def seconds_of_text(column: pl.Series, time_format: str = "") -> pl.Series:
    """Return seconds since 1970, null for values that are not times. Times without a zone are UTC.

    Args:
        column: column of text, or of a temporal type.
        time_format: format of strftime; by default only ISO 8601, since 01/02/2024 is ambiguous.
    """
    if column.dtype != pl.String:
        moments = column.cast(pl.Datetime("us"), strict=False)
    elif time_format:
        if any(field in time_format for field in ("%H", "%I", "%T", "%R", "%s", "%X", "%c")):
            moments = column.str.to_datetime(time_format, strict=False, time_unit="us")
        else:
            moments = column.str.to_date(time_format, strict=False).cast(pl.Datetime("us"))
    else:
        iso = column.str.contains(ISO_DATE)
        moments = (
            pl.DataFrame({"time": column, "iso": iso})
            .select(pl.when("iso").then("time"))
            .to_series()
            .str.to_datetime(strict=False, time_unit="us")
        )
    return moments.dt.epoch("us").cast(pl.Float64) / 1e6


def check_one_unit(times: np.ndarray) -> None:
    """Refuse a mixture of units, such as seconds and milliseconds since 1970.

    Shapes:
        times: (N,).

    Raises:
        TimeError: the times have several units.
    """
    for index in range(1, len(UNIT_BOUNDS)):
        lower = (times >= UNIT_BOUNDS[index - 1]) & (times < UNIT_BOUNDS[index])
        upper = times >= UNIT_BOUNDS[index]
        if not (lower.any() and upper.any()):
            continue
        if times[upper].min() > UNIT_GAP * times[lower].max():
            raise TimeError(
                f"some seem to be {UNIT_NAMES[index - 1]} since 1970, such as "
                f"{times[lower][0]}, and others {UNIT_NAMES[index]}, such as {times[upper][0]}; "
                "convert them to one unit"
            )
