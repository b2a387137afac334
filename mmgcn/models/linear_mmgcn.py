"""Linear MMGCN: MMGCN's channels, propagated without weights or activations, as an ensemble.

A channel for each modality m and one for ids. F_m are the standardised features, each row of
length one, zero where an item lacks the modality; E are id vectors; E and W_m are trained:

    X_m = F_m W_m,  X_id = w E                       an item, by channel                  (I, d)
    Y_c = X_c + s K X_c                              plus its content neighbours          (I, d)
    U_c = A Y_c                                      a user's preference, by channel      (U, d)
    Z_c = Y_c + g B U_c                              plus its viewers' preferences        (I, d)
    u = sum over c of U_c,  i = sum over c of Z_c
    score = mean over the ensemble of cosine(u, i)

Shapes: F_m: (I, D_m); E: (I, d); W_m: (D_m, d); w: (I, 1), 0 for items without a training
interaction and 1 for the others; A: (U, I), the mean over a user's items; B: (I, U), the mean over
an item's users; K: (I, I), from each item to the `num_item_neighbours` items of nearest features,
rows summing to one.

Everything is linear, so the channels are summed first and propagated once, which is exact:
S(a) + S(b) = S(a + b). The channels' own summands are computed when a run is written.

Each member of the ensemble has its own parameters. Members are trained one after the other, each
for an equal share of the epochs and with its own learning-rate cycle. A run contains those whose
training has started. docs/models.md has the reasons and the sources.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any, ClassVar

import numpy as np
import torch
from torch import Tensor, nn
from torch.nn import functional

from mmgcn import losses
from mmgcn.channels import ID
from mmgcn.config import at_most, less_than, positive
from mmgcn.data.dataset import Dataset
from mmgcn.graph_model import GraphConfig, GraphModel
from mmgcn.knn import is_exact, knn_graph
from mmgcn.neighbourhood import Neighbourhood
from mmgcn.parameters import table, unit_features
from mmgcn.sampling import Batch
from mmgcn.train_config import TrainConfig

SHORT_HISTORY = 3  # interactions


@dataclass(frozen=True)
class LinearMMGCNConfig(GraphConfig):
    """Settings of linear MMGCN."""

    dim: int = positive(128)
    """Width of an ensemble member; the vectors of a run are ensemble_size times as wide."""
    ensemble_size: int = positive(3)
    """R, number of models of this shape whose scores are averaged, trained one after the other."""
    num_item_neighbours: int = 10
    """Number of content neighbours of an item; 0 leaves out the item-item graph."""
    item_neighbour_weight: float = 1.0
    """s, weight of those neighbours relative to the item itself."""
    viewer_weight: float = 2.0
    """g, weight of the preferences of an item's viewers relative to the item itself."""
    leave_out: float = at_most(1.0, 0.5)
    """Probability that an interaction of the batch is removed from the graph for the step."""
    edge_dropout: float = less_than(1.0, 0.1)
    """Fraction of all interactions that is removed from the graph for the step."""
    popularity_prior: float = 0.1
    """Weight of an item's log popularity, which is added to its score in ranking, relative to the
    temperature: cosines with a small temperature cannot express popularity by themselves."""
    id_scale: float = 0.03
    """Standard deviation of the initial id vectors; small, so that content dominates at first."""


class EnsembleMember(nn.Module):
    """Parameters of an ensemble member: id vectors, and a projection of each modality."""

    def __init__(
        self,
        num_items: int,
        widths: dict[str, int],
        config: LinearMMGCNConfig,
        generator: torch.Generator,
    ) -> None:
        super().__init__()
        self.item_id = table(num_items, config.dim, generator, scale=config.id_scale)
        self.weight = nn.ParameterDict(
            {name: table(d, config.dim, generator, scale=0.1) for name, d in widths.items()}
        )


