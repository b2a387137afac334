"""Change: removal of features from a data set, to measure their contribution."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Literal

import numpy as np

from mmgcn.data.dataset import Dataset

How = Literal["none", "drop", "shuffle", "missing"]


@dataclass(frozen=True)
class Change:
    """A change to the features of a data set; interactions are unchanged.

    none: no change.
    drop: the modality is removed.
    shuffle: the modality's vectors are permuted among the items that have one: the same
        distribution, without information on the item.
    missing: a share of the items with any modality lose a random one of theirs, or the given one.

    Args:
        how: kind of the change.
        modality: name of the modality; empty for none.
        share: share of the items, from 0 to 1, for `missing` only.
    """

    how: How = "none"
    modality: str = ""
    share: float = 0.0

    def apply(self, dataset: Dataset, seed: int) -> Dataset:
        """Return a changed copy of the data set.

        Raises:
            ValueError: the modality is unknown, or the share is out of range.
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
    # An item loses the modality with the highest draw.
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
