"""MMGCN: a graph convolution per modality over the user-item graph, fused.

For each modality m, with W trained and agg the mean or the element-wise maximum over neighbours:

    x_u^(0) = u_m                 the user's preference in m, trained
    x_i^(0) = P_m f_i             the item's feature, standardised, projected to d
    h^(l)     = LeakyReLU(W1 agg over neighbours of x^(l-1))                      aggregation
    x_hat^(l) = LeakyReLU(W2 x^(l-1)) + id                                        combination
    co:   x^(l) = LeakyReLU(W3 [h || x_hat])
    ele:  x^(l) = LeakyReLU(W3 h + x_hat)
    u* = sum over m of x_u^(L),  i* = sum over m of x_i^(L),  score = u* . i*

Source: Wei et al., MMGCN: Multi-modal Graph Convolution Network for Personalized Recommendation
of Micro-video, ACM MM 2019.

Departures, each with its reason. Features are projected to d first, since W1 acts on users and
items alike and their widths must agree. W1 is applied after the mean, which is the same, and for
the maximum before it, as written. An item without a modality takes no part in that modality's
aggregation, and the modality takes no part in the item's sum; an item without any keeps all of
them, known by its id and its neighbours alone. Trained with sampled softmax by default, which
ranks better than the paper's BPR (`--set loss=bpr`).

`--compat official` reproduces what the published code does: preferences and id embeddings are
drawn once and never trained, since no optimiser sees them; rows are L2-normalised before each of
exactly two layers, whatever num_layers says; the combination is always concatenation, since its
switch is the string 'False'; dot products and BPR with one negative; the mean over modalities in
place of the sum, which ranks alike.
Its stale ranking pass and its 1e-5 for seen items are faults of its evaluation and are not
copied: figures would not be comparable.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, ClassVar, Literal

import numpy as np
import torch
from torch import Tensor, nn
from torch.nn import functional

from mmgcn.data.dataset import Dataset
from mmgcn.graph import BipartiteGraph
from mmgcn.model import Model, Training, standardised, table


@dataclass(frozen=True)
class Settings(Training):
    """Settings of MMGCN."""

    dim: int = 64
    """Width of preferences, ids and every layer."""
    num_layers: int = 2
    aggregation: Literal["mean", "max"] = "mean"
    combination: Literal["ele", "co"] = "ele"
    item_output: Literal["combination", "aggregation"] = "combination"
    """What stands for an item after the last layer: its combination, as for users, or its
    aggregation h, another reading of the paper."""
    compat: Literal["none", "official"] = "none"
    """official: what the published code does."""
    user_balance: float = 0.5
    temperature: float = 0.3


OFFICIAL = {
    "loss": "bpr",
    "similarity": "dot",
    "combination": "co",
    "num_layers": 2,
    "batch_size": 1024,
    "learning_rate": 5e-4,
    "user_balance": 0.0,
    "patience": 20,
}


class Layer(nn.Module):
    """One layer of one modality: aggregation and combination."""

    def __init__(self, dim: int, settings: Settings, generator: torch.Generator) -> None:
        super().__init__()
        self.w1 = table(dim, dim, generator)
        self.w2 = table(dim, dim, generator)
        width = 2 * dim if settings.combination == "co" else dim
        self.w3 = table(width, dim, generator)
        self.settings = settings

    def forward(self, x: Tensor, gathered: Tensor, identity: Tensor) -> tuple[Tensor, Tensor]:
        """Return the combination and the aggregation of one side.

        Shapes:
            x, identity: (N, d); gathered: (N, d), the aggregate of the neighbours; both: (N, d).
        """
        if self.settings.aggregation == "mean":
            gathered = gathered @ self.w1
        h = functional.leaky_relu(gathered)
        x_hat = functional.leaky_relu(x @ self.w2) + identity
        if self.settings.combination == "co":
            return functional.leaky_relu(torch.cat([h, x_hat], dim=1) @ self.w3), h
        return functional.leaky_relu(h @ self.w3 + x_hat), h


class Branch(nn.Module):
    """One modality: its projection, its preferences and its layers."""

    def __init__(
        self,
        features: Tensor,
        present: Tensor,
        graph: BipartiteGraph,
        settings: Settings,
        generator: torch.Generator,
    ) -> None:
        super().__init__()
        dim = settings.dim
        self.settings, self.graph = settings, graph
        self.projection = table(features.shape[1], dim, generator)
        self.preference = table(graph.num_users, dim, generator)
        if settings.compat == "official":
            self.preference.requires_grad_(False)
        self.layers = nn.ModuleList(
            Layer(dim, settings, generator) for _ in range(settings.num_layers)
        )
        self.register_buffer("features", features, persistent=False)
        self.register_buffer("present", present.float()[:, None], persistent=False)
        # A mean over the neighbours that have the modality: the plain mean, scaled up.
        share = graph.users_from_items(self.get_buffer("present"))
        scale = torch.where(share > 0, 1 / share.clamp(min=1e-12), torch.zeros(()))
        self.register_buffer("scale", scale, persistent=False)

    def forward(self, user_id: Tensor, item_id: Tensor) -> tuple[Tensor, Tensor]:
        """Shapes: user_id: (U, d); item_id: (I, d); the result: (U, d) and (I, d)."""
        official = self.settings.compat == "official"
        present = self.get_buffer("present")
        user: Tensor = self.preference
        item = self.get_buffer("features") @ self.projection
        gathered_item = item
        for layer in self.layers:
            assert isinstance(layer, Layer)
            if official:
                user, item = functional.normalize(user), functional.normalize(item)
            to_user, to_item = self._gather(layer, user, item * present)
            user, _ = layer(user, to_user, user_id)
            item, gathered_item = layer(item, to_item, item_id)
        return user, gathered_item if self.settings.item_output == "aggregation" else item

    def _gather(self, layer: Layer, user: Tensor, item: Tensor) -> tuple[Tensor, Tensor]:
        if self.settings.aggregation == "mean":
            to_user = self.graph.users_from_items(item) * self.get_buffer("scale")
            return to_user, self.graph.items_from_users(user)
        absent = self.get_buffer("present") == 0
        message = (item @ layer.w1).masked_fill(absent, -torch.inf)
        return (
            self.graph.users_from_items_max(message),
            self.graph.items_from_users_max(user @ layer.w1),
        )


class MMGCN(Model):
    """The paper's model, with everything trained that is meant to be."""

    name: ClassVar[str] = "mmgcn"
    Settings: ClassVar[type[Training]] = Settings
    needs_features: ClassVar[bool] = True

    def __init__(self, dataset: Dataset, settings: Any, generator: torch.Generator) -> None:
        super().__init__(dataset, settings, generator)
        train = dataset.train
        graph = BipartiteGraph(
            train.user_index,
            train.item_index,
            num_users=self.num_users,
            num_items=self.num_items,
            normalise="mean",
        )
        self.user_id = table(self.num_users, settings.dim, generator)
        self.item_id = table(self.num_items, settings.dim, generator)
        if settings.compat == "official":
            self.user_id.requires_grad_(False)
            self.item_id.requires_grad_(False)
        self.branches = nn.ModuleDict(
            {
                name: Branch(
                    standardised(features, dataset.present[name]),
                    torch.from_numpy(dataset.present[name]),
                    graph,
                    settings,
                    generator,
                )
                for name, features in dataset.features.items()
            }
        )
        masks = np.stack(list(dataset.present.values()), axis=1)  # (I, M)
        masks[~masks.any(axis=1)] = True
        self.register_buffer("fusion", torch.from_numpy(masks).float(), persistent=False)

    def forward(self) -> tuple[Tensor, Tensor]:
        """Shapes: (U, d) and (I, d)."""
        users, parts = self._channels()
        return users, torch.stack(list(parts.values())).sum(dim=0)

    def item_parts(self) -> dict[str, Tensor]:
        """Return each modality's share of the item vectors."""
        return self._channels()[1]

    def _channels(self) -> tuple[Tensor, dict[str, Tensor]]:
        outputs = {
            name: branch(self.user_id, self.item_id) for name, branch in self.branches.items()
        }
        users = torch.stack([user for user, _ in outputs.values()]).sum(dim=0)
        fusion = self.get_buffer("fusion")
        parts = {
            name: item * fusion[:, place : place + 1]
            for place, (name, (_, item)) in enumerate(outputs.items())
        }
        return users, parts


MODEL = MMGCN
