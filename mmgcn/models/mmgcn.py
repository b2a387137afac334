"""MMGCN: a graph convolution for each modality over the user-item graph, fused by their sum.

For each modality m, with W trained and agg the mean or the element-wise maximum over neighbours:

    x_u^(0) = u_m                 a user's preference in m, trained
    x_i^(0) = P_m f_i             an item's feature, standardised, of length one, projected to d
    h^(l)     = LeakyReLU(agg over neighbours of W1 x^(l-1))                      aggregation
    x_hat^(l) = LeakyReLU(W2 x^(l-1)) + id                                        combination
    co:   x^(l) = LeakyReLU(W3 [h || x_hat])
    ele:  x^(l) = LeakyReLU(W3 h + x_hat)
    u* = sum over m of x_u^(L),  i* = sum over m of x_i^(L),  score = u* . i*, or their cosine

Shapes: u_m, id of users: (U, d); f: (I, D_m); id of items: (I, d); P_m: (d, D_m); W1, W2: (d, d);
W3: (d, d) for ele, (d, 2d) for co.

Source: Wei et al., MMGCN: Multi-modal Graph Convolution Network for Personalized Recommendation
of Micro-video, ACM MM 2019. Departures from the paper and their reasons: docs/paper.md.
`mmgcn_official` follows the published code.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, replace
from typing import ClassVar, Literal

import numpy as np
import torch
from torch import Tensor, nn
from torch.nn import functional

from mmgcn.config import SettingError, positive
from mmgcn.data.dataset import Dataset
from mmgcn.graph import BipartiteGraph
from mmgcn.graph_model import GraphConfig, GraphModel
from mmgcn.neighbourhood import Neighbourhood
from mmgcn.parameters import id_tables, table, unit_features
from mmgcn.train_config import TrainConfig

Pair = tuple[Tensor, Tensor]  # users and items


@dataclass(frozen=True)
class MMGCNConfig(GraphConfig):
    """Settings of MMGCN."""

    dim: int = positive(64)
    """Width of preferences, ids and every layer."""
    num_layers: int = 2
    """Number of graph convolutions of each modality."""
    aggregation: Literal["mean", "max"] = "mean"
    """Aggregation of neighbours: their mean, or the element-wise maximum."""
    combination: Literal["ele", "co"] = "ele"
    """Combination of the aggregation with the node's own vector: sum (ele) or concatenation
    (co)."""
    item_output: Literal["combination", "aggregation"] = "combination"
    """Output of an item's last layer: its combination, as for users, or its aggregation h, another
    reading of the paper."""
    slope: float = 0.5
    """Negative slope of LeakyReLU."""

    def __post_init__(self) -> None:
        super().__post_init__()
        if self.num_layers < 1:
            raise SettingError(f"num_layers is {self.num_layers}; it must be at least 1")
        if self.slope == 0:  # the backward of an in-place activation needs the sign of its result
            raise SettingError("slope is 0; it must be positive, such as 0.01")


class Layer(nn.Module):
    """One layer of one modality. Activations are computed in place, on the layer's own products."""

    def __init__(self, config: MMGCNConfig) -> None:
        super().__init__()
        identity = torch.eye(config.dim)
        self.w1, self.w2 = nn.Parameter(identity.clone()), nn.Parameter(identity.clone())
        self.w3 = nn.Parameter(
            torch.cat([identity, identity]) / 2 if config.combination == "co" else identity
        )
        self.config = config

    def combine(self, x: Tensor, aggregated: Tensor, identity: Tensor) -> tuple[Tensor, Tensor]:
        """Return x^(l) and h^(l) of users or of items.

        Shapes:
            x, aggregated, identity, both results: (N, d).
        """
        if self.config.aggregation == "mean":
            aggregated = aggregated @ self.w1  # after the mean: equal, and fewer rows
        h = self._activate(aggregated)
        x_hat = self._activate(x @ self.w2) + identity
        if self.config.combination == "co":
            return self._activate(torch.cat([h, x_hat], dim=1) @ self.w3), h
        return self._activate(torch.addmm(x_hat, h, self.w3)), h

    def _activate(self, x: Tensor) -> Tensor:
        return functional.leaky_relu_(x, self.config.slope)


