"""Neighbourhood: the part of the graph that a batch hears, with a few neighbours of each node."""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor, nn
from torch.nn import functional

from mmgcn.graph import BipartiteGraph
from mmgcn.sparse import CompressedRows, SparseProduct


@dataclass(eq=False)
class Neighbourhood:
    """What a pass over the graph computes: all of it, or a part with rows of its own.

    Shapes:
        users, items: (U',) and (I',) int64, where its rows lie in the whole graph; None where they
        are those of the whole graph.
        user_place, item_place: (B,) and (N,) int64, the rows that are wanted in the end; None where
        all are.
    """

    graph: BipartiteGraph
    users: Tensor | None = None
    items: Tensor | None = None
    user_place: Tensor | None = None
    item_place: Tensor | None = None

    def of_users(self, x: Tensor) -> Tensor:
        """Shapes: x: (U, d), a table of the whole graph; the result: (U', d)."""
        return _taken(x, self.users)

    def of_items(self, x: Tensor) -> Tensor:
        """Shapes: x: (I, d), a table of the whole graph; the result: (I', d)."""
        return _taken(x, self.items)

    def wanted(self, user: Tensor, item: Tensor) -> tuple[Tensor, Tensor]:
        """Shapes: user: (U', d); item: (I', d); the result: (B, d) and (N, d)."""
        return _taken(user, self.user_place), _taken(item, self.item_place)


class NeighbourSampler(nn.Module):
    """Says what of the graph a step computes: all, or what its batch hears of a few neighbours.

    A node of n neighbours hears `num_neighbours` of them, k, drawn anew each time, whose weights
    are n / k times as large; it hears all where it has no more. The sum that a node hears is then
    right in expectation, and with k above every degree it is that of the whole graph.

    The k are every n/k-th neighbour from a random start (systematic sampling): all are different
    and equally likely, and drawing them takes no sorting.

    Args:
        num_neighbours: k; None computes the whole graph.

    Source: neighbourhoods of Hamilton et al., Inductive Representation Learning on Large Graphs,
    NeurIPS 2017; the drawing of Madow, Madow, On the Theory of Systematic Sampling, 1944.
    """

    def __init__(
        self, graph: BipartiteGraph, num_neighbours: int | None, generator: torch.Generator
    ) -> None:
        super().__init__()
        self.graph, self._generator = graph, generator
        self.num_neighbours = num_neighbours

    def around(
        self,
        user_index: Tensor,
        item_index: Tensor,
        *,
        user_hops: int,
        item_hops: int,
        leave_out: float = 0.0,
        dropout: float = 0.0,
    ) -> Neighbourhood:
        """Return what some users and items hear.

        Args:
            user_hops, item_hops: over how many edges the users and the items of the batch hear. A
                node that is reached by the last of them hears nobody.
            leave_out: probability that an edge between user n and item n of the batch carries
                nothing this time. The others keep their weights.
            dropout: probability that any other edge carries nothing.

        Shapes:
            user_index: (B,); item_index: (N,), N at least B where leave_out is not 0.
        """
        own = user_index, item_index[: len(user_index)]
        if self.num_neighbours is None:
            graph = self.graph
            if leave_out or dropout:
                gone = torch.full((graph.num_edges,), dropout, device=user_index.device)
                gone[graph.places(*own)] = leave_out
                graph = graph.thinned(graph.draw(self._generator).to(gone) >= gone)
            return Neighbourhood(graph, user_place=user_index, item_place=item_index)
        users = _Side(self.graph.to_users.matrix, user_index)
        items = _Side(self.graph.to_items.matrix, item_index)
        reached_users = reached_items = user_index[:0]
        for left in range(max(user_hops, item_hops), 0, -1):
            of_batch_users = user_index if left <= user_hops else user_index[:0]
            of_batch_items = item_index if left <= item_hops else item_index[:0]
            from_users = self._hear(users, torch.cat([of_batch_users, reached_users]))
            from_items = self._hear(items, torch.cat([of_batch_items, reached_items]))
            reached_users, reached_items = from_items, from_users
        users.close([user_index, *items.columns])
        items.close([item_index, *users.columns])
        if leave_out or dropout:
            num_items = self.graph.num_items
            batch = torch.unique(own[0] * num_items + own[1])
            drawn = torch.rand(len(batch), generator=self._generator).to(batch.device)
            gone = batch[drawn < leave_out]
            of_users = users.rows() * num_items + torch.cat(users.columns)
            users.weight = users.weight * self._kept(of_users, batch, gone, dropout)
            of_items = torch.cat(items.columns) * num_items + items.rows()
            items.weight = items.weight * self._kept(of_items, batch, gone, dropout)
        graph = BipartiteGraph.of_products(
            users.product(items), items.product(users), normalise=self.graph.normalise
        )
        return Neighbourhood(
            graph, users.nodes, items.nodes, users.place[user_index], items.place[item_index]
        )

    def _hear(self, side: _Side, nodes: Tensor) -> Tensor:
        """Let nodes that hear nobody yet draw their neighbours, and return whom they drew."""
        nodes = side.fresh(nodes)
        matrix = side.matrix
        first = matrix.start[nodes].long()
        degree = matrix.start[nodes + 1].long() - first
        counts = degree.clamp(max=self.num_neighbours)
        of_node = torch.repeat_interleave(counts)  # (entries,) which of the nodes
        slot = torch.arange(len(of_node), device=of_node.device)
        slot = slot - (counts.cumsum(0) - counts)[of_node]
        start = torch.rand(len(nodes), generator=self._generator).to(of_node.device)
        share = degree / counts.clamp(min=1)  # n / k, 1 where all are heard
        at = ((slot + start[of_node]) * share[of_node]).long()
        at = first[of_node] + torch.minimum(at, degree[of_node] - 1)
        column = matrix.column[at].long()
        weight = matrix.weight[at] * share[of_node].to(matrix.weight.dtype)
        side.add(nodes, counts, column, weight)
        return column

    def _kept(self, keys: Tensor, batch: Tensor, gone: Tensor, dropout: float) -> Tensor:
        """Return which edges carry something. Shapes: keys: (E,); the result: (E,) bool."""
        drawn = torch.rand(len(keys), generator=self._generator).to(keys.device)
        return torch.where(_among(keys, batch), ~_among(keys, gone), drawn >= dropout)


