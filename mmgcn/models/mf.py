"""Matrix factorisation: a vector a user, a vector an item, learned by BPR.

    score = p_u . q_i

Source: Rendle et al., BPR: Bayesian Personalized Ranking from Implicit Feedback, UAI 2009 (BPR-MF).
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, ClassVar, Literal

import torch
from torch import Tensor

from mmgcn.data.dataset import Dataset
from mmgcn.model import Model, Training, table


@dataclass(frozen=True)
class Settings(Training):
    """Settings of matrix factorisation."""

    dim: int = 64
    """Width of the vectors."""
    loss: Literal["softmax", "bpr"] = "bpr"
    similarity: Literal["cosine", "dot"] = "dot"
    user_balance: float = 0.5
    learning_rate: float = 2e-3
    penalty: float = 0.1


class MF(Model):
    """Two tables. It looks at no modality and no neighbour."""

    name: ClassVar[str] = "mf"
    Settings: ClassVar[type[Training]] = Settings
    user_tables: ClassVar[tuple[str, ...] | None] = ("user",)

    def __init__(self, dataset: Dataset, settings: Any, generator: torch.Generator) -> None:
        super().__init__(dataset, settings, generator)
        self.user = table(self.num_users, settings.dim, generator)
        self.item = table(self.num_items, settings.dim, generator)

    def forward(self) -> tuple[Tensor, Tensor]:
        """Shapes: (U, d) and (I, d)."""
        return self.user, self.item


MODEL = MF
