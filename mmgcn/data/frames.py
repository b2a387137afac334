"""Frames: interactions and features from data frames and arrays in memory."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any, cast

import narwhals.stable.v1 as nw
import numpy as np
import polars as pl

from mmgcn.data.columns import REQUIRED, Columns, columns_argument
from mmgcn.data.features import FeatureError, FeatureTable
from mmgcn.data.ids import IdMap, as_texts, examples
from mmgcn.data.interactions import Interactions, InteractionsError
from mmgcn.data.times import TimeError, check_one_unit, seconds_of_text

if TYPE_CHECKING:
    from narwhals.stable.v1.typing import IntoDataFrame, IntoSeries


def interactions_of_frame(
    frame: IntoDataFrame, *, columns: str = "", min_rating: float | None = None
) -> Interactions:
    """Return the interactions in a table of pandas, polars, Arrow or another that narwhals reads.

    Ids are text or whole numbers, which become text. Dates and times become seconds since 1970.

    Args:
        frame: one row per interaction, with the columns user_id and item_id and optionally
            timestamp and rating. It is not changed.
        columns: names of the columns if they differ, such as `user=userId,item=movieId`.
        min_rating: rows with a lower rating are left out.

    Raises:
        ColumnsError: `columns` is malformed.
        InteractionsError: `frame` is not a table, a column is missing or has another type, an id is
            missing, or no row remains.
    """
    named = Columns.parse(columns)
    try:
        table = nw.from_native(frame, eager_only=True)
    except TypeError as error:
        raise InteractionsError(
            f"interactions are a table of pandas, polars or Arrow, not {type(frame).__name__}"
        ) from error
    required = [*REQUIRED, *(["rating"] if min_rating is not None else [])]
    absent = [named.name(role) for role in required if named.name(role) not in table.columns]
    if absent:
        raise InteractionsError(
            f"the table has no column {' and no column '.join(absent)}; it has: "
            f"{', '.join(map(repr, table.columns))}; pass "
            f"{columns_argument(named.guessed(table.columns, required=required))}"
        )
    notes = []
    if min_rating is not None:
        rating = named.name("rating")
        if not table[rating].dtype.is_numeric():
            raise InteractionsError(f"{rating} is {table[rating].dtype}; expected numbers")
        num_before = len(table)
        table = table.filter(nw.col(rating) >= min_rating)
        notes.append(f"{num_before - len(table):,} rows below the rating {min_rating:g} left out")
    if len(table) == 0:
        raise InteractionsError("the table of interactions has no rows")
    user_index, users = _indexed(table[named.name("user")], "user")
    item_index, items = _indexed(table[named.name("item")], "item")
    time_name = named.name("time")
    time = _times(table[time_name]) if time_name in table.columns else None
    interactions = Interactions(user_index, item_index, users, items, time)
    interactions.notes = [*notes, *interactions.notes]
    return interactions


def tables_of_arrays(
    features: Mapping[str, Any], items: Sequence[Any] | None
) -> list[FeatureTable]:
    """Return arrays as tables of features, with the ids of their rows.

    Args:
        features: array of each modality, or a torch tensor on the CPU, of any numeric type.
        items: ids of the rows, text or whole numbers.

    Shapes:
        features: (N, D) each; items: (N,).

    Raises:
        FeatureError: no `items`, another number of them than rows, or see `FeatureTable`.
    """
    if not features:
        return []
    if items is None:
        raise FeatureError("`items` are missing: the id of each row of the features")
    ids = _ids(
        pl.Series(items) if not hasattr(items, "dtype") else _column(cast("IntoSeries", items)),
        "items",
    )
    tables = []
    for name, matrix in features.items():
        array = np.asarray(matrix)
        source: dict[str, str | int] = {"encoder": "array", "digest": _digest(array)}
        if array.ndim == 2:
            source["dim"] = int(array.shape[1])
        tables.append(FeatureTable(name, ids, array, source=source))
    return tables


def _digest(array: np.ndarray) -> str:
    import hashlib

    return hashlib.blake2b(np.ascontiguousarray(array).tobytes(), digest_size=6).hexdigest()


def _column(values: IntoSeries | np.ndarray) -> pl.Series:
    """Return a column of any library, or an array, as a polars Series."""
    if isinstance(values, pl.Series):
        return values
    if isinstance(values, np.ndarray):
        return pl.Series(values.tolist() if values.dtype.kind in "OU" else values)
    series = nw.from_native(values, series_only=True)
    return pl.Series(series.to_list())


def _ids(column: pl.Series, name: str) -> pl.Series:
    """Return ids as text."""
    if column.null_count():
        raise InteractionsError(f"{column.null_count():,} values of {name} are missing")
    if column.dtype.is_integer():
        return column.cast(pl.String)
    if column.dtype not in (pl.String, pl.Categorical, pl.Enum):
        raise InteractionsError(
            f"{name} is {column.dtype}, such as {examples(column.head(2).cast(pl.String))}; ids "
            "are text or whole numbers"
        )
    return as_texts(column)


def _indexed(column: nw.Series[Any], kind: str) -> tuple[np.ndarray, IdMap]:
    """Return the index of each id in the order of first appearance, and the ids. Shapes: (N,)."""
    ids = _ids(_column(column.to_native()), column.name)
    known = IdMap(ids.unique(maintain_order=True), kind=kind)
    return known.get(ids).astype(np.int32), known


def _times(column: nw.Series[Any]) -> np.ndarray:
    """Return times as numbers; dates become seconds since 1970. Shapes: (N,)."""
    values = _column(column.to_native())
    if not values.dtype.is_numeric():
        values = seconds_of_text(values)
    missing = values.is_null() | (values.cast(pl.Float64).is_nan())
    if missing.any():
        raise InteractionsError(
            f"{missing.sum():,} of {len(values):,} values of {column.name} are not times; expected "
            "numbers, dates or ISO dates as text"
        )
    time = values.to_numpy()
    try:
        check_one_unit(time)
    except TimeError as error:
        raise InteractionsError(f"in the column {column.name}, {error}") from error
    return time