def _among(keys: Tensor, some: Tensor) -> Tensor:
    """Return which keys are among some in ascending order. Shapes: (E,), (P,) -> (E,) bool."""
    if len(some) == 0:
        return torch.zeros_like(keys, dtype=torch.bool)
    return some[torch.searchsorted(some, keys).clamp(max=len(some) - 1)] == keys


class _Side:
    """The users, or the items, of a neighbourhood in the making: those that hear come first."""

    def __init__(self, matrix: CompressedRows, index: Tensor) -> None:
        self.matrix = matrix
        self._num, self._device = len(matrix.start) - 1, index.device
        self._done = torch.zeros(self._num, dtype=torch.bool, device=self._device)
        self._hearing: list[Tensor] = []
        self._counts: list[Tensor] = []
        self._weights: list[Tensor] = []
        self.columns: list[Tensor] = []

    def fresh(self, nodes: Tensor) -> Tensor:
        """Return those of the nodes that hear nobody yet, each once."""
        wanted = torch.zeros_like(self._done)
        wanted[nodes] = True
        wanted &= ~self._done
        return wanted.nonzero().squeeze(1)

    def add(self, nodes: Tensor, counts: Tensor, column: Tensor, weight: Tensor) -> None:
        """Note whom nodes hear. Shapes: nodes, counts: (N,); column, weight: (entries,)."""
        self._done[nodes] = True
        self._hearing.append(nodes)
        self._counts.append(counts)
        self.columns.append(column)
        self._weights.append(weight)

    def close(self, others: list[Tensor]) -> None:
        """Give every node its row: those that hear, then those that are heard alone."""
        rest = self.fresh(torch.cat(others))
        self.nodes = torch.cat([*self._hearing, rest])
        self.place = torch.full((self._num,), -1, device=self._device)
        self.place[self.nodes] = torch.arange(len(self.nodes), device=self._device)
        self.counts = torch.cat([*self._counts, torch.zeros_like(rest)])
        self.weight = torch.cat(self._weights)

    def rows(self) -> Tensor:
        """Return which node of the whole graph hears each entry."""
        return torch.repeat_interleave(self.nodes, self.counts)

    def product(self, other: _Side) -> SparseProduct:
        """Return what this side hears from the other."""
        start = torch.cat([self.counts.new_zeros(1), self.counts.cumsum(0)])
        column = other.place[torch.cat(self.columns)]
        narrow = self.matrix.start.dtype
        matrix = CompressedRows(
            start.to(narrow), column.to(narrow), self.weight, num_columns=len(other.nodes)
        )
        return SparseProduct(matrix, matrix.transposed())


def _taken(x: Tensor, rows: Tensor | None) -> Tensor:
    """Not x[rows], whose backward adds up in another order each time."""
    return x if rows is None else functional.embedding(rows, x)
