"""Linear maps with seeded initialisation: of any rows, and of a modality's features."""

from __future__ import annotations

import numpy as np
import torch
from torch import Tensor, nn
from torch.nn import functional

from mmgcn.data.dataset import Dataset
from mmgcn.parameters import table


class Linear(nn.Module):
    """x W + b, with W from Glorot's normal distribution.

    Args:
        width, to: number of columns of x and of the result.
        zero_bias: whether b is 0 at first; otherwise it is uniform between -1 / sqrt(width) and
            1 / sqrt(width).
    """

    def __init__(
        self, width: int, to: int, generator: torch.Generator, *, zero_bias: bool = True
    ) -> None:
        super().__init__()
        self.weight = table(width, to, generator)
        bias = torch.zeros(to)
        if not zero_bias:
            bias = (2 * torch.rand(to, generator=generator) - 1) / width**0.5
        self.bias = nn.Parameter(bias)

    def forward(self, x: Tensor) -> Tensor:
        """Shapes: x: (N, width); the result: (N, to)."""
        return torch.addmm(self.bias, x, self.weight)


class FeatureProjection(nn.Module):
    """F W + b: items projected from the features F of one modality.

    Shapes:
        features: (I, D), rows of length one; present: (I,) bool, the items that have the modality.
    """

    def __init__(
        self, features: Tensor, present: np.ndarray, dim: int, generator: torch.Generator
    ) -> None:
        super().__init__()
        self.register_buffer("features", features, persistent=False)
        self.register_buffer("present", torch.tensor(present), persistent=False)
        self.weight = table(features.shape[1], dim, generator)
        self.bias = nn.Parameter(torch.zeros(dim))

    def forward(self, item_index: Tensor | None = None) -> Tensor:
        """Return the projections of some items, or of all.

        Shapes:
            item_index: (N,); the result: (N, dim), or (I, dim).
        """
        rows = self.get_buffer("features")
        if item_index is not None:
            rows = functional.embedding(item_index, rows)
        return rows @ self.weight + self.bias


def feature_projections(
    dataset: Dataset, features: dict[str, Tensor], dim: int, generator: torch.Generator
) -> nn.ModuleDict:
    """Return a projection of each modality. Shapes: features: (I, D_m), rows of length one."""
    return nn.ModuleDict(
        {
            name: FeatureProjection(rows, dataset.present[name], dim, generator)
            for name, rows in features.items()
        }
    )
