"""EASE: a linear autoencoder of the interactions with a zero diagonal, solved in closed form.

With R_ui = 1 where user u watched item i, the identity I, and lambda = `l2_reg`:

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
from torch import Tensor

from mmgcn.config import Config, SettingError
from mmgcn.item_item_model import ItemItemModel

MAX_DOUBLE_ITEMS = 10_000  # with more, float32 is precise enough and halves the memory


@dataclass(frozen=True)
class EASEConfig(Config):
    """Settings of EASE."""

    l2_reg: float = 50.0
    """lambda, the L2 regularisation of the item-item weights."""


class EASE(ItemItemModel[EASEConfig]):
    """Item-item weights from one matrix inverse, without features."""

    name: ClassVar[str] = "ease"
    uses_features: ClassVar[bool] = False

    @classmethod
    def required_bytes(cls, num_items: int, num_modalities: int) -> int:
        """Return the memory of three matrices, in float64 for a small catalogue."""
        del num_modalities
        return (24 if num_items <= MAX_DOUBLE_ITEMS else 12) * num_items**2

    def solve(self) -> Tensor:
        """Return B. Shapes: (I, I).

        Raises:
            SettingError: l2_reg is too small for a stable inverse.
        """
        gram = self.gram()
        if self.num_items <= MAX_DOUBLE_ITEMS:
            gram = gram.double()
        gram.diagonal().add_(max(self.config.l2_reg, 1e-6))
        P = self._inverse(gram)
        B = P.div_(-P.diagonal().clone())
        B.fill_diagonal_(0)
        return B.float()

    def gram(self) -> Tensor:
        """Return R^T R. Shapes: (I, I) float32."""
        return self.common_users()  # exact: counts

    def _inverse(self, gram: Tensor) -> Tensor:
        inverse: Tensor
        if self.num_items <= MAX_DOUBLE_ITEMS:
            inverse = torch.linalg.inv(gram)
        else:
            factor, failed = torch.linalg.cholesky_ex(gram)
            if failed:
                raise SettingError(
                    f"l2_reg is {self.config.l2_reg:g}, too small to invert the matrix of "
                    f"{self.num_items:,} items; raise it, such as to 50"
                )
            inverse = torch.cholesky_inverse(factor)
        return inverse


MODEL = EASE