class Branch(nn.Module):
    """One modality: its projection, its preferences and its layers."""

    present: Tensor | None
    rescaling: Tensor | None

    def __init__(
        self,
        features: Tensor,
        present: np.ndarray,
        graph: BipartiteGraph,
        config: MMGCNConfig,
        generator: torch.Generator,
    ) -> None:
        super().__init__()
        self.config = config
        self.projection = table(features.shape[1], config.dim, generator)
        self.preference = table(graph.num_users, config.dim, generator)
        self.layers = nn.ModuleList(Layer(config) for _ in range(config.num_layers))
        self.register_buffer("features", features, persistent=False)
        # Items aggregate all their users; users aggregate only items that have the modality.
        mask = rescaling = None
        if not present.all():
            mask = torch.from_numpy(present)[:, None].to(features)
            fraction = graph.users_from_items(mask)  # share of a user's items with the modality
            rescaling = torch.where(fraction > 0, 1 / fraction, 0.0)
        self.register_buffer("present", mask, persistent=False)
        self.register_buffer("rescaling", rescaling, persistent=False)

    def forward(self, ids: Pair, subgraph: Neighbourhood) -> Pair:
        """Return x^(L) of the batch's users and items, or of all.

        Shapes:
            ids: (U', d) and (I', d); the result: (B, d) and (N, d), or (U, d) and (I, d).
        """
        item = subgraph.of_items(self.get_buffer("features")) @ self.projection
        x: Pair = subgraph.of_users(self.preference), item
        h = x
        for number, layer in enumerate(self.layers, start=1):
            assert isinstance(layer, Layer)
            aggregated = self._aggregate(layer, x, subgraph)
            if number == len(self.layers):
                ids, aggregated, x = (subgraph.batch_rows(*pair) for pair in (ids, aggregated, x))
            users, items = (layer.combine(*side) for side in zip(x, aggregated, ids, strict=True))
            x, h = (users[0], items[0]), (users[1], items[1])
        return x[0], (h if self.config.item_output == "aggregation" else x)[1]

    def _aggregate(self, layer: Layer, x: Pair, subgraph: Neighbourhood) -> Pair:
        """Return the aggregation of each node's neighbours. Shapes: (U', d) and (I', d)."""
        (user, item), graph = x, subgraph.graph
        if self.config.aggregation == "max":
            user, item = user @ layer.w1, item @ layer.w1
            if self.present is not None:
                item = item.masked_fill(subgraph.of_items(self.present) == 0, -torch.inf)
            return graph.users_from_items_max(item), graph.items_from_users_max(user)
        if self.present is None or self.rescaling is None:
            return graph.users_from_items(item), graph.items_from_users(user)
        # The mean over the items with the modality, computed from the mean over all items.
        to_users = graph.users_from_items(item * subgraph.of_items(self.present))
        return to_users * subgraph.of_users(self.rescaling), graph.items_from_users(user)


class MMGCN(GraphModel[MMGCNConfig]):
    """The paper's model: a graph convolution per modality, all parameters trained."""

    name: ClassVar[str] = "mmgcn"
    train_defaults: ClassVar[TrainConfig] = replace(
        GraphModel.train_defaults, schedule="cosine", negatives="watched", epochs=20
    )
    user_tables: ClassVar[tuple[str, ...] | None] = (
        "user_id",
        "branches.*.preference",
        "branches.*.rescaling",
    )
    needs_features: ClassVar[bool] = True

    fusion: Tensor | None

    def create_parameters(self, dataset: Dataset, generator: torch.Generator) -> None:
        """Create the ids and a branch for each modality."""
        super().create_parameters(dataset, generator)
        self.user_id, self.item_id = id_tables(dataset, self.config.dim, generator)
        self.branches = nn.ModuleDict(
            {
                name: Branch(rows, dataset.present[name], self.graph, self.config, generator)
                for name, rows in unit_features(dataset).items()
            }
        )
        present = np.stack(list(dataset.present.values()), axis=1)  # (I, M)
        present[~present.any(axis=1)] = True
        fusion = None if present.all() else torch.from_numpy(present).float()
        self.register_buffer("fusion", fusion, persistent=False)

    def forward(self) -> Pair:
        """Return u* and i*. Shapes: (U, d) and (I, d)."""
        return self._fused(Neighbourhood(self.graph))

    def rows(self, user_index: Tensor, item_index: Tensor) -> Pair:
        """Return some rows of u* and i*; the last layer is computed only for these.

        Shapes:
            the result: (B, d) and (N, d).
        """
        users, user_row = torch.unique(user_index, return_inverse=True)
        items, item_row = torch.unique(item_index, return_inverse=True)
        hops = self.config.num_layers
        subgraph = self.neighbours.sample(users, items, user_hops=hops, item_hops=hops)
        user, item = self._fused(subgraph, items)
        return functional.embedding(user_row, user), functional.embedding(item_row, item)

    def item_parts(self) -> dict[str, Tensor]:
        """Return each modality's summand of the item vectors."""
        return self._channels(Neighbourhood(self.graph), None)[1]

    def _fused(self, subgraph: Neighbourhood, item_index: Tensor | None = None) -> Pair:
        user, parts = self._channels(subgraph, item_index)
        return user, _sum(parts.values())

    def _channels(
        self, subgraph: Neighbourhood, item_index: Tensor | None
    ) -> tuple[Tensor, dict[str, Tensor]]:
        """Return the vectors of the users, and those of the items by channel.

        Shapes:
            item_index: (N,), items of the batch; None for all.
        """
        ids = subgraph.of_users(self.user_id), subgraph.of_items(self.item_id)
        outputs = {name: branch(ids, subgraph) for name, branch in self.branches.items()}
        parts = {name: item for name, (_, item) in outputs.items()}
        if self.fusion is not None:
            fusion = self.fusion if item_index is None else self.fusion[item_index]
            parts = {
                name: item * fusion[:, column : column + 1]
                for column, (name, item) in enumerate(parts.items())
            }
        return _sum(user for user, _ in outputs.values()), parts


def _sum(tensors: Iterable[Tensor]) -> Tensor:
    first, *others = tensors
    for other in others:
        first = first + other
    return first


MODEL = MMGCN
