"""LightGCN: id embeddings, smoothed over the graph.

    e^(l+1)_u = sum over i in N_u of e^(l)_i / sqrt(|N_u| |N_i|), and the same for items
    e = mean of e^(0), ..., e^(L)

Source: He et al., LightGCN: Simplifying and Powering Graph Convolution Network for
Recommendation, SIGIR 2020.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, ClassVar

import torch
from torch import Tensor

from mmgcn.data.dataset import Dataset
from mmgcn.graph import BipartiteGraph
from mmgcn.model import GraphTraining, Model, Training, table
from mmgcn.neighbourhood import Neighbourhood


@dataclass(frozen=True)
class Settings(GraphTraining):
    """Settings of LightGCN. The paper trains with BPR; sampled softmax ranks better."""

    dim: int = 64
    """Width of the embeddings."""
    num_layers: int = 2
    """Passes over the graph."""
    learning_rate: float = 5e-3
    temperature: float = 0.3
    user_balance: float = 0.5


class LightGCN(Model):
    """Linear propagation of id embeddings; it looks at no modality."""

    name: ClassVar[str] = "lightgcn"
    Settings: ClassVar[type[Training]] = Settings
    user_tables: ClassVar[tuple[str, ...] | None] = ("user",)

    def __init__(self, dataset: Dataset, settings: Any, generator: torch.Generator) -> None:
        super().__init__(dataset, settings, generator)
        train = dataset.train
        self.graph = BipartiteGraph(
            train.user_index,
            train.item_index,
            num_users=self.num_users,
            num_items=self.num_items,
            normalise="sym",
        )
        self.neighbours = settings.sampler(self.graph, generator)
        self.user = table(self.num_users, settings.dim, generator)
        self.item = table(self.num_items, settings.dim, generator)

    def forward(self) -> tuple[Tensor, Tensor]:
        """Shapes: (U, d) and (I, d)."""
        return self._propagate(Neighbourhood(self.graph))

    def rows(self, user_index: Tensor, item_index: Tensor) -> tuple[Tensor, Tensor]:
        """Shapes: (B, d) and (N, d)."""
        hops = self.settings.num_layers
        return self._propagate(
            self.neighbours.around(user_index, item_index, user_hops=hops, item_hops=hops)
        )

    def _propagate(self, hood: Neighbourhood) -> tuple[Tensor, Tensor]:
        user, item = hood.of_users(self.user), hood.of_items(self.item)
        user_sum, item_sum = user, item
        for _ in range(self.settings.num_layers):
            user, item = hood.graph.users_from_items(item), hood.graph.items_from_users(user)
            user_sum, item_sum = user_sum + user, item_sum + item
        share = 1 / (self.settings.num_layers + 1)
        return hood.wanted(user_sum * share, item_sum * share)


MODEL = LightGCN
