"""EASE: a linear autoencoder of the interactions with a zero diagonal, solved in closed form.

R holds ones where user u watched item i, I is the identity, lambda is `l2_reg`:

    P = (R^T R + lambda I)^-1
    B_ij = - P_ij / P_jj,  B_ii = 0
    score = R_u . B_i

Shapes: R: (U, I); P, B: (I, I).

Source: Steck, Embarrassingly Shallow Autoencoders for Sparse Data, WWW 2019, equation 8.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

import torch

from mmgcn.config import Config
from mmgcn.data.dataset import Dataset
from mmgcn.model import ID, ClosedFormModel, Embeddings
from mmgcn.models.itemknn import watched_matrix


@dataclass(frozen=True)
class EASEConfig(Config):
    """Settings of EASE."""

    l2_reg: float = 50.0
    """lambda, the L2 regularisation of the item-item weights."""


class EASE(ClosedFormModel[EASEConfig]):
    """Item-item weights from one matrix inverse, without features."""

    name: ClassVar[str] = "ease"
    config_type: ClassVar[type[EASEConfig]] = EASEConfig

    def __init__(self, dataset: Dataset, config: EASEConfig) -> None:
        super().__init__(dataset, config)
        self._watched = watched_matrix(self, dataset)  # (U, I)
        gram = (self._watched.T @ self._watched).double()
        gram.diagonal().add_(max(config.l2_reg, 1e-6))
        P = torch.linalg.inv(gram)
        B = -P / P.diagonal()
        B.fill_diagonal_(0)
        self._weights = B.T.float().contiguous()

    def embeddings(self) -> Embeddings:
        """Return the rows of R and the columns of B. Shapes: (U, I) and (I, I)."""
        return Embeddings(self._watched.numpy(), {ID: self._weights.numpy()})


MODEL = EASE
