"""Item kNN: items that were watched by users who watched the same, by conditional probability.

n_j users watched j; a user who watched n_u items counts as n_u^-user_weight in common_ij, the users
who watched both:

    s_ji = common_ij / ( n_j n_i^popularity_weight + shrink ),  s_ii = 0
    score = sum over j in N_u, where i is one of the k largest s_j, of s_ji

Shapes: common, s: (I, I).

Source: Deshpande, Karypis, Item-Based Top-N Recommendation Algorithms, TOIS 2004, similarity by
conditional probability, in which a user of many items counts less for each pair of them.
popularity_weight 0 is the probability of i given j; larger values favour rare items.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, ClassVar

import torch
from torch import Tensor

from mmgcn.config import Config, SettingError, positive
from mmgcn.data.dataset import Dataset
from mmgcn.model import ID, ClosedFormModel, Embeddings

MAX_NUMBERS = 500_000_000  # 2 GB of float32


@dataclass(frozen=True)
class ItemKNNConfig(Config):
    """Settings of item kNN."""

    num_item_neighbours: int = positive(100)
    """k, number of neighbours of an item."""
    user_weight: float = 1.0
    """Exponent by which a user of many items counts less."""
    popularity_weight: float = 0.0
    """Exponent by which a popular item is less similar to others."""
    shrink: float = 0.0
    """Shrinkage of similarities: large values require many common users."""


class ItemKNN(ClosedFormModel[ItemKNNConfig]):
    """Item-item similarities from common users, without features."""

    name: ClassVar[str] = "itemknn"
    config_type: ClassVar[type[ItemKNNConfig]] = ItemKNNConfig

    def __init__(self, dataset: Dataset, config: ItemKNNConfig) -> None:
        super().__init__(dataset, config)
        R = self._watched = watched_matrix(self, dataset)  # (U, I)
        degree = R.sum(dim=1, keepdim=True).clamp(min=1)
        count = R.sum(dim=0).clamp(min=1)  # (I,)
        common = R.T @ (R * degree.pow(-config.user_weight))  # (I, I)
        common.fill_diagonal_(0)
        scale = count[:, None] * count.pow(config.popularity_weight) + config.shrink
        similarity = common / scale  # row j: the items similar to j
        k = min(config.num_item_neighbours, self.num_items)
        threshold = similarity.topk(k, dim=1).values[:, -1:]
        similarity = torch.where(similarity >= threshold, similarity, torch.zeros(()))
        self._weights = similarity.T.contiguous()

    def embeddings(self) -> Embeddings:
        """Return what users watched, and similarities. Shapes: (U, I) and (I, I)."""
        return Embeddings(self._watched.numpy(), {ID: self._weights.numpy()})


def watched_matrix(model: ClosedFormModel[Any], dataset: Dataset) -> Tensor:
    """Return R, ones where a user watched an item in training.

    Shapes:
        the result: (U, I) float32.

    Raises:
        SettingError: it would not fit.
    """
    rows = max(model.num_users, model.num_items)
    if rows * model.num_items > MAX_NUMBERS:
        raise SettingError(
            f"{model.name} keeps {model.num_items:,} numbers for each of {rows:,} users or items, "
            f"more than {MAX_NUMBERS:,} in all; take a model with vectors, such as linear_mmgcn"
        )
    R = torch.zeros(model.num_users, model.num_items)
    R[
        torch.as_tensor(dataset.train.user_index, dtype=torch.int64),
        torch.as_tensor(dataset.train.item_index, dtype=torch.int64),
    ] = 1
    return R


MODEL = ItemKNN
