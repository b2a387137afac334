"""Dataset: interactions and features over one pair of id maps, aligned by id."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any, get_args

import numpy as np
import polars as pl

from mmgcn.data.features import FeatureError, FeatureTable
from mmgcn.data.frames import interactions_of_frame, tables_of_arrays
from mmgcn.data.ids import IdMap, examples
from mmgcn.data.interactions import Interactions, check_learnable
from mmgcn.data.options import Missing, SplitName
from mmgcn.data.splits import Split
from mmgcn.data.splits import split as split_interactions

if TYPE_CHECKING:
    from narwhals.stable.v1.typing import IntoDataFrame


@dataclass(eq=False)
class Dataset:
    """Interactions and features from which a model is built.

    Items are those of the interactions, followed by items with features and no interactions, which
    can be recommended by their content.

    Args:
        features: matrix of each modality, zero in the rows of absent items.
        present: mask of the items with a vector, by modality.
        sources: encoder, digest and width of each modality.
        notes: remarks for the user.
        reading: options that the tables were read with, for further tables of the same kind.
        merged: near-duplicates, each with the item that it was merged into.

    Shapes:
        features: (I, D) float32 each; present: (I,) bool each.
    """

    split: Split
    features: dict[str, np.ndarray] = field(default_factory=dict)
    present: dict[str, np.ndarray] = field(default_factory=dict)
    sources: dict[str, dict[str, str | int]] = field(default_factory=dict)
    notes: list[str] = field(default_factory=list)
    reading: dict[str, str | float | None] = field(default_factory=dict)
    merged: dict[str, str] = field(default_factory=dict)

    def __repr__(self) -> str:
        widths = ", ".join(f"{name} {each.shape[1]}" for name, each in self.features.items())
        return f"Dataset({self.split!r}, features: {widths or 'none'})"

    @property
    def users(self) -> IdMap:
        """The ids of the users."""
        return self.train.users

    @property
    def items(self) -> IdMap:
        """The ids of the items."""
        return self.train.items

    @property
    def train(self) -> Interactions:
        """The training interactions."""
        return self.split.train

    def without_held_out(self) -> Dataset:
        """Return the same data with the validation and test interactions in the training part."""
        train = self.split.train.joined(self.split.valid, self.split.test)
        empty = train.take(np.zeros(0, int))
        return replace(self, split=Split(train, empty, empty, "none"))

    @property
    def num_interactions(self) -> int:
        """Number of interactions in all parts."""
        return len(self.split.train) + len(self.split.valid) + len(self.split.test)

    @classmethod
    def from_frames(
        cls,
        interactions: IntoDataFrame,
        features: Mapping[str, Any] | None = None,
        *,
        items: Sequence[Any] | None = None,
        columns: str = "",
        min_rating: float | None = None,
        split: SplitName | None = None,
        split_seed: int = 0,
        missing: Missing = "error",
    ) -> Dataset:
        """Return a data set from a table and arrays in memory, which are not changed.

        Args:
            interactions: a table of pandas, polars, Arrow or another that narwhals reads, with the
                columns user_id and item_id and optionally timestamp and rating. Ids are text or
                whole numbers.
            features: array of each modality, by name; or a torch tensor on the CPU.
            items: ids of the rows of the features.
            columns: names of the columns if they differ, such as `user=userId,item=movieId`.
            min_rating: rows with a lower rating are left out.
            split: leave-last-out, temporal, random, cold-items or none; by default leave-last-out,
                or random if there are no timestamps.
            split_seed: seed of a random split.
            missing: see `build`.

        Shapes:
            features: (N, D) each; items: (N,).

        Raises:
            ColumnsError, InteractionsError: the table cannot be used.
            SplitError: the table cannot be split that way.
            FeatureError: the features cannot be used, or see `build`.

        >>> table = pl.DataFrame({"user_id": [1, 1, 1, 2, 2, 2], "item_id": list("abcabd")})
        >>> Dataset.from_frames(table, {"price": np.ones((4, 1))}, items=list("abcd")).items
        IdMap(4 items: a, b, c, ...)
        """
        table = interactions_of_frame(interactions, columns=columns, min_rating=min_rating)
        table.notes = [*table.notes, *check_learnable(table)]
        parts = split_interactions(table, split, seed=split_seed)
        return cls.build(parts, tables_of_arrays(features or {}, items), missing=missing)

    @classmethod
    def build(
        cls,
        split: Split,
        tables: Sequence[FeatureTable] = (),
        *,
        missing: Missing = "error",
        excluded_items: pl.Series | None = None,
    ) -> Dataset:
        """Join interactions and features by id.

        Args:
            missing: treatment of items of the interactions that were never extracted in some
                modality: refuse them, mask them, or drop their interactions. (An item that was
                extracted but has no audio or no caption is always masked.)
            excluded_items: ids of items that are not added for having features, such as those that
                a k-core removed.

        Raises:
            FeatureError: `missing` is error and there are such items, no item of the interactions
                has features, or rows are numbered from 0 and ids from 1.
        """
        if missing not in get_args(Missing):
            raise FeatureError(
                f"missing is '{missing}'; it must be one of {', '.join(get_args(Missing))}"
            )
        dataset = cls(split, notes=list(split.notes))
        if not tables:
            return dataset
        for table in tables:
            dataset._check_row_numbers(table)
        watched = split.train.items.ids
        known = np.stack([table.known.get(watched) >= 0 for table in tables])  # (M, I)
        if not known.any():
            extracted = pl.concat([table.known.ids.head(4) for table in tables]).unique().sort()
            raise FeatureError(
                f"none of the {len(watched):,} items of the interactions has features: the "
                f"interactions contain {examples(watched)}, the features {examples(extracted)}; "
                "an item's id is the name of its file without suffix, or its line of IDS.txt in "
                "`features` NAME=FILE.npy,IDS.txt; pass features='none' to use no features"
            )
        if missing == "drop":
            dataset._drop_items(np.logical_not(known.all(axis=0)))
        else:
            dataset._check_known(tables, known, missing)
        dataset._append_items(tables, everywhere=missing == "drop", excluded=excluded_items)
        for table in tables:
            features, present = table.aligned(dataset.items)
            dataset.features[table.name], dataset.present[table.name] = features, present
            dataset.sources[table.name] = dict(table.source)
            if not present.all():
                dataset.notes.append(
                    f"{(~present).sum():,} of {len(present):,} items have no {table.name} features "
                    "and are masked there"
                )
        return dataset

    def _check_row_numbers(self, table: FeatureTable) -> None:
        """Refuse row numbers from 0 with ids from 1, which would assign vectors to other items."""
        if table.rows_from is None:
            return
        first, stop = table.rows_from, table.rows_from + len(table.ids)
        before, at_first, at_stop = self.items.get([str(first - 1), str(first), str(stop)]) >= 0
        fix = (
            f"pass a file of ids, NAME=FILE.npy,IDS.txt in `features`, or first_id={first + 1} if "
            f"row 0 is item {first + 1}"
        )
        if at_stop and not at_first:
            raise FeatureError(
                f"{table.name} features have {len(table.ids):,} rows without ids, so that row 0 is "
                f"item {first} and the last row item {stop - 1}; the interactions contain item "
                f"{stop} and no item {first}; {fix}"
            )
        if not at_first and not before and self.items.get([str(first + 1)])[0] >= 0:
            self.notes.append(
                f"row 0 of the {table.name} features is item {first}, which has no interactions, "
                f"while item {first + 1} has; if ids count from {first + 1}, {fix}"
            )

    def _check_known(
        self, tables: Sequence[FeatureTable], known: np.ndarray, missing: Missing
    ) -> None:
        """Refuse or note items that were never extracted. Shapes: known: (M, I) bool."""
        watched = self.items.ids
        nowhere = ~known.any(axis=0)
        if nowhere.any():
            summary = (
                f"{nowhere.sum():,} of {len(watched):,} items of the interactions match no video: "
                f"{examples(watched.filter(pl.Series(nowhere)))}"
            )
            if missing == "error":
                raise FeatureError(
                    f"{summary}; pass missing='drop' to leave them out, or missing='mask' to keep "
                    "them without features"
                )
            self.notes.append(summary)
        for table, covered in zip(tables, known, strict=True):
            if missing == "error" and not covered.all():
                others = watched.filter(pl.Series(~covered))
                raise FeatureError(
                    f"{table.name} features cover {covered.sum():,} of {len(watched):,} items; "
                    f"pass missing='mask', or extract the {len(others):,} others, such as "
                    f"{examples(others)}"
                )

    def _drop_items(self, dropped: np.ndarray) -> None:
        """Remove items with their interactions. Shapes: dropped: (I,) bool."""
        if not dropped.any():
            return
        before = self.split
        items = IdMap(self.items.ids.filter(pl.Series(~dropped)), kind="item")
        self.split = self.split.map(lambda part: part.relabelled(part.users, items))
        if len(self.train) == 0:
            raise FeatureError(
                "no training interaction remains when items without features are dropped"
            )
        train, valid, test = (
            f"{len(getattr(before, name)) - len(getattr(self.split, name)):,}"
            for name in ("train", "valid", "test")
        )
        self.notes.append(
            f"{dropped.sum():,} items without features were dropped, with {train} training, "
            f"{valid} validation and {test} test interactions"
        )

    def _append_items(
        self, tables: Sequence[FeatureTable], *, everywhere: bool, excluded: pl.Series | None
    ) -> None:
        """Add the items that have a vector and no interactions.

        Args:
            everywhere: whether to add only items that are known in every modality.
        """
        found = pl.concat([table.ids for table in tables]).unique().sort()
        for table in tables if everywhere else ():
            found = found.filter(pl.Series(table.known.get(found) >= 0))
        if excluded is not None:
            found = found.filter(~found.is_in(excluded.implode()))
        num_before = len(self.items)
        items = self.items.joined(found)
        self.split = self.split.map(lambda part: part.with_items(items))
        if len(items) > num_before:
            self.notes.append(
                f"{len(items) - num_before:,} items have features and no interactions"
            )
