"""FREEDOM: LightGCN on a pruned graph, with a frozen item-item graph from the features.

For each modality m, S_m has an edge of weight 1 from each item to its k nearest items by cosine:

    S   = sum over m of a_m D_m^-1/2 S_m D_m^-1/2,  D_m the degrees of S_m; frozen
    h   = S^L_i E                                        items by their content neighbours
    u, v = mean of the layers of LightGCN of (U, E)      over the pruned user-item graph
    i   = v + h
    z_m = F_m W_m + b_m                                  an item by one modality
    loss = L_rec(u, i) + lambda mean over m of L_rec(u, z_m)
    score = u . i, or their cosine, over the full graph

In every step a fraction `pruning` of the edges is removed: edge (u, i) is kept with a probability
that increases with 1 / sqrt(|N_u| |N_i|), so that popular nodes lose more edges.

Shapes: U: (U, d); E: (I, d); F_m: (I, D_m); W_m: (D_m, d); b_m: (d,); S: (I, I), k entries per row.

Source: Zhou, Shen, A Tale of Two Graphs: Freezing and Denoising Graph Structures for Multimodal
Recommendation, ACM MM 2023. Departures: a pruned graph is drawn in every step instead of every
epoch, so that a resumed training needs no further state; above 500,000 interactions neighbour
sampling replaces pruning; L_rec is sampled softmax over cosines, which ranks better than BPR; an
item that lacks a modality is left out of its loss.

On the validation part of the TikTok data of MMSSL it reaches a recall@20 of 0.097 and an NDCG@20 of
0.043 (one seed, two of the three modalities). The paper's data sets are others, whose features are
not distributed with this project.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

import torch
from torch import Tensor, nn
from torch.nn import functional

from mmgcn.config import less_than, positive
from mmgcn.data.dataset import Dataset
from mmgcn.graph import BipartiteGraph
from mmgcn.graph_model import IdGraphConfig, IdGraphModel
from mmgcn.knn import symmetric_knn_graph
from mmgcn.parameters import unit_features
from mmgcn.projection import feature_projections
from mmgcn.sampling import Batch


@dataclass(frozen=True)
class FREEDOMConfig(IdGraphConfig):
    """Settings of FREEDOM."""

    num_item_layers: int = positive(1)
    """L_i, number of propagation layers over the item-item graph."""
    num_item_neighbours: int = positive(10)
    """k, number of neighbours of an item in each modality."""
    pruning: float = less_than(1.0, 0.8)
    """Fraction of the interactions that is removed from the graph in a step."""
    modality_weight: float = 0.1
    """lambda, weight of the modality loss."""


class FREEDOM(IdGraphModel[FREEDOMConfig]):
    """Id embeddings over a pruned user-item graph and a frozen item-item graph of content."""

    name: ClassVar[str] = "freedom"
    needs_features: ClassVar[bool] = True

    def create_parameters(self, dataset: Dataset, generator: torch.Generator) -> None:
        """Create U, E, W_m, b_m and S."""
        super().create_parameters(dataset, generator)
        features = unit_features(dataset)
        self.projections = feature_projections(dataset, features, self.config.dim, generator)
        graphs = [
            symmetric_knn_graph(rows, self.config.num_item_neighbours, binary=True)
            for rows in features.values()
        ]
        self.item_graphs = nn.ModuleList(graph for graph in graphs if graph is not None)
        edges = self.graph.to_users.matrix  # weights of 1 / sqrt(|N_u| |N_i|)
        self.register_buffer("keep_odds", edges.weight.clone(), persistent=False)

    def forward(self) -> tuple[Tensor, Tensor]:
        """Return u and i over the full graph. Shapes: (U, d) and (I, d)."""
        user, item = self.propagated_ids()
        return user, item + self._content()

    def loss(self, batch: Batch, *, progress: float = 0.0) -> Tensor:
        """Return the loss of the items and of their modalities. Shapes: ()."""
        del progress
        index = torch.cat([batch.item_index, batch.negative_index])
        user, item = self._pruned(batch.user_index, index)
        item = item + functional.embedding(index, self._content())
        value = self.recommendation_loss(batch, user, item)
        if self.config.modality_weight:
            each = [
                self._modality_loss(projection, batch, user, index)
                for projection in self.projections.values()
            ]
            value = value + self.config.modality_weight * torch.stack(each).mean()
        return value

    def _modality_loss(
        self, projection: nn.Module, batch: Batch, user: Tensor, index: Tensor
    ) -> Tensor:
        """Return the loss of the interactions whose item has the modality. Shapes: ()."""
        items = projection(index)
        kept = projection.get_buffer("present")[batch.item_index]
        if not kept.any():
            return torch.zeros((), device=items.device)
        own, size = batch.select(kept), len(batch.item_index)
        negatives = items[size:][kept] if batch.watched is None else items[size:]
        return self.recommendation_loss(own, user[kept], torch.cat([items[:size][kept], negatives]))

    def _content(self) -> Tensor:
        """Return h. Shapes: (I, d)."""
        h: Tensor = self.item
        for _ in range(self.config.num_item_layers):
            if not len(self.item_graphs):
                return torch.zeros_like(self.item)
            h = torch.stack([graph(h) for graph in self.item_graphs]).mean(dim=0)
        return h

    def _pruned(self, user_index: Tensor, item_index: Tensor) -> tuple[Tensor, Tensor]:
        """Return some rows of u and v over a pruned or sampled graph. Shapes: (B, d) and (N, d)."""
        subgraph = self.neighbourhood(user_index, item_index)
        if self.neighbours.num_neighbours is None and self.config.pruning:
            subgraph.graph = PrunedGraph(self.graph, self._draw())
        return self.propagated_ids(subgraph)

    def _draw(self) -> Tensor:
        """Return a mask of kept edges, drawn without replacement by their odds. Shapes: (E,)."""
        odds = self.get_buffer("keep_odds")
        num_kept = max(1, round(len(odds) * (1 - self.config.pruning)))
        # The edges with the shortest exponential waiting times of rate `odds`.
        waits = -torch.log1p(-self.graph.draw(self.generator).to(odds)) / odds
        return waits <= waits.kthvalue(num_kept).values


class PrunedGraph(BipartiteGraph):
    """Some edges of a graph with symmetric weights, weighted by the remaining degrees."""

    def __init__(self, graph: BipartiteGraph, keep: Tensor) -> None:
        nn.Module.__init__(self)
        self._masked = graph.masked(keep)
        edges = graph.to_users.matrix
        user = torch.repeat_interleave(edges.start.diff().long())
        item = edges.column.long()
        self._user_scale = _root_of_ratio(user, keep, graph.num_users)
        self._item_scale = _root_of_ratio(item, keep, graph.num_items)

    def users_from_items(self, x: Tensor, *, rows: Tensor | None = None) -> Tensor:
        """Return the aggregation of the items of each user. Shapes: (I, d) -> (U, d)."""
        result = self._masked.users_from_items(x * self._item_scale, rows=rows)
        return result * (self._user_scale if rows is None else self._user_scale[rows])

    def items_from_users(self, x: Tensor, *, rows: Tensor | None = None) -> Tensor:
        """Return the aggregation of the users of each item. Shapes: (U, d) -> (I, d)."""
        result = self._masked.items_from_users(x * self._user_scale, rows=rows)
        return result * (self._item_scale if rows is None else self._item_scale[rows])


def _root_of_ratio(node: Tensor, keep: Tensor, num_nodes: int) -> Tensor:
    """Return sqrt(degree / remaining degree), 0 without edges. Shapes: (E,) -> (N, 1)."""
    before = torch.bincount(node, minlength=num_nodes)
    after = torch.bincount(node[keep], minlength=num_nodes)
    return torch.where(after > 0, (before / after.clamp(min=1)).sqrt(), 0.0)[:, None].float()


MODEL = FREEDOM
