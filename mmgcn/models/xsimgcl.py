"""XSimGCL: LightGCN whose layers are perturbed by noise and contrasted with each other.

    d^(l)   = eps * sign(A e^(l-1)) * n / |n|,  n uniform in [0, 1)^d, drawn in every step
    e^(l)   = A e^(l-1) + d^(l)
    e       = mean of e^(1), ..., e^(L);  c = e^(C)
    L_cl    = mean over the batch's users, and over its items, of
              -log( exp(cos(e_v, c_v) / tau) / sum over w of exp(cos(e_v, c_w) / tau) )
    loss    = L_rec + lambda (L_cl of users + L_cl of items)
    score   = e_u . e_i, or their cosine, without noise

A is the user-item graph with weights 1 / sqrt(|N_u| |N_i|); v and w are nodes of the batch. As in
the paper, the mean does not include the layer e^(0).

Shapes: e_u: (U, d); e_i: (I, d); n, d^(l): a row for each node.

Source: Yu et al., XSimGCL: Towards Extremely Simple Graph Contrastive Learning for Recommendation,
TKDE 2023. The paper's L_rec is BPR over inner products; sampled softmax over cosines ranks better.
SimGCL (Yu et al., SIGIR 2022) contrasts two further passes with noise. On the validation part of
the TikTok data of MMSSL it reaches a recall@20 of 0.098 and an NDCG@20 of 0.042 (one seed). The
paper uses other data sets.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

import torch
from torch import Tensor
from torch.nn import functional

from mmgcn import losses
from mmgcn.config import positive
from mmgcn.graph_model import IdGraphConfig, IdGraphModel
from mmgcn.neighbourhood import Neighbourhood
from mmgcn.sampling import Batch


@dataclass(frozen=True)
class XSimGCLConfig(IdGraphConfig):
    """Settings of XSimGCL."""

    num_layers: int = positive(2)
    """L, number of propagation layers."""
    contrast_layer: int = positive(1, at_most="num_layers")
    """C, layer that is contrasted with the mean of all layers."""
    noise: float = 0.2
    """eps, length of the noise that is added to each layer."""
    contrast_weight: float = 0.2
    """lambda, weight of the contrastive loss."""
    contrast_temperature: float = positive(0.2)
    """tau, temperature of the contrastive loss."""


class XSimGCL(IdGraphModel[XSimGCLConfig]):
    """Linear propagation of id embeddings with noise, and a contrastive loss between its layers."""

    name: ClassVar[str] = "xsimgcl"
    uses_features: ClassVar[bool] = False

    def forward(self) -> tuple[Tensor, Tensor]:
        """Return the mean over the layers, without noise. Shapes: (U, d) and (I, d)."""
        return self._propagate(Neighbourhood(self.graph), noise=0.0)[0]

    def loss(self, batch: Batch, *, progress: float = 0.0) -> Tensor:
        """Return the loss of a batch, with two views from one pass. Shapes: ()."""
        del progress
        config = self.config
        items = torch.cat([batch.item_index, batch.negative_index])
        subgraph = self.neighbourhood(batch.user_index, items)
        (user, item), (user_layer, item_layer) = self._propagate(subgraph, noise=config.noise)
        value = self.recommendation_loss(batch, user, item)
        if config.contrast_weight:
            size = len(batch.item_index)
            contrast = self._contrast(user, user_layer, batch.user_index) + self._contrast(
                item[:size], item_layer[:size], batch.item_index
            )
            value = value + config.contrast_weight * contrast
        return value

    def _contrast(self, view: Tensor, other: Tensor, index: Tensor) -> Tensor:
        """Return the contrastive loss of two views of some nodes; a node counts once.

        Shapes:
            view, other: (B, d); index: (B,), the node of each row; the result: ().
        """
        rows = losses.first_rows(index)
        return losses.info_nce(
            functional.embedding(rows, view),
            functional.embedding(rows, other),
            temperature=self.config.contrast_temperature,
        )

    def _propagate(
        self, subgraph: Neighbourhood, *, noise: float
    ) -> tuple[tuple[Tensor, Tensor], tuple[Tensor, Tensor]]:
        """Return the mean of the layers, and the contrasted layer, of the batch's rows."""
        user, item = subgraph.of_users(self.user), subgraph.of_items(self.item)
        graph, layers = subgraph.graph, []
        for _ in range(self.config.num_layers):
            user, item = graph.users_from_items(item), graph.items_from_users(user)
            if noise:
                user, item = self._perturbed(user, noise), self._perturbed(item, noise)
            layers.append((user, item))
        users, items = zip(*layers, strict=True)
        mean = torch.stack(users).mean(dim=0), torch.stack(items).mean(dim=0)
        contrasted = layers[self.config.contrast_layer - 1]
        return subgraph.batch_rows(*mean), subgraph.batch_rows(*contrasted)

    def _perturbed(self, x: Tensor, noise: float) -> Tensor:
        """Return rows plus a vector of length `noise` in their orthant. Shapes: (N, d)."""
        drawn = torch.rand(x.shape, generator=self.generator).to(x)
        return x + noise * torch.sign(x.detach()) * functional.normalize(drawn)


MODEL = XSimGCL
