"""Content: interactions, features and captions of a data set in any format."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
import polars as pl

from mmgcn.data.columns import NAMES, REQUIRED
from mmgcn.data.dataset import Dataset
from mmgcn.data.features import BLOCK_VALUES, FeatureTable

UNSPLIT = "interactions"  # name of the only part of a data set that is not split
PARTS = ("train", "valid", "test")


class ContentError(ValueError):
    """Content that cannot be used; the message says why and what to do."""


@dataclass(eq=False)
class Content:
    """A data set in memory, with a record of what was read and left out.

    Args:
        parts: tables by part: `interactions`, or `train` with `valid` and `test`. Columns are
            user_id and item_id as text, optionally timestamp and rating. Empty for features only.
        features: one vector per item id, by modality.
        captions: table of item_id and caption, as text.
        videos: folder of the items' videos.
        min_rating: lowest rating that usually counts as an interaction, if there are ratings.
        found: descriptions of what was read.
        dropped: descriptions of what was left out, with reasons.
    """

    parts: dict[str, pl.DataFrame] = field(default_factory=dict)
    features: dict[str, FeatureTable] = field(default_factory=dict)
    captions: pl.DataFrame | None = None
    videos: Path | None = None
    min_rating: float | None = None
    found: list[str] = field(default_factory=list)
    dropped: list[str] = field(default_factory=list)

    @classmethod
    def of_dataset(cls, dataset: Dataset) -> Content:
        """Return the non-empty parts of a data set, and the vectors of items that have them."""
        split = dataset.split
        content = cls()
        is_unsplit = len(split.valid) == len(split.test) == 0
        for name, part in zip(PARTS, (split.train, split.valid, split.test), strict=True):
            if len(part):
                columns = {
                    "user_id": part.users.ids.gather(part.user_index),
                    "item_id": part.items.ids.gather(part.item_index),
                }
                table = pl.DataFrame(columns)
                if part.timestamp is not None:
                    table = table.with_columns(pl.Series("timestamp", part.timestamp))
                content.parts[UNSPLIT if is_unsplit else name] = table
        for name, matrix in dataset.features.items():
            present = dataset.present[name]
            ids = dataset.items.ids.filter(pl.Series(present))
            content.features[name] = FeatureTable(name, ids, matrix[present])
        return content

    @property
    def items(self) -> pl.Series:
        """The distinct items of all parts, in order of first appearance. Shapes: (I,)."""
        return self._distinct("item_id")

    @property
    def users(self) -> pl.Series:
        """The distinct users of all parts, in order of first appearance. Shapes: (U,)."""
        return self._distinct("user_id")

    def _distinct(self, column: str) -> pl.Series:
        if not self.parts:
            return pl.Series(column, [], dtype=pl.String)
        ids = pl.concat([part[column] for part in self.parts.values()])
        return ids.unique(maintain_order=True)

    def add_part(
        self, name: str, table: pl.DataFrame, *, source: str, **columns: str | None
    ) -> None:
        """Add interactions, and record them in `found`.

        Rows without a user or an item are left out, as is a column of times or ratings with empty
        values; both are recorded in `dropped`.

        Args:
            name: name of the part.
            table: table whose ids are read as text.
            source: name of the table's source in the report.
            columns: column names of `user`, `item`, and optionally `time` and `rating`.

        Raises:
            ContentError: no row remains, or a column is missing.
        """
        named = {role: column for role, column in columns.items() if column is not None}
        absent = [column for column in named.values() if column not in table.columns]
        if absent:
            raise ContentError(
                f"{source} has no column {' and no column '.join(absent)}; it has: "
                f"{', '.join(table.columns)}"
            )
        table = table.select(
            pl.col(named[role]).alias(NAMES[role]) for role in NAMES if role in named
        )
        ids = [NAMES[role] for role in REQUIRED]
        table = table.with_columns(pl.col(ids).cast(pl.String))
        complete = table.filter(
            pl.all_horizontal(pl.col(each).is_not_null() & (pl.col(each) != "") for each in ids)
        )
        if complete.height < table.height:
            self.dropped.append(
                f"{table.height - complete.height:,} of {table.height:,} rows of {source}: they "
                "have no user or no item"
            )
        for column in complete.columns[2:]:
            empty = complete[column].is_null() | (complete[column].cast(pl.String) == "")
            if empty.any():
                self.dropped.append(
                    f"the column {column} of {source}: it is empty in {empty.sum():,} of "
                    f"{complete.height:,} rows"
                )
                complete = complete.drop(column)
        if complete.height == 0:
            raise ContentError(f"{source} contains no interactions")
        self.parts[name] = complete
        what = "interactions" if name == UNSPLIT else f"{name} interactions"
        others = " and ".join(complete.columns[2:])
        self.found.append(
            f"{complete.height:,} {what} of {complete['user_id'].n_unique():,} users and "
            f"{complete['item_id'].n_unique():,} items in {source}"
            + (f", with {others}" if others else "")
        )

    def add_features(
        self, name: str, ids: list[str] | pl.Series, matrix: np.ndarray, *, source: str
    ) -> None:
        """Add one vector per item, and record them in `found`; rows with NaN or inf are left out.

        Shapes:
            ids: (N,); matrix: (N, D), or (N,) for one number per item.

        Raises:
            FeatureError: see `FeatureTable`.
            ContentError: the modality exists.
        """
        if name in self.features:
            raise ContentError(f"two sources have features named {name}: {source} is the second")
        ids = pl.Series("id", ids, dtype=pl.String)
        if len(ids) == len(matrix) and matrix.dtype.kind == "f" and matrix.ndim == 2:
            step = max(1, BLOCK_VALUES // max(matrix.shape[1], 1))
            with np.errstate(over="ignore"):
                finite = np.concatenate(
                    [
                        np.isfinite(matrix[start : start + step].astype(np.float32)).all(axis=1)
                        for start in range(0, max(len(matrix), 1), step)
                    ]
                )
            if not finite.all():
                self.dropped.append(
                    f"{(~finite).sum():,} of {len(matrix):,} rows of {source}: they are not finite"
                )
                ids, matrix = ids.filter(pl.Series(finite)), matrix[finite]
            if len(matrix) == 0 or not any(
                matrix[start : start + step].any() for start in range(0, len(matrix), step)
            ):
                self.dropped.append(f"{source}: it is zero for all items, or has no item")
                return
        table = FeatureTable(name, ids, matrix)
        self.features[name] = table
        self.found.append(
            f"{name} features of {len(ids):,} items, width {table.matrix.shape[1]:,}, in {source}"
        )

    def add_captions(self, ids: list[str], texts: list[str], *, source: str) -> None:
        """Add captions, and record them in `found`; empty and repeated ones are left out."""
        table = pl.DataFrame(
            {"item_id": ids, "caption": texts}, schema={"item_id": pl.String, "caption": pl.String}
        )
        table = table.with_columns(pl.col("caption").str.strip_chars()).filter(
            pl.col("caption").is_not_null()
            & (pl.col("caption") != "")
            & pl.col("item_id").is_not_null()
            & (pl.col("item_id") != "")
        )
        captions = table.unique("item_id", keep="first", maintain_order=True)
        if captions.height < len(ids):
            self.dropped.append(
                f"{len(ids) - captions.height:,} of {len(ids):,} captions of {source}: they are "
                "empty, or of an item that has one already"
            )
        if captions.height:
            self.captions = captions
            self.found.append(f"captions of {captions.height:,} items in {source}")
