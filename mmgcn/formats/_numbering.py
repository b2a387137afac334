"""Numbering: ids as indices from 0, for formats that store only indices."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import polars as pl

from mmgcn.data.features import FeatureTable
from mmgcn.data.ids import IdMap


class Numbering:
    """An index from 0 for each id.

    If the ids are the numbers from 0 to N - 1, each is its own index; otherwise they are numbered
    in their order.

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
        """Whether each id is its own index."""
        return bool((self.ids == pl.int_range(len(self.ids), eager=True).cast(pl.String)).all())

    def index(self, column: pl.Expr) -> pl.Expr:
        """Return an expression for the indices of a column of ids.

        Raises:
            polars.exceptions.InvalidOperationError: at evaluation, for an unknown id.
        """
        numbers = pl.int_range(len(self.ids), dtype=pl.Int64, eager=True)
        return column.replace_strict(self.ids, numbers)


def numbered_matrix(features: FeatureTable, items: Numbering) -> tuple[np.ndarray, list[str]]:
    """Return features in the order of the items, and remarks on missing and further ones.

    Shapes:
        the matrix: (I, D) float32, zero in rows without features.
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
    """Write tables of ids and indices, unless the ids are indices or the numbering is None."""
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
