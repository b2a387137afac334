"""MMGCN: a graph convolution per modality over the user-item graph, fused.

For each modality m, with W trained and agg the mean or the element-wise maximum over neighbours:

    x_u^(0) = u_m                 the user's preference in m, trained
    x_i^(0) = P_m f_i             the item's feature, standardised, of length one, projected to d
    h^(l)     = LeakyReLU(agg over neighbours of W1 x^(l-1))                      aggregation
    x_hat^(l) = LeakyReLU(W2 x^(l-1)) + id                                        combination
    co:   x^(l) = LeakyReLU(W3 [h || x_hat])
    ele:  x^(l) = LeakyReLU(W3 h + x_hat)
    u* = sum over m of x_u^(L),  i* = sum over m of x_i^(L),  score = u* . i*

Source: Wei et al., MMGCN: Multi-modal Graph Convolution Network for Personalized Recommendation
of Micro-video, ACM MM 2019.

Departures, each with its reason. Features are projected to d first, since W1 acts on users and
items alike and their widths must agree. An item without a modality is no neighbour of its users in
that modality, and the modality takes no part in the item's sum; an item without any keeps all of
them, known by its id and its viewers alone. Trained with sampled softmax over cosines by default,
which ranks better than the paper's BPR over inner products (`--set loss=bpr --set similarity=dot`).
Two things that the paper leaves open are set by what ranks best: LeakyReLU lets half of what is
negative through, and every W starts as the identity, so that a layer starts as the mean of the
neighbours beside the node itself.

A step computes the last layer, where most of the arithmetic of a step would go, only for the users
and items of its batch. What the published code does is `mmgcn_official`.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any, ClassVar, Literal

import numpy as np
import torch
from torch import Tensor, nn
from torch.nn import functional

from mmgcn.data.dataset import Dataset
from mmgcn.graph import BipartiteGraph
from mmgcn.model import GraphTraining, Model, SettingError, Training, standardised, table
from mmgcn.neighbourhood import Neighbourhood

Pair = tuple[Tensor, Tensor]  # of users and of items


@dataclass(frozen=True)
class Settings(GraphTraining):
    """Settings of MMGCN."""

    dim: int = 64
    """Width of preferences, ids and every layer."""
    num_layers: int = 2
    """Graph convolutions of each modality, one after the other."""
    aggregation: Literal["mean", "max"] = "mean"
    """What a node hears: the mean of its neighbours, or the largest of each component."""
    combination: Literal["ele", "co"] = "ele"
    """How that is combined with the node's own: as a sum, or side by side in a vector."""
    item_output: Literal["combination", "aggregation"] = "combination"
    """What stands for an item after the last layer: its combination, as for users, or its
    aggregation h, another reading of the paper."""
    slope: float = 0.5
    """What LeakyReLU multiplies negative values by."""
    learning_rate: float = 5e-3
    schedule: Literal["constant", "cosine"] = "cosine"
    user_balance: float = 0.5
    negatives: Literal["all", "watched"] = "watched"
    temperature: float = 0.3
    epochs: int = 20

    def __post_init__(self) -> None:
        super().__post_init__()
        if self.num_layers < 1:
            raise SettingError(f"num_layers is {self.num_layers}; it must be at least 1")
        if self.slope == 0:  # in place, the activation is known by the sign of its result
            raise SettingError("slope is 0; it must be positive, such as 0.01")


class Layer(nn.Module):
    """One layer of one modality. Activations work in place, on products that nobody else reads."""

    def __init__(self, settings: Settings) -> None:
        super().__init__()
        same = torch.eye(settings.dim)
        self.w1, self.w2 = nn.Parameter(same.clone()), nn.Parameter(same.clone())
        self.w3 = nn.Parameter(
            torch.cat([same, same]) / 2 if settings.combination == "co" else same
        )
        self.settings = settings

    def combine(self, x: Tensor, heard: Tensor, identity: Tensor) -> tuple[Tensor, Tensor]:
        """Return x^(l) and h^(l) of one side.

        Shapes:
            x, heard, identity, both results: (N, d).
        """
        if self.settings.aggregation == "mean":
            heard = heard @ self.w1  # after the mean: the same, for fewer rows
        h = self._activate(heard)
        x_hat = self._activate(x @ self.w2) + identity
        if self.settings.combination == "co":
            return self._activate(torch.cat([h, x_hat], dim=1) @ self.w3), h
        return self._activate(torch.addmm(x_hat, h, self.w3)), h

    def _activate(self, x: Tensor) -> Tensor:
        return functional.leaky_relu_(x, self.settings.slope)


