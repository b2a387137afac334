"""GraphModel: the contract of models that propagate over the user-item graph.

IdGraphModel: the contract of those that propagate id embeddings as LightGCN does.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, ClassVar, Literal, TypeVar

import torch
from torch import Tensor

from mmgcn.config import SettingError, positive
from mmgcn.data.dataset import Dataset
from mmgcn.graph import BipartiteGraph, Normalise
from mmgcn.model import Model, ModelConfig
from mmgcn.neighbourhood import Neighbourhood, NeighbourSampler
from mmgcn.parameters import id_tables
from mmgcn.train_config import TrainConfig

FULL_GRAPH_EDGES = 500_000  # with more, a step on sampled neighbours is faster


@dataclass(frozen=True)
class GraphConfig(ModelConfig):
    """Settings of every model that propagates over the graph."""

    propagation: Literal["auto", "full_graph", "sampled"] = "auto"
    """Graph of a training step: full_graph, or sampled: the neighbourhood of the batch, with a few
    neighbours of each node. auto samples above 500,000 interactions."""
    num_neighbours: int = positive(10)
    """Number of sampled neighbours of each node."""


GraphConfigT = TypeVar("GraphConfigT", bound=GraphConfig)


class GraphModel(Model[GraphConfigT]):
    """A model that propagates over the full user-item graph, or over a batch's neighbourhood.

    Class attributes:
        normalise: normalisation of the edge weights, see `BipartiteGraph`.
    """

    train_defaults: ClassVar[TrainConfig] = TrainConfig(
        learning_rate=5e-3, temperature=0.3, user_balance=0.5
    )
    normalise: ClassVar[Normalise] = "mean"

    def create_parameters(self, dataset: Dataset, generator: torch.Generator) -> None:
        """Create the graph and the sampler of neighbours."""
        super().create_parameters(dataset, generator)
        self.graph = BipartiteGraph.of(dataset.train, normalise=self.normalise)
        sampled = self.config.propagation == "sampled" or (
            self.config.propagation == "auto" and self.graph.num_edges > FULL_GRAPH_EDGES
        )
        self.neighbours = NeighbourSampler(
            self.graph, self.config.num_neighbours if sampled else None, generator
        )

    def resolved_settings(self) -> dict[str, Any]:
        """Return the propagation that is used for this graph, in place of `auto`."""
        sampled = self.neighbours.num_neighbours is not None
        return {"propagation": "sampled" if sampled else "full_graph"}

    def use_full_graph(self) -> None:
        """Compute the full graph in every step, unless the settings demand sampling.

        Raises:
            SettingError: the settings demand sampling.
        """
        if self.config.propagation == "sampled":
            raise SettingError(
                "propagation is sampled, but several processes compute the full graph, each for "
                "its own users; use propagation=auto, or one process"
            )
        self.neighbours.num_neighbours = None


@dataclass(frozen=True)
class IdGraphConfig(GraphConfig):
    """Settings of every model that propagates id embeddings as LightGCN does."""

    dim: int = positive(64)
    """Width of the embeddings."""
    num_layers: int = positive(2)
    """Number of propagation layers over the user-item graph."""


IdGraphConfigT = TypeVar("IdGraphConfigT", bound=IdGraphConfig)


class IdGraphModel(GraphModel[IdGraphConfigT]):
    """A model whose id embeddings are propagated as in LightGCN.

    Attributes:
        user, item: id embeddings, (U, d) and (I, d), which are layer 0 of the propagation.
    """

    normalise: ClassVar[Normalise] = "sym"

    def create_parameters(self, dataset: Dataset, generator: torch.Generator) -> None:
        """Create the id embeddings."""
        super().create_parameters(dataset, generator)
        self.user, self.item = id_tables(dataset, self.config.dim, generator)

    def neighbourhood(self, user_index: Tensor, item_index: Tensor) -> Neighbourhood:
        """Return the neighbourhood that all layers aggregate for a batch.

        Shapes:
            user_index: (B,); item_index: (N,).
        """
        hops = self.config.num_layers
        return self.neighbours.sample(user_index, item_index, user_hops=hops, item_hops=hops)

    def propagated_ids(self, subgraph: Neighbourhood | None = None) -> tuple[Tensor, Tensor]:
        """Return the mean over the layers, for the rows of a batch or for all rows.

        Shapes:
            the result: (B, d) and (N, d), or (U, d) and (I, d).
        """
        return layer_mean(
            subgraph or Neighbourhood(self.graph),
            self.user,
            self.item,
            num_layers=self.config.num_layers,
        )


def layer_mean(
    subgraph: Neighbourhood, user: Tensor, item: Tensor, *, num_layers: int
) -> tuple[Tensor, Tensor]:
    """Return the mean over the layers of LightGCN, for the rows of a batch or for all rows.

    Shapes:
        user: (U, d); item: (I, d), layer 0; the result: (B, d) and (N, d), or (U, d) and (I, d).

    Source: He et al., LightGCN: Simplifying and Powering Graph Convolution Network for
    Recommendation, SIGIR 2020, equations 3 and 4.
    """
    user, item = subgraph.of_users(user), subgraph.of_items(item)
    graph, user_sum, item_sum = subgraph.graph, user, item
    for _ in range(num_layers):
        user, item = graph.users_from_items(item), graph.items_from_users(user)
        user_sum, item_sum = user_sum + user, item_sum + item
    scale = 1 / (num_layers + 1)
    return subgraph.batch_rows(user_sum * scale, item_sum * scale)
