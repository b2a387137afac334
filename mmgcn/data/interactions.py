"""Interactions: who watched what, and when."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
import polars as pl

from mmgcn.data.ids import IdMap

COLUMNS = ("user_id", "item_id", "timestamp", "weight")


class InteractionsError(ValueError):
    """A table of interactions that cannot be used; the message says why and what to do."""


@dataclass(eq=False)
class Interactions:
    """Pairs of a user and an item, each pair once.

    Shapes:
        user_index, item_index: (E,) int32, rows of `users` and `items`.
        timestamp: (E,) float64 seconds or whatever the table counts in, or None.
        weight: (E,) float32, or None.

    `notes` say what a person should know, such as duplicates that were dropped.
    """

    user_index: np.ndarray
    item_index: np.ndarray
    users: IdMap
    items: IdMap
    timestamp: np.ndarray | None = None
    weight: np.ndarray | None = None
    notes: list[str] = field(default_factory=list)

    def __len__(self) -> int:
        return len(self.user_index)

    def take(self, rows: np.ndarray) -> Interactions:
        """Return some of the interactions, in the given order (indices or a mask)."""
        return Interactions(
            self.user_index[rows],
            self.item_index[rows],
            self.users,
            self.items,
            None if self.timestamp is None else self.timestamp[rows],
            None if self.weight is None else self.weight[rows],
        )

    def csr(self) -> tuple[np.ndarray, np.ndarray]:
        """Return the items of each user, sorted, as compressed rows.

        Shapes:
            the result: indptr (U + 1,) int64 and indices (E,) int32.
        """
        order = np.lexsort((self.item_index, self.user_index))
        counts = np.bincount(self.user_index, minlength=len(self.users))
        indptr = np.concatenate([[0], np.cumsum(counts)]).astype(np.int64)
        return indptr, self.item_index[order].astype(np.int32)

    def k_core(self, *, k_user: int = 0, k_item: int = 0) -> Interactions:
        """Return the largest part in which every user has k_user items and every item k_item users.

        The id maps shrink to those that are left.

        Raises:
            InteractionsError: nothing is left.
        """
        keep = np.ones(len(self), dtype=bool)
        while True:
            of_user = np.bincount(self.user_index[keep], minlength=len(self.users))
            of_item = np.bincount(self.item_index[keep], minlength=len(self.items))
            enough = (of_user[self.user_index] >= k_user) & (of_item[self.item_index] >= k_item)
            if (keep & enough).sum() == keep.sum():
                break
            keep &= enough
        if not keep.any():
            raise InteractionsError(
                f"nothing is left of {len(self):,} interactions when every user needs {k_user} "
                f"items and every item {k_item} users; lower --k-core"
            )
        kept = self.take(keep)
        for name, ids, index in (
            ("users", self.users, "user_index"),
            ("items", self.items, "item_index"),
        ):
            left, rows = np.unique(getattr(kept, index), return_inverse=True)
            setattr(kept, name, IdMap(ids.ids.gather(left), kind=ids.kind))
            setattr(kept, index, rows.astype(np.int32))
        kept.notes = [
            *self.notes,
            f"{k_user},{k_item}-core: {len(kept):,} of {len(self):,} interactions are left, "
            f"{len(kept.users):,} users and {len(kept.items):,} items",
        ]
        return kept


def read_interactions(
    path: Path, *, users: IdMap | None = None, items: IdMap | None = None
) -> Interactions:
    """Read a table with the columns user_id, item_id and perhaps timestamp and weight.

    .csv, .tsv, .parquet and .jsonl. Ids are text: 007 stays 007. A pair that stands twice is kept
    once, with its first timestamp. Rows of users and items follow their first appearance, unless
    id maps are given: then pairs that are not in them are dropped, and counted in the notes.

    Raises:
        InteractionsError: no such file, a column is missing, a value is missing or no number, or
            no row is left.
    """
    table = _table(path)
    notes = []
    num_rows = table.height
    table = table.unique(["user_id", "item_id"], keep="first", maintain_order=True)
    if table.height < num_rows:
        notes.append(f"{num_rows - table.height:,} duplicate pairs in {path} were dropped")
    maps = []
    for name, given in (("user", users), ("item", items)):
        column = table[f"{name}_id"]
        maps.append(given or IdMap(column.unique(maintain_order=True), kind=name))
    rows = [ids.get(table[f"{ids_name}_id"]) for ids_name, ids in zip(("user", "item"), maps)]  # noqa: B905
    known = (rows[0] >= 0) & (rows[1] >= 0)
    if not known.all():
        notes.append(
            f"{(~known).sum():,} of {table.height:,} interactions in {path} have a user or an item "
            "that is not known from training; they were left out"
        )
    return Interactions(
        rows[0][known].astype(np.int32),
        rows[1][known].astype(np.int32),
        maps[0],
        maps[1],
        table["timestamp"].to_numpy()[known] if "timestamp" in table.columns else None,
        table["weight"].to_numpy()[known].astype(np.float32) if "weight" in table.columns else None,
        notes,
    )


def _table(path: Path) -> pl.DataFrame:
    if not path.is_file():
        raise InteractionsError(
            f"no interactions at {path}; pass --interactions FILE, a table with the columns "
            "user_id and item_id"
        )
    suffix = path.suffix.lower()
    try:
        if suffix in (".csv", ".tsv"):
            separator = "\t" if suffix == ".tsv" else ","
            table = pl.read_csv(path, infer_schema=False, separator=separator)
        elif suffix == ".parquet":
            table = pl.read_parquet(path)
        elif suffix == ".jsonl":
            table = pl.read_ndjson(path)
        else:
            raise InteractionsError(f"{path} ends in none of .csv, .tsv, .parquet, .jsonl")
    except pl.exceptions.NoDataError as error:
        raise InteractionsError(f"{path} is empty") from error
    except (pl.exceptions.PolarsError, OSError) as error:
        first = str(error).splitlines()[0]
        raise InteractionsError(f"{path} cannot be read as {suffix[1:]}: {first}") from error
    absent = [name for name in COLUMNS[:2] if name not in table.columns]
    if absent:
        raise InteractionsError(
            f"{path} has no column {' and no column '.join(absent)}; it has: "
            f"{', '.join(table.columns)}"
        )
    if table.height == 0:
        raise InteractionsError(f"{path} has a header and no rows")
    table = table.select([name for name in COLUMNS if name in table.columns])
    table = table.with_columns(pl.col("user_id", "item_id").cast(pl.String))
    for name in ("user_id", "item_id"):
        if table[name].null_count():
            raise InteractionsError(f"{table[name].null_count():,} rows of {path} have no {name}")
    return _with_numbers(table, path)


def _with_numbers(table: pl.DataFrame, path: Path) -> pl.DataFrame:
    for name in ("timestamp", "weight"):
        if name not in table.columns:
            continue
        column = table[name]
        numbers = column.cast(pl.Float64, strict=False)
        if name == "timestamp" and numbers.null_count():
            if column.dtype == pl.String:
                moments = column.str.to_datetime(strict=False, time_unit="us")
            else:
                moments = column.cast(pl.Datetime("us"), strict=False)
            numbers = moments.dt.epoch("us").cast(pl.Float64) / 1e6
        if numbers.null_count() or not numbers.is_finite().all():
            bad = column.filter(numbers.is_null() | ~numbers.is_finite())
            raise InteractionsError(
                f"{len(bad):,} rows of {path} have a {name} that cannot be read, such as "
                f"'{bad[0]}'; it takes a number{' or an ISO date' * (name == 'timestamp')}"
            )
        table = table.with_columns(numbers.alias(name))
    return table