class Branch(nn.Module):
    """One modality: its projection, its preferences and its layers."""

    present: Tensor | None
    more: Tensor | None

    def __init__(
        self,
        features: Tensor,
        present: np.ndarray,
        graph: BipartiteGraph,
        settings: Settings,
        generator: torch.Generator,
    ) -> None:
        super().__init__()
        self.settings = settings
        self.projection = table(features.shape[1], settings.dim, generator)
        self.preference = table(graph.num_users, settings.dim, generator)
        self.layers = nn.ModuleList(Layer(settings) for _ in range(settings.num_layers))
        self.register_buffer("features", features, persistent=False)
        # Items hear all their users; users hear only the items that have the modality.
        there = more = None
        if not present.all():
            there = torch.from_numpy(present)[:, None].to(features)
            share = graph.users_from_items(there)  # of a user's items that have the modality
            more = torch.where(share > 0, 1 / share, 0.0)
        self.register_buffer("present", there, persistent=False)
        self.register_buffer("more", more, persistent=False)

    def forward(self, ids: Pair, hood: Neighbourhood) -> Pair:
        """Return x^(L) of some users and items, or of all.

        Shapes:
            ids: (U', d) and (I', d); the result: (B, d) and (N, d), or (U, d) and (I, d).
        """
        item = hood.of_items(self.get_buffer("features")) @ self.projection
        x: Pair = hood.of_users(self.preference), item
        h = x
        for number, layer in enumerate(self.layers, start=1):
            assert isinstance(layer, Layer)
            heard = self._aggregate(layer, x, hood)
            if number == len(self.layers):
                ids, heard, x = hood.wanted(*ids), hood.wanted(*heard), hood.wanted(*x)
            made_user, made_item = (
                layer.combine(*side) for side in zip(x, heard, ids, strict=True)
            )
            x, h = (made_user[0], made_item[0]), (made_user[1], made_item[1])
        return x[0], (h if self.settings.item_output == "aggregation" else x)[1]

    def _aggregate(self, layer: Layer, x: Pair, hood: Neighbourhood) -> Pair:
        """Return what each node hears from its neighbours. Shapes: (U', d) and (I', d)."""
        user, item = x
        if self.settings.aggregation == "max":
            user, item = user @ layer.w1, item @ layer.w1
            if self.present is not None:
                item = item.masked_fill(hood.of_items(self.present) == 0, -torch.inf)
            return hood.graph.users_from_items_max(item), hood.graph.items_from_users_max(user)
        if self.present is None or self.more is None:
            return hood.graph.users_from_items(item), hood.graph.items_from_users(user)
        # The mean over those that have the modality, from the mean over all.
        to_users = hood.graph.users_from_items(item * hood.of_items(self.present))
        return to_users * hood.of_users(self.more), hood.graph.items_from_users(user)


class MMGCN(Model):
    """The paper's model, with everything trained that is meant to be."""

    name: ClassVar[str] = "mmgcn"
    Settings: ClassVar[type[Training]] = Settings
    user_tables: ClassVar[tuple[str, ...] | None] = (
        "user_id",
        "branches.*.preference",
        "branches.*.more",
    )
    needs_features: ClassVar[bool] = True
    fusion: Tensor | None

    def __init__(self, dataset: Dataset, settings: Any, generator: torch.Generator) -> None:
        super().__init__(dataset, settings, generator)
        train = dataset.train
        self.graph = BipartiteGraph(
            train.user_index,
            train.item_index,
            num_users=self.num_users,
            num_items=self.num_items,
            normalise="mean",
        )
        self.neighbours = settings.sampler(self.graph, generator)
        self.user_id = table(self.num_users, settings.dim, generator)
        self.item_id = table(self.num_items, settings.dim, generator)
        self.branches = nn.ModuleDict(
            {
                name: Branch(
                    functional.normalize(standardised(features, dataset.present[name])),
                    dataset.present[name],
                    self.graph,
                    settings,
                    generator,
                )
                for name, features in dataset.features.items()
            }
        )
        present = np.stack(list(dataset.present.values()), axis=1)  # (I, M)
        present[~present.any(axis=1)] = True
        fusion = None if present.all() else torch.from_numpy(present).float()
        self.register_buffer("fusion", fusion, persistent=False)

    def forward(self) -> Pair:
        """Return the vectors of all users and items. Shapes: (U, d) and (I, d)."""
        return self._fused(Neighbourhood(self.graph))

    def rows(self, user_index: Tensor, item_index: Tensor) -> Pair:
        """Shapes: (B, d) and (N, d)."""
        users, of_user = torch.unique(user_index, return_inverse=True)
        items, of_item = torch.unique(item_index, return_inverse=True)
        hops = self.settings.num_layers
        hood = self.neighbours.around(users, items, user_hops=hops, item_hops=hops)
        user, item = self._fused(hood, items)
        return functional.embedding(of_user, user), functional.embedding(of_item, item)

    def item_parts(self) -> dict[str, Tensor]:
        """Return each modality's share of the item vectors."""
        return self._channels(Neighbourhood(self.graph), None)[1]

    def _fused(self, hood: Neighbourhood, item_index: Tensor | None = None) -> Pair:
        user, parts = self._channels(hood, item_index)
        return user, _sum(parts.values())

    def _channels(
        self, hood: Neighbourhood, item_index: Tensor | None
    ) -> tuple[Tensor, dict[str, Tensor]]:
        """Return the users that are wanted, and the items by channel.

        Shapes:
            item_index: (N,), which items are wanted; None where all are.
        """
        ids = hood.of_users(self.user_id), hood.of_items(self.item_id)
        outputs = {name: branch(ids, hood) for name, branch in self.branches.items()}
        parts = {name: item for name, (_, item) in outputs.items()}
        if self.fusion is not None:
            fusion = self.fusion if item_index is None else self.fusion[item_index]
            parts = {
                name: item * fusion[:, place : place + 1]
                for place, (name, item) in enumerate(parts.items())
            }
        return _sum(user for user, _ in outputs.values()), parts


def _sum(tensors: Iterable[Tensor]) -> Tensor:
    first, *others = tensors
    for other in others:
        first = first + other
    return first


MODEL = MMGCN
