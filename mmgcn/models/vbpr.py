"""VBPR: matrix factorisation with an additional item part that is projected from features.

For each modality m, with f_i standardised and of length one:

    score = b_i + p_u . q_i + sum over m of ( t_um . E_m f_im + c_m . f_im )

Shapes: p: (U, d); q: (I, d); b: (I,); t_m: (U, d); E_m: (d, D_m); c_m: (D_m,), all trained.

Terms of the published score that are equal for all items of a user (global offset and user bias)
affect neither rankings nor score differences, and are left out.

Source: He, McAuley, VBPR: Visual Bayesian Personalized Ranking from Implicit Feedback, AAAI 2016,
equation 4; here with any number of modalities.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

import torch
from torch import Tensor, nn
from torch.nn import functional

from mmgcn.channels import ID
from mmgcn.config import positive
from mmgcn.data.dataset import Dataset
from mmgcn.models.mf import MF, MFConfig
from mmgcn.parameters import table, unit_features
from mmgcn.train_config import TrainConfig


@dataclass(frozen=True)
class VBPRConfig(MFConfig):
    """Settings of VBPR."""

    dim: int = positive(64)
    """Width of the id vectors, and of each modality's."""


class VBPR(MF):
    """Matrix factorisation with a projection of the features: a preference for each modality."""

    name: ClassVar[str] = "vbpr"
    config_type: ClassVar[type[MFConfig]] = VBPRConfig
    train_defaults: ClassVar[TrainConfig] = TrainConfig(
        loss="bpr", user_balance=0.5, learning_rate=5e-3, l2_reg=0.01
    )
    user_tables: ClassVar[tuple[str, ...] | None] = ("user", "preference.*")
    needs_features: ClassVar[bool] = True
    uses_features: ClassVar[bool] = True

    def create_parameters(self, dataset: Dataset, generator: torch.Generator) -> None:
        """Create the id vectors, and for each modality preferences and weights."""
        super().create_parameters(dataset, generator)
        self.bias = nn.Parameter(torch.zeros(self.num_items, 1))
        self.preference, self.weight, self.content_bias = (nn.ParameterDict() for _ in range(3))
        for name, rows in unit_features(dataset).items():
            self.register_buffer(f"features_{name}", rows, persistent=False)
            self.preference[name] = table(self.num_users, self.config.dim, generator)
            self.weight[name] = table(rows.shape[1], self.config.dim, generator)
            self.content_bias[name] = nn.Parameter(torch.zeros(rows.shape[1], 1))

    def forward(self) -> tuple[Tensor, Tensor]:
        """Return [p, 1, t_1, ..., t_M] and the items' counterpart. Shapes: (U, W) and (I, W)."""
        ones = torch.ones_like(self.user[:, :1])
        user = torch.cat([self.user, ones, *self.preference.values()], dim=1)
        return user, torch.stack(list(self.item_parts().values())).sum(dim=0)

    def item_parts(self) -> dict[str, Tensor]:
        """Return each channel's summand: its columns and its bias, zero in the other columns."""
        dim, width = self.config.dim, self.config.dim * (1 + len(self.weight)) + 1
        parts = {ID: functional.pad(torch.cat([self.item, self.bias], dim=1), (0, width - dim - 1))}
        for position, (name, weight) in enumerate(self.weight.items()):
            features = self.get_buffer(f"features_{name}")
            bias = functional.pad(features @ self.content_bias[name], (dim, width - dim - 1))
            before = dim + 1 + position * dim
            parts[name] = bias + functional.pad(features @ weight, (before, width - before - dim))
        return parts


MODEL = VBPR
