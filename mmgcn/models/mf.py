"""Matrix factorisation: a vector per user and item, trained by BPR.

    score = p_u . q_i

Shapes: p: (U, d); q: (I, d).

Source: Rendle et al., BPR: Bayesian Personalized Ranking from Implicit Feedback, UAI 2009 (BPR-MF).
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar, Literal

import torch
from torch import Tensor

from mmgcn.config import positive
from mmgcn.data.dataset import Dataset
from mmgcn.model import Model, ModelConfig
from mmgcn.parameters import id_tables
from mmgcn.train_config import TrainConfig


@dataclass(frozen=True)
class MFConfig(ModelConfig):
    """Settings of matrix factorisation."""

    dim: int = positive(64)
    """Width of the vectors."""
    similarity: Literal["cosine", "dot"] = "dot"


class MF(Model[MFConfig]):
    """Matrix factorisation: an id embedding per user and item, without features or graph."""

    name: ClassVar[str] = "mf"
    uses_features: ClassVar[bool] = False
    train_defaults: ClassVar[TrainConfig] = TrainConfig(
        loss="bpr", user_balance=0.5, learning_rate=2e-3, l2_reg=0.1
    )
    user_tables: ClassVar[tuple[str, ...] | None] = ("user",)

    def create_parameters(self, dataset: Dataset, generator: torch.Generator) -> None:
        """Create p and q."""
        super().create_parameters(dataset, generator)
        self.user, self.item = id_tables(dataset, self.config.dim, generator)

    def forward(self) -> tuple[Tensor, Tensor]:
        """Return p and q. Shapes: (U, d) and (I, d)."""
        return self.user, self.item


MODEL = MF
