"""Change: removal of features from a data set, to measure their worth."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Literal

import numpy as np

from mmgcn.data.dataset import Dataset

How = Literal["none", "drop", "shuffle", "missing"]


@dataclass(frozen=True)
class Change:
    """One change of a data set's features; its interactions stay.

    none: nothing.
    drop: the modality is removed.
    shuffle: its vectors are permuted among the items with one: the same distribution, without
        information on the item.
    missing: `share` of the items that have any modality lose one of theirs, drawn for each item;
        with a modality named, they lose that one.

    Args:
        modality: empty if it is not needed.
        share: from 0 to 1, for `missing` only.
    """

    how: How = "none"
    modality: str = ""
    share: float = 0.0

    def apply(self, dataset: Dataset, seed: int) -> Dataset:
        """Return a changed copy of the data set.

        Raises:
            ValueError: an unknown modality, or a share outside of 0 to 1.
        """
        if self.modality and self.modality not in dataset.features:
            raise ValueError(
                f"there is no modality '{self.modality}' to {self.how}; the data set has: "
                f"{', '.join(dataset.features) or 'none'}"
            )
        if not 0 <= self.share <= 1:
            raise ValueError(
                f"the share of missing items is {self.share:g}; it must be from 0 to 1"
            )
        if self.how == "drop":
            return _without(dataset, self.modality)
        generator = np.random.default_rng(seed)
        if self.how == "shuffle":
            return _shuffled(dataset, self.modality, generator)
        if self.how == "missing":
            return _missing(dataset, self.modality, self.share, generator)
        return dataset


def _without(dataset: Dataset, modality: str) -> Dataset:
    return replace(
        dataset,
        features={name: each for name, each in dataset.features.items() if name != modality},
        present={name: each for name, each in dataset.present.items() if name != modality},
        sources={name: each for name, each in dataset.sources.items() if name != modality},
    )


def _shuffled(dataset: Dataset, modality: str, generator: np.random.Generator) -> Dataset:
    rows = np.flatnonzero(dataset.present[modality])
    values = dataset.features[modality].copy()
    values[rows] = values[generator.permutation(rows)]
    return replace(dataset, features=dataset.features | {modality: values})


def _missing(
    dataset: Dataset, modality: str, share: float, generator: np.random.Generator
) -> Dataset:
    names = [modality] if modality else list(dataset.features)
    present = np.stack([dataset.present[name] for name in names])  # (M, I)
    has_any = np.flatnonzero(present.any(axis=0))
    items = generator.permutation(has_any)[: round(share * len(has_any))]
    # Of each item's modalities the one with the highest draw.
    draws = np.where(present[:, items], generator.random((len(names), len(items))), -1)
    present[draws.argmax(axis=0), items] = False
    features = {
        name: np.where(kept[:, None], dataset.features[name], np.float32(0))
        for name, kept in zip(names, present, strict=True)
    }
    return replace(
        dataset,
        features=dataset.features | features,
        present=dataset.present | dict(zip(names, present, strict=True)),
    )
