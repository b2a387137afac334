"""LATTICE: LightGCN with an item-item graph that is learnt from the features.

For each modality m, where knn keeps the k largest cosines of each row, in rows that sum to one:

    x_m = F_m W_m + b_m
    A_m = lambda knn(F_m) + (1 - lambda) knn(x_m)      the first frozen, the second learnt
    A   = sum over m of softmax(a)_m A_m
    h   = A E / |A E|
    u, v = mean of the layers of LightGCN of (U, E)
    score = u . (v + h), or their cosine

The k nearest items are searched once per epoch; their cosines have gradients in every step.

Shapes: F_m: (I, D_m); W_m: (D_m, d_m); a: (M,); A: (I, I), at most 2 k entries per row; E: (I, d).

The search compares all pairs of items: I^2 d_m operations per epoch and modality. For very large
catalogues use `freedom`, which searches once.

Source: Zhang et al., Mining Latent Structures for Multimedia Recommendation, ACM MM 2021.
Departures: rows are normalised to a sum of one, not by both degrees, so that a step needs only the
rows of its batch; the loss is sampled softmax over cosines, which ranks better than BPR; an item
that lacks a modality has no edges in its graph.

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
from mmgcn.graph_model import IdGraphConfig, IdGraphModel
from mmgcn.knn import nearest_items
from mmgcn.parameters import unit_features
from mmgcn.projection import feature_projections
from mmgcn.sampling import Batch


@dataclass(frozen=True)
class LATTICEConfig(IdGraphConfig):
    """Settings of LATTICE."""

    num_item_neighbours: int = positive(10)
    """k, number of neighbours of an item in each graph."""
    feature_dim: int = positive(64)
    """d_m, width of the projected features of the learnt graph."""
    frozen_weight: float = at_most(1.0, 0.7)
    """lambda, weight of the frozen graph of the original features."""


class LATTICE(IdGraphModel[LATTICEConfig]):
    """Id embeddings over the user-item graph and an item-item graph learnt from the features."""

    name: ClassVar[str] = "lattice"
    needs_features: ClassVar[bool] = True

    def create_parameters(self, dataset: Dataset, generator: torch.Generator) -> None:
        """Create U, E, a, W_m, and the neighbours of both graphs."""
        super().create_parameters(dataset, generator)
        self.importance = nn.Parameter(torch.zeros(len(dataset.features)))
        self.register_buffer("epoch", torch.zeros((), dtype=torch.int64))
        features, width = unit_features(dataset), self.config.feature_dim
        self.projections = feature_projections(dataset, features, width, generator)
        for name, rows in features.items():
            column, value = nearest_items(rows, self.config.num_item_neighbours)
            self.register_buffer(f"frozen_{name}", column, persistent=False)
            self.register_buffer(f"frozen_weight_{name}", _unit_sums(value), persistent=False)
            self.register_buffer(f"learnt_{name}", column.clone())
        self._find_neighbours()

    def forward(self) -> tuple[Tensor, Tensor]:
        """Return u and v + h. Shapes: (U, d) and (I, d)."""
        user, item = self.propagated_ids()
        return user, item + self._content(torch.arange(self.num_items, device=item.device))

    def rows(self, user_index: Tensor, item_index: Tensor) -> tuple[Tensor, Tensor]:
        """Return some rows of u and v + h. Shapes: (B, d) and (N, d)."""
        user, item = self.propagated_ids(self.neighbourhood(user_index, item_index))
        return user, item + self._content(item_index)

    def loss(self, batch: Batch, *, progress: float = 0.0) -> Tensor:
        """Return the loss of a batch; the first batch of an epoch searches the neighbours again."""
        epoch = int(progress * self.train_config.epochs)
        if epoch > int(self.get_buffer("epoch")):
            self.get_buffer("epoch").fill_(epoch)
            self._find_neighbours()
        return super().loss(batch, progress=progress)

    @torch.no_grad()
    def _find_neighbours(self) -> None:
        for name in self.projections:
            learnt = self._learnt(name)
            column, _ = nearest_items(learnt, self.config.num_item_neighbours)
            self.get_buffer(f"learnt_{name}").copy_(column)

    def _learnt(self, name: str) -> Tensor:
        """Return x_m in rows of length one, zero for items without m. Shapes: (I, d_m)."""
        projection = self.projections[name]
        known = (projection.get_buffer("features") != 0).any(dim=1, keepdim=True)
        return functional.normalize(projection()) * known

    def _content(self, index: Tensor) -> Tensor:
        """Return h of some items. Shapes: index: (N,); the result: (N, d)."""
        total = torch.zeros(len(index), self.config.dim, device=index.device)
        share = self.config.frozen_weight
        for importance, name in zip(self.importance.softmax(dim=0), self.projections, strict=True):
            frozen = self.get_buffer(f"frozen_{name}")[index]  # (N, k)
            learnt = self.get_buffer(f"learnt_{name}")[index]  # (N, k)
            x = self._learnt(name)
            own = functional.embedding(index, x)
            cosine = (functional.embedding(learnt, x) * own[:, None]).sum(dim=2)
            cosine = cosine * (learnt != index[:, None])  # empty positions contain the item itself
            weights = torch.cat(
                [
                    share * self.get_buffer(f"frozen_weight_{name}")[index],
                    (1 - share) * _unit_sums(cosine),
                ],
                dim=1,
            )  # (N, 2 k)
            neighbours = functional.embedding(torch.cat([frozen, learnt], dim=1), self.item)
            total = total + importance * (weights[:, :, None] * neighbours).sum(dim=1)
        return functional.normalize(total)


def _unit_sums(value: Tensor) -> Tensor:
    """Return positive entries scaled so that rows sum to one, or zero. Shapes: (N, k) -> (N, k)."""
    value = value.clamp(min=0)
    return value / value.sum(dim=1, keepdim=True).clamp(min=1e-12)


MODEL = LATTICE
