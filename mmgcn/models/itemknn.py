"""Item kNN: what was watched by the people who watched the same.

n_j people watched j; a person who watched n_u items counts as n_u^-user_weight in common_ij, the
people who watched both:

    s_ji = common_ij / ( n_j n_i^popularity_weight + shrink ),  s_ii = 0
    score = sum over j in N_u, where i is one of the k most alike to j, of s_ji

Source: Deshpande, Karypis, Item-Based Top-N Recommendation Algorithms, TOIS 2004, similarity by
conditional probability, where also who watches everything says less about two of the things.
popularity_weight 0 is the probability of i given j; larger values favour the rare.

A user's vector is what they watched and an item's its column of s, so both are as wide as the
catalogue.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, ClassVar, Literal

import torch
from torch import Tensor

from mmgcn.data.dataset import Dataset
from mmgcn.model import Model, SettingError, Training

MAX_NUMBERS = 500_000_000  # 2 GB of float32


@dataclass(frozen=True)
class Settings(Training):
    """Settings of item kNN."""

    num_alike: int = 100
    """k, neighbours of an item."""
    user_weight: float = 1.0
    """How much less a person counts who watches more."""
    popularity_weight: float = 0.0
    """How much less an item is alike to others for being watched by many."""
    shrink: float = 0.0
    """Trust in similarities: large values want many common viewers."""
    similarity: Literal["cosine", "dot"] = "dot"

    def __post_init__(self) -> None:
        super().__post_init__()
        if self.num_alike == 0:
            raise SettingError("num_alike is 0; an item needs at least 1 neighbour")


class ItemKNN(Model):
    """An item-item matrix from common viewers; it looks at no modality."""

    name: ClassVar[str] = "itemknn"
    Settings: ClassVar[type[Training]] = Settings
    closed_form: ClassVar[bool] = True

    def __init__(self, dataset: Dataset, settings: Any, generator: torch.Generator) -> None:
        super().__init__(dataset, settings, generator)
        R = watched_matrix(self, dataset)  # (U, I)
        degree = R.sum(dim=1, keepdim=True).clamp(min=1)
        count = R.sum(dim=0).clamp(min=1)  # (I,)
        common = R.T @ (R * degree.pow(-settings.user_weight))  # (I, I)
        common.fill_diagonal_(0)
        given = count[:, None] * count.pow(settings.popularity_weight) + settings.shrink
        alike = common / given  # row j: what is alike to j
        k = min(settings.num_alike, self.num_items)
        edge = alike.topk(k, dim=1).values[:, -1:]
        alike = torch.where(alike >= edge, alike, torch.zeros(()))
        self.register_buffer("watched", R, persistent=False)
        self.register_buffer("weights", alike.T.contiguous(), persistent=False)

    def forward(self) -> tuple[Tensor, Tensor]:
        """Return what users watched, and similarities. Shapes: (U, I) and (I, I)."""
        return self.get_buffer("watched"), self.get_buffer("weights")


def watched_matrix(model: Model, dataset: Dataset) -> Tensor:
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
