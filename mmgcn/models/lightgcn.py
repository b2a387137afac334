"""LightGCN: id embeddings, propagated over the user-item graph without weights or activations.

    e^(l+1)_u = sum over i in N_u of e^(l)_i / sqrt(|N_u| |N_i|), and the same for items
    e = mean of e^(0), ..., e^(L)
    score = e_u . e_i, or their cosine

Shapes: e_u: (U, d); e_i: (I, d).

Source: He et al., LightGCN: Simplifying and Powering Graph Convolution Network for
Recommendation, SIGIR 2020. The paper trains with BPR; sampled softmax ranks better.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

import torch
from torch import Tensor

from mmgcn.config import positive
from mmgcn.data.dataset import Dataset
from mmgcn.graph import Normalise
from mmgcn.graph_model import GraphConfig, GraphModel, layer_mean
from mmgcn.neighbourhood import Neighbourhood
from mmgcn.parameters import table
from mmgcn.train_config import TrainConfig


@dataclass(frozen=True)
class LightGCNConfig(GraphConfig):
    """Settings of LightGCN."""

    dim: int = positive(64)
    """Width of the embeddings."""
    num_layers: int = 2
    """Number of propagation layers."""


class LightGCN(GraphModel[LightGCNConfig]):
    """Linear propagation of id embeddings over the user-item graph, without features."""

    name: ClassVar[str] = "lightgcn"
    uses_features: ClassVar[bool] = False
    config_type: ClassVar[type[LightGCNConfig]] = LightGCNConfig
    train_defaults: ClassVar[TrainConfig] = TrainConfig(
        learning_rate=5e-3, temperature=0.3, user_balance=0.5
    )
    user_tables: ClassVar[tuple[str, ...] | None] = ("user",)
    normalise: ClassVar[Normalise] = "sym"

    def __init__(
        self,
        dataset: Dataset,
        config: LightGCNConfig,
        train_config: TrainConfig,
        generator: torch.Generator,
    ) -> None:
        super().__init__(dataset, config, train_config, generator)
        self.user = table(self.num_users, config.dim, generator)
        self.item = table(self.num_items, config.dim, generator)

    def forward(self) -> tuple[Tensor, Tensor]:
        """Return the mean over the layers. Shapes: (U, d) and (I, d)."""
        return self._propagate(Neighbourhood(self.graph))

    def rows(self, user_index: Tensor, item_index: Tensor) -> tuple[Tensor, Tensor]:
        """Return some rows of it. Shapes: (B, d) and (N, d)."""
        hops = self.config.num_layers
        return self._propagate(
            self.neighbours.around(user_index, item_index, user_hops=hops, item_hops=hops)
        )

    def _propagate(self, hood: Neighbourhood) -> tuple[Tensor, Tensor]:
        return layer_mean(hood, self.user, self.item, num_layers=self.config.num_layers)


MODEL = LightGCN
