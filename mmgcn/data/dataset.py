"""Dataset: interactions and features over one pair of id maps, aligned by id."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from typing import Any, Literal

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
    can be recommended by their content.

    Shapes:
        features: for each modality (I, D) float32; rows of absent items are zero.
        present: for each modality (I,) bool.
    """

    split: Split
    features: dict[str, np.ndarray] = field(default_factory=dict)
    present: dict[str, np.ndarray] = field(default_factory=dict)
    sources: dict[str, dict[str, Any]] = field(default_factory=dict)
    notes: list[str] = field(default_factory=list)

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
        notes = list(split.notes)
        if not tables:
            return cls(split, notes=notes)
        watched = split.items.ids.to_list()
        known = set().union(*(table.known for table in tables))
        strangers = [item for item in watched if item not in known]
        if len(strangers) == len(watched):
            raise FeatureError(
                f"none of the {len(watched):,} items of the interactions has features: the "
                f"interactions name {examples(watched)}, the features {examples(sorted(known))}; "
                "an item's id is its file's name without suffix"
            )
        if missing == "drop":
            split, notes = _without_unknown(split, tables, notes)
        else:
            _check_known(strangers, watched, tables, missing, notes)
        cold = sorted(known - set(split.items.ids.to_list()))
        split = _with_items(split, cold)
        made = cls(split, notes=notes)
        ids = split.items.ids
        for table in tables:
            made._add(table, ids)
        if cold:
            notes.append(f"{len(cold):,} items have features and no interactions")
        return made

    def _add(self, table: FeatureTable, ids: pl.Series) -> None:
        rows = IdMap(table.ids, kind="item").get(ids)
        present = rows >= 0
        aligned = np.zeros((len(ids), table.matrix.shape[1]), dtype=np.float32)
        aligned[present] = table.matrix[rows[present]]
        self.features[table.name], self.present[table.name] = aligned, present
        self.sources[table.name] = dict(table.source)
        if not present.all():
            self.notes.append(
                f"{(~present).sum():,} of {len(ids):,} items have no {table.name} features "
                "and are masked there"
            )


def _check_known(
    strangers: list[str],
    watched: list[str],
    tables: Sequence[FeatureTable],
    missing: Missing,
    notes: list[str],
) -> None:
    num = f"{len(watched):,}"
    if strangers:
        told = (
            f"{len(strangers):,} of {num} items of the interactions match no video: "
            f"{examples(strangers)}"
        )
        if missing == "error":
            raise FeatureError(
                f"{told}; pass --missing drop to leave them out, or --missing mask to keep them "
                "without features"
            )
        notes.append(told)
    for table in tables:
        absent = [item for item in watched if item not in table.known]
        if len(absent) > len(strangers) and missing == "error":
            covered = len(watched) - len(absent)
            raise FeatureError(
                f"{table.name} features cover {covered:,} of {num} items; pass --missing mask, or "
                f"extract the {len(absent):,} others, such as {examples(absent)}"
            )


def _without_unknown(
    split: Split, tables: Sequence[FeatureTable], notes: list[str]
) -> tuple[Split, list[str]]:
    """Drop the interactions of items that some modality never saw."""
    everywhere = frozenset.intersection(*(table.known for table in tables))
    keep = np.array([item in everywhere for item in split.items.ids.to_list()], dtype=bool)
    if keep.all():
        return split, notes
    rows = np.cumsum(keep) - 1
    items = IdMap(split.items.ids.filter(pl.Series(keep)), kind="item")

    def kept_of(part: Interactions) -> Interactions:
        kept = part.take(keep[part.item_index])
        kept.item_index = rows[kept.item_index].astype(np.int32)
        kept.items = items
        return kept

    kept = split.map(kept_of)
    if len(kept.train) == 0:
        raise FeatureError("no training interaction is left when unknown items are dropped")
    dropped = len(split.train) - len(kept.train)
    told = f"{(~keep).sum():,} items without features dropped, with {dropped:,} interactions"
    return kept, [*notes, told]


def _with_items(split: Split, more: list[str]) -> Split:
    if not more:
        return split
    items = IdMap(pl.concat([split.items.ids, pl.Series("id", more, dtype=pl.String)]), kind="item")
    return split.map(lambda part: replace(part, items=items))
