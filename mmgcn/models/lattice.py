"""LATTICE: an item-item graph that is learnt from the features, beside LightGCN.

For each modality m, knn keeps the k largest cosines of each row, with rows that sum to one:

    x_m = F_m W_m + b_m
    A_m = lambda knn(F_m) + (1 - lambda) knn(x_m)      the first frozen, the second learnt
    A   = sum over m of softmax(a)_m A_m
    h   = A E / |A E|
    u, v = mean of the layers of LightGCN of (U, E)
    score = u . (v + h), or their cosine

Which items are the k nearest is found again in each epoch; their cosines have gradients in every
step.

Shapes: F_m: (I, D_m); W_m: (D_m, d_m); a: (M,); A: (I, I), at most 2 k entries a row; E: (I, d).

Finding neighbours compares all pairs of items: I^2 d_m operations in each epoch and modality. For
very large catalogues use `freedom`, which does so once.

Source: Zhang et al., Mining Latent Structures for Multimedia Recommendation, ACM MM 2021.
Departures: rows are normalised to a sum of one, not by both degrees, so that a
step needs the rows of its batch alone; sampled softmax over cosines instead of BPR ranks better;
an item that lacks a modality has no edges in its graph, and its zeros.

On the validation part of the TikTok data of MMSSL it reaches a recall@20 of 0.085 and an NDCG@20 of
0.037 (one seed, two of the three modalities). Reproductions report 0.0843 and 0.0367 on the test
part with three (MMSSL, WWW 2023).
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

import torch
from torch import Tensor, nn
from torch.nn import functional

from mmgcn.config import at_most, positive
from mmgcn.data.dataset import Dataset
from mmgcn.graph import Normalise
from mmgcn.graph_model import GraphConfig, GraphModel, layer_mean
from mmgcn.knn import nearest_items
from mmgcn.neighbourhood import Neighbourhood
from mmgcn.parameters import standardised, table
from mmgcn.sampling import Batch
from mmgcn.train_config import TrainConfig


@dataclass(frozen=True)
class LATTICEConfig(GraphConfig):
    """Settings of LATTICE."""

    dim: int = positive(64)
    """Width of the embeddings."""
    num_layers: int = positive(2)
    """Number of propagation layers over the user-item graph."""
    num_item_neighbours: int = positive(10)
    """k, number of neighbours of an item in each graph."""
    feature_dim: int = positive(64)
    """d_m, width of the features in which the learnt graph is found."""
    frozen_weight: float = at_most(1.0, 0.7)
    """lambda, weight of the graph of the features as they are."""


class LATTICE(GraphModel[LATTICEConfig]):
    """Ids over the user-item graph and over an item-item graph learnt from the features."""

    name: ClassVar[str] = "lattice"
    config_type: ClassVar[type[LATTICEConfig]] = LATTICEConfig
    train_defaults: ClassVar[TrainConfig] = TrainConfig(
        learning_rate=5e-3, temperature=0.3, user_balance=0.5
    )
    needs_features: ClassVar[bool] = True
    normalise: ClassVar[Normalise] = "sym"

    def __init__(
        self,
        dataset: Dataset,
        config: LATTICEConfig,
        train_config: TrainConfig,
        generator: torch.Generator,
    ) -> None:
        super().__init__(dataset, config, train_config, generator)
        self.user = table(self.num_users, config.dim, generator)
        self.item = table(self.num_items, config.dim, generator)
        self.importance = nn.Parameter(torch.zeros(len(dataset.features)))
        self.weight, self.bias = nn.ParameterDict(), nn.ParameterDict()
        self.register_buffer("epoch", torch.zeros((), dtype=torch.int64))
        for name, values in dataset.features.items():
            rows = functional.normalize(standardised(values, dataset.present[name]))
            self.register_buffer(f"features_{name}", rows, persistent=False)
            self.weight[name] = table(rows.shape[1], config.feature_dim, generator)
            self.bias[name] = nn.Parameter(torch.zeros(config.feature_dim))
            column, value = nearest_items(rows, config.num_item_neighbours)
            self.register_buffer(f"frozen_{name}", column, persistent=False)
            self.register_buffer(f"frozen_weight_{name}", _rows_of_one(value), persistent=False)
            self.register_buffer(f"learnt_{name}", column.clone())
        self._find_neighbours()

    def forward(self) -> tuple[Tensor, Tensor]:
        """Return u and v + h. Shapes: (U, d) and (I, d)."""
        user, item = layer_mean(
            Neighbourhood(self.graph), self.user, self.item, num_layers=self.config.num_layers
        )
        return user, item + self._content(torch.arange(self.num_items, device=item.device))

    def rows(self, user_index: Tensor, item_index: Tensor) -> tuple[Tensor, Tensor]:
        """Return some rows of it. Shapes: (B, d) and (N, d)."""
        hops = self.config.num_layers
        hood = self.neighbours.around(user_index, item_index, user_hops=hops, item_hops=hops)
        user, item = layer_mean(hood, self.user, self.item, num_layers=hops)
        return user, item + self._content(item_index)

    def loss(self, batch: Batch, *, progress: float = 0.0) -> Tensor:
        """Return the loss of a batch; the first one of an epoch finds the neighbours again."""
        epoch = int(progress * self.train_config.epochs)
        if epoch > int(self.get_buffer("epoch")):
            self.get_buffer("epoch").fill_(epoch)
            self._find_neighbours()
        return super().loss(batch, progress=progress)

    @torch.no_grad()
    def _find_neighbours(self) -> None:
        for name in self.weight:
            learnt = self._learnt(name)
            column, _ = nearest_items(learnt, self.config.num_item_neighbours)
            self.get_buffer(f"learnt_{name}").copy_(column)

    def _learnt(self, name: str) -> Tensor:
        """Return x_m, rows of length one, zero where an item lacks it. Shapes: (I, d_m)."""
        features = self.get_buffer(f"features_{name}")
        x = functional.normalize(features @ self.weight[name] + self.bias[name])
        return x * (features != 0).any(dim=1, keepdim=True)

    def _content(self, index: Tensor) -> Tensor:
        """Return h of some items. Shapes: index: (N,); the result: (N, d)."""
        total = torch.zeros(len(index), self.config.dim, device=index.device)
        share = self.config.frozen_weight
        for importance, name in zip(self.importance.softmax(dim=0), self.weight, strict=True):
            frozen = self.get_buffer(f"frozen_{name}")[index]  # (N, k)
            learnt = self.get_buffer(f"learnt_{name}")[index]  # (N, k)
            x = self._learnt(name)
            own = functional.embedding(index, x)
            cosine = (functional.embedding(learnt, x) * own[:, None]).sum(dim=2)
            cosine = cosine * (learnt != index[:, None])  # empty positions contain the item itself
            weights = torch.cat(
                [
                    share * self.get_buffer(f"frozen_weight_{name}")[index],
                    (1 - share) * _rows_of_one(cosine),
                ],
                dim=1,
            )  # (N, 2 k)
            near = functional.embedding(torch.cat([frozen, learnt], dim=1), self.item)
            total = total + importance * (weights[:, :, None] * near).sum(dim=1)
        return functional.normalize(total)


def _rows_of_one(value: Tensor) -> Tensor:
    """Return positive entries whose rows sum to one, or to zero. Shapes: (N, k) -> (N, k)."""
    value = value.clamp(min=0)
    return value / value.sum(dim=1, keepdim=True).clamp(min=1e-12)


MODEL = LATTICE
