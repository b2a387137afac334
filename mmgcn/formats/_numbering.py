"""Numbering: ids as indices from 0, for formats that store nothing else."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import polars as pl

from mmgcn.data.features import FeatureTable
from mmgcn.data.ids import IdMap


class Numbering:
    """An index from 0 for each id.

    Ids that are the numbers from 0 on keep their numbers; others are numbered in their order.

    >>> Numbering(pl.Series(["1", "0"])).ids.to_list(), Numbering(pl.Series(["7", "a"])).ids[0]
    (['0', '1'], '7')
    """

    def __init__(self, ids: pl.Series) -> None:
        numbers = pl.int_range(len(ids), eager=True)
        if set(numbers.cast(pl.String)) == set(ids):
            ids = numbers.cast(pl.String)
        self.ids = ids.alias("id")

    @property
    def are_numbers(self) -> bool:
        """Return whether each id is its index."""
        return bool((self.ids == pl.int_range(len(self.ids), eager=True).cast(pl.String)).all())

    def index(self, column: pl.Expr) -> pl.Expr:
        """Return an expression of the index of each id of a column.

        Raises:
            polars.exceptions.InvalidOperationError: at evaluation, of an unknown id.
        """
        numbers = pl.int_range(len(self.ids), dtype=pl.Int64, eager=True)
        return column.replace_strict(self.ids, numbers)


def numbered_matrix(features: FeatureTable, items: Numbering) -> tuple[np.ndarray, list[str]]:
    """Return a row for each item, zero where there is none, and remarks on what is left out.

    Shapes:
        the result: (I, D) float32.
    """
    matrix, present = features.aligned(IdMap(items.ids, kind="item"))
    notes = []
    if not present.all():
        notes.append(
            f"{(~present).sum():,} of {len(present):,} items have no {features.name} features: "
            "their rows are zero"
        )
    others = len(features.ids) - int(present.sum())
    if others:
        notes.append(f"{features.name} features of {others:,} items: they have no interactions")
    return matrix, notes


def known_lists(
    lists: pl.DataFrame, users: Numbering, items: Numbering
) -> tuple[pl.DataFrame, list[str]]:
    """Return the rows whose user and item are numbered, and remarks on the others."""
    known = lists.filter(
        pl.col("user_id").is_in(users.ids.implode()) & pl.col("item_id").is_in(items.ids.implode())
    )
    if known.height == lists.height:
        return lists, []
    return known, [
        f"{lists.height - known.height:,} of {lists.height:,} rows of the lists: the user or the "
        "item has no interactions in this data set"
    ]


def write_ids(folder: Path, *, users: Numbering | None, items: Numbering | None) -> list[Path]:
    """Write the id behind each number, unless it is the number itself, or None is given."""
    files = []
    for numbering, name, columns in (
        (users, "u_id_mapping.csv", ("user_id", "userID")),
        (items, "i_id_mapping.csv", ("item_id", "itemID")),
    ):
        if numbering is not None and not numbering.are_numbers:
            table = numbering.ids.alias(columns[0]).to_frame().with_row_index(columns[1])
            files.append(folder / name)
            table.select(columns).write_csv(files[-1], separator="\t")
    return files
