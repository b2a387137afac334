"""Item kNN: neighbours of items by common users, with conditional probability as similarity.

n_j users watched item j. common_ij is the number of users who watched both, in which a user with
n_u items has weight n_u^-user_weight:

    s_ji = common_ij / ( n_j n_i^popularity_weight + shrink ),  s_ii = 0
    score = sum over j in N_u, where i is one of the k largest s_j, of s_ji

Shapes: common, s: (I, I).

Source: Deshpande, Karypis, Item-Based Top-N Recommendation Algorithms, TOIS 2004, similarity by
conditional probability, in which users with many items have less weight. With popularity_weight 0
it is the probability of i given j; larger values favour rare items.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

import torch
from torch import Tensor

from mmgcn.config import Config, positive
from mmgcn.item_item_model import ItemItemModel


@dataclass(frozen=True)
class ItemKNNConfig(Config):
    """Settings of item kNN."""

    num_item_neighbours: int = positive(100)
    """k, number of neighbours of an item."""
    user_weight: float = 1.0
    """Exponent that reduces the weight of users with many items."""
    popularity_weight: float = 0.0
    """Exponent that reduces the similarity of popular items."""
    shrink: float = 0.0
    """Shrinkage of similarities: large values require many common users."""


class ItemKNN(ItemItemModel[ItemKNNConfig]):
    """Item-item similarities from common users, without features."""

    name: ClassVar[str] = "itemknn"
    uses_features: ClassVar[bool] = False

    def solve(self) -> Tensor:
        """Return s, the k largest of each row. Shapes: (I, I)."""
        config = self.config
        degree = torch.from_numpy(self.interactions.degree()).clamp(min=1).float()
        common = self.common_users(degree.pow(-config.user_weight))
        common.fill_diagonal_(0)
        count = torch.from_numpy(self.interactions.count()).clamp(min=1).float()
        scale = count[:, None] * count.pow(config.popularity_weight) + config.shrink
        similarity = common.div_(scale)  # row j: the items similar to j
        k = min(config.num_item_neighbours, self.num_items)
        threshold = similarity.topk(k, dim=1).values[:, -1:]
        return similarity.masked_fill_(similarity < threshold, 0)


MODEL = ItemKNN
