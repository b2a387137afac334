"""Dataset: interactions and features over one pair of id maps, aligned by id."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from typing import Any, Literal, get_args

import numpy as np
import polars as pl

from mmgcn.data.features import FeatureError, FeatureTable
from mmgcn.data.ids import IdMap, examples
from mmgcn.data.interactions import Interactions
from mmgcn.data.splits import Split

Missing = Literal["error", "mask", "drop"]


@dataclass(eq=False)
class Dataset:
    """What a model is built from.

    Items are those of the interactions, then those that have features and were never watched: they
    can be recommended by their content. `reading` is how the tables were read, for who reads
    another one of that kind.

    Shapes:
        features: for each modality (I, D) float32; rows of absent items are zero.
        present: for each modality (I,) bool.
    """

    split: Split
    features: dict[str, np.ndarray] = field(default_factory=dict)
    present: dict[str, np.ndarray] = field(default_factory=dict)
    sources: dict[str, dict[str, Any]] = field(default_factory=dict)
    notes: list[str] = field(default_factory=list)
    reading: dict[str, Any] = field(default_factory=dict)

    @property
    def users(self) -> IdMap:
        """The users' ids."""
        return self.split.users

    @property
    def items(self) -> IdMap:
        """The items' ids."""
        return self.split.items

    @property
    def train(self) -> Interactions:
        """What is learned from."""
        return self.split.train

    @classmethod
    def build(
        cls, split: Split, tables: Sequence[FeatureTable] = (), *, missing: Missing = "error"
    ) -> Dataset:
        """Join interactions and features by id.

        Args:
            missing: what happens where an item was watched but never extracted in some modality:
                an error, a mask, or its interactions are dropped. (An item that was extracted and
                has no sound or no caption is always masked.)

        Raises:
            FeatureError: `missing` is error and such items are there, or no item of the
                interactions has features.
        """
        if missing not in get_args(Missing):
            raise FeatureError(f"missing is '{missing}'; known: {', '.join(get_args(Missing))}")
        made = cls(split, notes=list(split.notes))
        if not tables:
            return made
        watched = split.items.ids
        known = np.stack([table.known.get(watched) >= 0 for table in tables])  # (M, I)
        if not known.any():
            strangers = pl.concat([table.known.ids.head(4) for table in tables]).unique().sort()
            raise FeatureError(
                f"none of the {len(watched):,} items of the interactions has features: the "
                f"interactions name {examples(watched)}, the features {examples(strangers)}; "
                "an item's id is its file's name without suffix, or its line of IDS.txt in "
                "--features NAME=FILE.npy,IDS.txt"
            )
        if missing == "drop":
            made._drop_items(np.logical_not(known.all(axis=0)))
        else:
            made._check_known(tables, known, missing)
        made._append_items(tables, everywhere=missing == "drop")
        for table in tables:
            features, present = table.aligned(made.items)
            made.features[table.name], made.present[table.name] = features, present
            made.sources[table.name] = dict(table.source)
            if not present.all():
                made.notes.append(
                    f"{(~present).sum():,} of {len(present):,} items have no {table.name} features "
                    "and are masked there"
                )
        return made

    def _check_known(
        self, tables: Sequence[FeatureTable], known: np.ndarray, missing: Missing
    ) -> None:
        """Refuse, or note, items that were never extracted. Shapes: known: (M, I) bool."""
        watched = self.items.ids
        nowhere = ~known.any(axis=0)
        if nowhere.any():
            told = (
                f"{nowhere.sum():,} of {len(watched):,} items of the interactions match no video: "
                f"{examples(watched.filter(pl.Series(nowhere)))}"
            )
            if missing == "error":
                raise FeatureError(
                    f"{told}; pass --missing drop to leave them out, or --missing mask to keep "
                    "them without features"
                )
            self.notes.append(told)
        for table, covered in zip(tables, known, strict=True):
            if missing == "error" and not covered.all():
                others = watched.filter(pl.Series(~covered))
                raise FeatureError(
                    f"{table.name} features cover {covered.sum():,} of {len(watched):,} items; "
                    f"pass --missing mask, or extract the {len(others):,} others, such as "
                    f"{examples(others)}"
                )

    def _drop_items(self, unwanted: np.ndarray) -> None:
        """Leave items out, with their interactions. Shapes: unwanted: (I,) bool."""
        if not unwanted.any():
            return
        before = self.split
        items = IdMap(self.items.ids.filter(pl.Series(~unwanted)), kind="item")
        self.split = self.split.map(lambda part: part.relabelled(part.users, items))
        if len(self.train) == 0:
            raise FeatureError("no training interaction is left when unknown items are dropped")
        train, valid, test = (
            f"{len(getattr(before, name)) - len(getattr(self.split, name)):,}"
            for name in ("train", "valid", "test")
        )
        self.notes.append(
            f"{unwanted.sum():,} items without features were dropped, with {train} training, "
            f"{valid} validation and {test} test interactions"
        )

    def _append_items(self, tables: Sequence[FeatureTable], *, everywhere: bool) -> None:
        """Add the items that have a vector and no interactions."""
        found = pl.concat([table.ids for table in tables]).unique().sort()
        for table in tables if everywhere else ():
            found = found.filter(pl.Series(table.known.get(found) >= 0))
        num_before = len(self.items)
        items = self.items.joined(found)
        self.split = self.split.map(lambda part: replace(part, items=items))
        if len(items) > num_before:
            self.notes.append(
                f"{len(items) - num_before:,} items have features and no interactions"
            )
