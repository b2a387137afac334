"""EASE: a linear autoencoder of who watched what that may not look at the item itself, solved.

R holds ones where user u watched item i, I is the identity, lambda the penalty:

    P = (R^T R + lambda I)^-1
    B_ij = - P_ij / P_jj,  B_ii = 0
    score = R_u . B_i

Source: Steck, Embarrassingly Shallow Autoencoders for Sparse Data, WWW 2019, equation 8.

A user's vector is the row of R and an item's the column of B, so both are as wide as the catalogue.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, ClassVar, Literal

import torch
from torch import Tensor

from mmgcn.data.dataset import Dataset
from mmgcn.model import Model, Training
from mmgcn.models.itemknn import watched_matrix


@dataclass(frozen=True)
class Settings(Training):
    """Settings of EASE."""

    penalty: float = 50.0
    """lambda: large values keep to what many watch together."""
    similarity: Literal["cosine", "dot"] = "dot"


class EASE(Model):
    """An item-item matrix from one inverse; it looks at no modality."""

    name: ClassVar[str] = "ease"
    Settings: ClassVar[type[Training]] = Settings
    closed_form: ClassVar[bool] = True

    def __init__(self, dataset: Dataset, settings: Any, generator: torch.Generator) -> None:
        super().__init__(dataset, settings, generator)
        R = watched_matrix(self, dataset)  # (U, I)
        gram = (R.T @ R).double()
        gram.diagonal().add_(max(settings.penalty, 1e-6))
        P = torch.linalg.inv(gram)
        B = -P / P.diagonal()
        B.fill_diagonal_(0)
        self.register_buffer("watched", R, persistent=False)
        self.register_buffer("weights", B.T.float().contiguous(), persistent=False)

    def forward(self) -> tuple[Tensor, Tensor]:
        """Return the rows of R and the columns of B. Shapes: (U, I) and (I, I)."""
        return self.get_buffer("watched"), self.get_buffer("weights")


MODEL = EASE
