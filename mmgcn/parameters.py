"""Initial tables of a model: random parameters and standardised features."""

from __future__ import annotations

import numpy as np
import torch
from torch import Tensor, nn
from torch.nn import functional

from mmgcn.data.dataset import Dataset


def table(
    num_rows: int, width: int, generator: torch.Generator, *, scale: float | None = None
) -> nn.Parameter:
    """Return a parameter of normally distributed values.

    Args:
        scale: standard deviation; by default that of Glorot initialisation.

    Shapes:
        the result: (num_rows, width).
    """
    deviation = scale if scale is not None else (2 / (num_rows + width)) ** 0.5
    return nn.Parameter(torch.randn(num_rows, width, generator=generator) * deviation)


def id_tables(
    dataset: Dataset, width: int, generator: torch.Generator
) -> tuple[nn.Parameter, nn.Parameter]:
    """Return random embeddings of users and items. Shapes: (U, width) and (I, width)."""
    return table(len(dataset.users), width, generator), table(len(dataset.items), width, generator)


def standardised(features: np.ndarray, present: np.ndarray) -> Tensor:
    """Return features with mean 0 and standard deviation 1 in each column, over present items.

    Shapes:
        features: (I, D); present: (I,) bool; the result: (I, D), zero for absent items.
    """
    values = torch.from_numpy(features).float()
    has = torch.from_numpy(present)
    if not has.any():
        return torch.zeros_like(values)
    known = values[has]
    deviation = known.std(dim=0, unbiased=False)
    # A constant column (up to rounding) carries no information.
    scale = torch.where(deviation > 1e-6, deviation, torch.inf)
    return torch.where(has[:, None], (values - known.mean(dim=0)) / scale, torch.zeros(()))


def unit_features(dataset: Dataset) -> dict[str, Tensor]:
    """Return the standardised features of each modality, in rows of length one.

    Shapes:
        the result: (I, D_m) each, zero where an item lacks the modality.
    """
    return {
        name: functional.normalize(standardised(values, dataset.present[name]))
        for name, values in dataset.features.items()
    }
