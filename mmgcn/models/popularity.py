"""Popularity: items by their number of training interactions, equal for all users.

    score = n_i

A baseline for all other models.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

import numpy as np

from mmgcn.closed_form_model import ClosedFormModel
from mmgcn.config import Config
from mmgcn.data.dataset import Dataset
from mmgcn.recommender_model import Embeddings


@dataclass(frozen=True)
class PopularityConfig(Config):
    """Popularity has no settings: a score is a count."""


class Popularity(ClosedFormModel[PopularityConfig]):
    """An item's score is the number of its training interactions."""

    name: ClassVar[str] = "popularity"
    uses_features: ClassVar[bool] = False

    def __init__(self, dataset: Dataset, config: PopularityConfig) -> None:
        super().__init__(dataset, config)
        self._counts = np.bincount(dataset.train.item_index, minlength=self.num_items)

    def embeddings(self) -> Embeddings:
        """Return ones and counts. Shapes: (U, 1) and (I, 1)."""
        counts = self._counts[:, None].astype(np.float32)
        return Embeddings(np.ones((self.num_users, 1), np.float32), {"popularity": counts})


MODEL = Popularity
