"""Lists of a user's items as interactions."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl

from mmgcn.format import FormatError
from mmgcn.formats._tables import read_table


def pairs_table(user: np.ndarray, item: np.ndarray) -> pl.DataFrame:
    """Return a table of user_id and item_id from indices. Shapes: (E,) each."""
    table = pl.DataFrame({"user_id": user.astype(np.int64), "item_id": item.astype(np.int64)})
    return table.cast(pl.String)


def read_user_lines(path: Path) -> tuple[pl.DataFrame, int]:
    """Return the pairs in a file of lines `user item item ...`, and the number of empty lists.

    Raises:
        FormatError: the file cannot be read.
    """
    lines = read_table(path, "\x01", header=False).to_series()
    fields = lines.str.strip_chars().str.splitn(" ", 2).struct.rename_fields(["user_id", "rest"])
    table = pl.DataFrame({"line": fields}).unnest("line").filter(pl.col("user_id") != "")
    table = table.with_columns(pl.col("rest").str.strip_chars().replace("", None))
    empty = int(table["rest"].null_count())
    pairs = (
        table.drop_nulls("rest")
        .with_columns(pl.col("rest").str.extract_all(r"\S+"))
        .explode("rest")
        .rename({"rest": "item_id"})
    )
    return pairs, empty


def read_json_lists(path: Path) -> tuple[pl.DataFrame, int]:
    """Return the pairs in a JSON object `{"user": [item, ...]}`, and the number of empty lists.

    Raises:
        FormatError: the file contains something else.
    """
    try:
        lists: Any = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        raise FormatError(f"{path} is not JSON: {error}") from error
    if not isinstance(lists, dict) or not all(isinstance(each, list) for each in lists.values()):
        raise FormatError(f"{path} is not an object of a list of items for each user")
    table = pl.DataFrame(
        {
            "user_id": [user for user, items in lists.items() for _ in items],
            "item_id": [str(item) for items in lists.values() for item in items],
        },
        schema={"user_id": pl.String, "item_id": pl.String},
    )
    return table, sum(not items for items in lists.values())


def empty_lists(count: int, source: str) -> list[str]:
    """Return the remark on users without items."""
    return [f"{count:,} users of {source}: their lists are empty"] * (count > 0)