class LinearMMGCN(GraphModel[LinearMMGCNConfig]):
    """A linear graph convolution per modality and for ids, fused by their sum, as an ensemble."""

    name: ClassVar[str] = "linear_mmgcn"
    train_defaults: ClassVar[TrainConfig] = replace(
        GraphModel.train_defaults,
        schedule="cosine",
        user_balance=1.0,
        negatives="watched",
        epochs=12,
        patience=12,
    )
    recipes: ClassVar[Mapping[str, Mapping[str, Any]]] = {
        "short histories": {"temperature": 0.3, "user_balance": 1.0},
        "mixed histories": {"temperature": 0.2, "user_balance": 0.5},
        "long histories": {"temperature": 0.15, "user_balance": 0.0},
        "long histories, sharp": {"temperature": 0.1, "user_balance": 0.0},
    }
    ignored_settings: ClassVar[Mapping[str, str]] = {
        "similarity": "a score is the mean of the ensemble's cosines",
        "l2_reg": "cosines do not depend on the length of vectors; use weight_decay",
    }
    user_tables: ClassVar[tuple[str, ...] | None] = ()

    def create_parameters(self, dataset: Dataset, generator: torch.Generator) -> None:
        """Create the tables of each member, and K."""
        super().create_parameters(dataset, generator)
        item_index = torch.as_tensor(dataset.train.item_index, dtype=torch.int64)
        watched = torch.bincount(item_index, minlength=self.num_items) > 0
        self.register_buffer("watched", watched[:, None].float(), persistent=False)
        features = unit_features(dataset)
        all_features = torch.cat([torch.zeros(self.num_items, 0), *features.values()], dim=1)
        self.register_buffer("features", all_features, persistent=False)
        self.item_graph = knn_graph(list(features.values()), self.config.num_item_neighbours)
        self._widths = widths = {name: rows.shape[1] for name, rows in features.items()}
        self.ensemble = nn.ModuleList(
            EnsembleMember(self.num_items, widths, self.config, generator)
            for _ in range(self.config.ensemble_size)
        )
        self.register_buffer("num_started", torch.ones((), dtype=torch.int64))

    def resolved_settings(self) -> dict[str, Any]:
        """Return the propagation, and whether K has the true nearest items or those of an index."""
        search = "exact" if is_exact(self.num_items) else "faiss"
        return {**super().resolved_settings(), "item_neighbours": search}

    @classmethod
    def first_recipe(cls, dataset: Dataset) -> str:
        """Return the recipe for short histories if most users have them, otherwise for mixed."""
        short, mixed, *_ = cls.recipes
        degree = np.bincount(dataset.train.user_index)
        return short if np.median(degree[degree > 0]) <= SHORT_HISTORY else mixed

    @classmethod
    def cycles(cls, config: LinearMMGCNConfig) -> int:
        """Return the number of learning-rate cycles: one for each member of the ensemble."""
        return config.ensemble_size

    def forward(self) -> tuple[Tensor, Tensor]:
        """Return u and i of the R' members whose training has started, of length 1 / sqrt(R') each.

        Shapes:
            the result: (U, R' d) and (I, R' d).
        """
        user, parts = self._fused()
        return user, torch.stack(list(parts.values())).sum(dim=0)

    def item_parts(self) -> dict[str, Tensor]:
        """Return each channel's summand of the item vectors."""
        return self._fused()[1]

    def loss(self, batch: Batch, *, progress: float = 0.0) -> Tensor:
        """Return the loss of the ensemble member that is trained at this point of the schedule.

        Shapes:
            the result: ().
        """
        config, train, size = self.config, self.train_config, len(batch.item_index)
        member = min(int(progress * len(self.ensemble)), len(self.ensemble) - 1)
        self.get_buffer("num_started").clamp_(min=member + 1)
        rows = torch.cat([batch.item_index, batch.negative_index])
        subgraph = self.neighbours.sample(
            batch.user_index,
            rows,
            user_hops=1,
            item_hops=2,
            leave_out=config.leave_out,
            dropout=config.edge_dropout,
        )
        user, item = self._propagate(self._sum_of_channels(self.ensemble[member]), subgraph)
        u, i = functional.normalize(user), functional.normalize(item)
        if batch.watched is None:
            return losses.bpr((u * i[:size]).sum(dim=1), (u * i[size:]).sum(dim=1))
        return losses.sampled_softmax(
            u, i[:size], i[size:], batch.watched, temperature=train.temperature
        )

    def _fused(self) -> tuple[Tensor, dict[str, Tensor]]:
        """Return user vectors, and item vectors by channel. Shapes: (U, R' d); each (I, R' d)."""
        num_started = int(self.get_buffer("num_started"))
        scale = num_started**-0.5
        full_graph = Neighbourhood(self.graph)
        users, items = [], []
        for member in self.ensemble[:num_started]:
            channels = {
                name: self._propagate(x, full_graph) for name, x in self._channels(member).items()
            }
            user = torch.stack([u for u, _ in channels.values()]).sum(dim=0)
            item = torch.stack([i for _, i in channels.values()]).sum(dim=0)
            length = item.norm(dim=1, keepdim=True).clamp(min=1e-12)
            users.append(functional.normalize(user) * scale)
            items.append({name: i / length * scale for name, (_, i) in channels.items()})
        return torch.cat(users, dim=1), {
            name: torch.cat([part[name] for part in items], dim=1) for name in items[0]
        }

    def _channels(self, member: nn.Module) -> dict[str, Tensor]:
        """Return X by channel. Shapes: (I, d) each."""
        assert isinstance(member, EnsembleMember)
        features = torch.split(self.get_buffer("features"), [*self._widths.values()], dim=1)
        return {
            ID: member.item_id * self.get_buffer("watched"),
            **{
                name: rows @ member.weight[name]
                for name, rows in zip(self._widths, features, strict=True)
            },
        }

    def _sum_of_channels(self, member: nn.Module) -> Tensor:
        """Return the sum of X over the channels, by one product. Shapes: (I, d)."""
        assert isinstance(member, EnsembleMember)
        ids = member.item_id * self.get_buffer("watched")
        if not self._widths:
            return ids
        weight = torch.cat([member.weight[name] for name in self._widths])
        return torch.addmm(ids, self.get_buffer("features"), weight)

    def _propagate(self, x: Tensor, subgraph: Neighbourhood) -> tuple[Tensor, Tensor]:
        """Return u and i of one channel, or of all at once.

        Shapes:
            x: (I, d); the result: (U, d) and (I, d), or (B, d) and (N, d).
        """
        y = x
        if self.item_graph is not None:
            y = x + self.config.item_neighbour_weight * self.item_graph(x)
        y = subgraph.of_items(y)
        user = subgraph.graph.users_from_items(y)
        return subgraph.batch_rows(
            user, y + self.config.viewer_weight * subgraph.graph.items_from_users(user)
        )


MODEL = LinearMMGCN
