"""VBPR: matrix factorisation whose items also have a part that is projected from their features.

For each modality m, with f_i standardised and of length one:

    score = b_i + p_u . q_i + sum over m of ( t_um . E_m f_im + c_m . f_im )

p, q, t, E, b and c are trained by BPR. The terms of the published score that are the same for all
items of a user (the global offset and the user's bias) change no ranking and no difference, and are
left out.

Source: He, McAuley, VBPR: Visual Bayesian Personalized Ranking from Implicit Feedback, AAAI 2016,
equation 4; here with any number of modalities.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, ClassVar, Literal

import torch
from torch import Tensor, nn
from torch.nn import functional

from mmgcn.data.dataset import Dataset
from mmgcn.model import ID, Model, Training, standardised, table


@dataclass(frozen=True)
class Settings(Training):
    """Settings of VBPR."""

    dim: int = 64
    """Width of the id vectors, and of each modality's."""
    loss: Literal["softmax", "bpr"] = "bpr"
    similarity: Literal["cosine", "dot"] = "dot"
    user_balance: float = 0.5
    learning_rate: float = 5e-3
    penalty: float = 0.01


class VBPR(Model):
    """An item is its id and its content; a user has a taste for each."""

    name: ClassVar[str] = "vbpr"
    Settings: ClassVar[type[Training]] = Settings
    user_tables: ClassVar[tuple[str, ...] | None] = ("user", "taste.*")
    needs_features: ClassVar[bool] = True

    def __init__(self, dataset: Dataset, settings: Any, generator: torch.Generator) -> None:
        super().__init__(dataset, settings, generator)
        self.user = table(self.num_users, settings.dim, generator)
        self.item = table(self.num_items, settings.dim, generator)
        self.bias = nn.Parameter(torch.zeros(self.num_items, 1))
        self.taste, self.weight, self.content_bias = (nn.ParameterDict() for _ in range(3))
        for name, values in dataset.features.items():
            rows = functional.normalize(standardised(values, dataset.present[name]))
            self.register_buffer(f"features_{name}", rows, persistent=False)
            self.taste[name] = table(self.num_users, settings.dim, generator)
            self.weight[name] = table(rows.shape[1], settings.dim, generator)
            self.content_bias[name] = nn.Parameter(torch.zeros(rows.shape[1], 1))

    def forward(self) -> tuple[Tensor, Tensor]:
        """Return [p, 1, t_1, ..., t_M] and the items beside it. Shapes: (U, D) and (I, D)."""
        ones = torch.ones_like(self.user[:, :1])
        user = torch.cat([self.user, ones, *self.taste.values()], dim=1)
        return user, torch.stack(list(self.item_parts().values())).sum(dim=0)

    def item_parts(self) -> dict[str, Tensor]:
        """Return each channel's share: its own columns, the bias among them, and zeros."""
        dim, width = self.settings.dim, self.settings.dim * (1 + len(self.weight)) + 1
        parts = {ID: functional.pad(torch.cat([self.item, self.bias], dim=1), (0, width - dim - 1))}
        for place, (name, weight) in enumerate(self.weight.items()):
            features = self.get_buffer(f"features_{name}")
            bias = functional.pad(features @ self.content_bias[name], (dim, width - dim - 1))
            before = dim + 1 + place * dim
            parts[name] = bias + functional.pad(features @ weight, (before, width - before - dim))
        return parts


MODEL = VBPR
