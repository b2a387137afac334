"""Neighbourhood: the part of the graph that a batch aggregates, and its sampling."""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor, nn
from torch.nn import functional

from mmgcn.graph import BipartiteGraph
from mmgcn.sparse import CompressedRows, SparseProduct


@dataclass(eq=False)
class Neighbourhood:
    """The graph to propagate over: the full graph, or a subgraph with its own numbering of rows.

    Shapes:
        users, items: (U',) and (I',) int64, indices of the rows in the full graph; None for the
        full graph.
        user_rows, item_rows: (B,) and (N,) int64, rows of the batch; None for all rows.
    """

    graph: BipartiteGraph
    users: Tensor | None = None
    items: Tensor | None = None
    user_rows: Tensor | None = None
    item_rows: Tensor | None = None

    def of_users(self, x: Tensor) -> Tensor:
        """Return the rows of a table of all users. Shapes: x: (U, d); the result: (U', d)."""
        return _rows(x, self.users)

    def of_items(self, x: Tensor) -> Tensor:
        """Return the rows of a table of all items. Shapes: x: (I, d); the result: (I', d)."""
        return _rows(x, self.items)

    def batch_rows(self, user: Tensor, item: Tensor) -> tuple[Tensor, Tensor]:
        """Return the rows of the batch. Shapes: (U', d) and (I', d) -> (B, d) and (N, d)."""
        return _rows(user, self.user_rows), _rows(item, self.item_rows)


class NeighbourSampler(nn.Module):
    """Samples the neighbourhood that a training step propagates over.

    A node with n neighbours aggregates k = `num_neighbours` of them, sampled again in each step and
    with weights scaled by n / k; or all of them if n <= k. The aggregation is unbiased, and equals
    that of the full graph if k is at least the maximum degree.

    The k are every n/k-th neighbour from a random start (systematic sampling), which are distinct
    and equally likely, and need no sorting.

    Args:
        num_neighbours: k; None for the full graph.

    Source: Hamilton et al., Inductive Representation Learning on Large Graphs, NeurIPS 2017; for
    systematic sampling Madow, Madow, On the Theory of Systematic Sampling, 1944.
    """

    def __init__(
        self, graph: BipartiteGraph, num_neighbours: int | None, generator: torch.Generator
    ) -> None:
        super().__init__()
        self.graph, self._generator = graph, generator
        self.num_neighbours = num_neighbours

    def sample(
        self,
        user_index: Tensor,
        item_index: Tensor,
        *,
        user_hops: int,
        item_hops: int,
        leave_out: float = 0.0,
        dropout: float = 0.0,
    ) -> Neighbourhood:
        """Return the neighbourhood of some users and items.

        Args:
            user_hops, item_hops: radius in edges around the users and around the items of the
                batch. Nodes at that distance aggregate nothing.
            leave_out: probability of removing the edge between user n and item n of the batch. The
                weights of other edges do not change.
            dropout: probability of removing any other edge.

        Shapes:
            user_index: (B,); item_index: (N,), with N >= B if leave_out or dropout is above 0.
        """
        batch_edges = user_index, item_index[: len(user_index)]
        if self.num_neighbours is None:
            graph = self.graph
            if leave_out or dropout:
                rate = torch.full((graph.num_edges,), dropout, device=user_index.device)
                rate[graph.edge_positions(*batch_edges)] = leave_out
                graph = graph.masked(graph.draw(self._generator).to(rate) >= rate)
            return Neighbourhood(graph, user_rows=user_index, item_rows=item_index)
        users = _Side(self.graph.to_users.matrix, user_index)
        items = _Side(self.graph.to_items.matrix, item_index)
        reached_users = reached_items = user_index[:0]
        for hops_left in range(max(user_hops, item_hops), 0, -1):
            batch_users = user_index if hops_left <= user_hops else user_index[:0]
            batch_items = item_index if hops_left <= item_hops else item_index[:0]
            from_users = self._sample_neighbours(users, torch.cat([batch_users, reached_users]))
            from_items = self._sample_neighbours(items, torch.cat([batch_items, reached_items]))
            reached_users, reached_items = from_items, from_users
        users.number_rows([user_index, *items.columns])
        items.number_rows([item_index, *users.columns])
        if leave_out or dropout:
            num_items = self.graph.num_items
            batch = torch.unique(batch_edges[0] * num_items + batch_edges[1])
            drawn = torch.rand(len(batch), generator=self._generator).to(batch.device)
            is_left_out = drawn < leave_out
            user_keys = users.rows() * num_items + torch.cat(users.columns)
            users.weight = users.weight * self._keep(user_keys, batch, is_left_out, dropout)
            item_keys = torch.cat(items.columns) * num_items + items.rows()
            items.weight = items.weight * self._keep(item_keys, batch, is_left_out, dropout)
        graph = BipartiteGraph.of_products(
            users.product(items), items.product(users), normalise=self.graph.normalise
        )
        return Neighbourhood(
            graph, users.nodes, items.nodes, users.row[user_index], items.row[item_index]
        )

    def _sample_neighbours(self, side: _Side, nodes: Tensor) -> Tensor:
        """Sample neighbours of the nodes that have none yet, and return these neighbours."""
        nodes = side.unsampled(nodes)
        matrix = side.matrix
        first = matrix.start[nodes].long()
        degree = matrix.start[nodes + 1].long() - first
        counts = degree.clamp(max=self.num_neighbours)
        node = torch.repeat_interleave(counts)  # (entries,), position in nodes
        slot = torch.arange(len(node), device=node.device)
        slot = slot - (counts.cumsum(0) - counts)[node]
        start = torch.rand(len(nodes), generator=self._generator).to(node.device)
        stride = degree / counts.clamp(min=1)  # n / k, 1 where all are sampled
        at = ((slot + start[node]) * stride[node]).long()
        at = first[node] + torch.minimum(at, degree[node] - 1)
        column = matrix.column[at].long()
        weight = matrix.weight[at] * stride[node].to(matrix.weight.dtype)
        side.add(nodes, counts, column, weight)
        return column

    def _keep(self, keys: Tensor, batch: Tensor, is_left_out: Tensor, dropout: float) -> Tensor:
        """Return a mask of the edges to keep.

        Shapes:
            keys: (E,); batch, is_left_out: (P,), the keys of the batch, ascending, and which of
            them are removed; the result: (E,) bool.
        """
        drawn = torch.rand(len(keys), generator=self._generator).to(keys.device)
        at = torch.searchsorted(batch, keys).clamp(max=len(batch) - 1)
        return torch.where(batch[at] == keys, ~is_left_out[at], drawn >= dropout)


class _Side:
    """The users or the items of a neighbourhood under construction."""

    def __init__(self, matrix: CompressedRows, index: Tensor) -> None:
        self.matrix = matrix
        self._num, self._device = len(matrix.start) - 1, index.device
        self._done = torch.zeros(self._num, dtype=torch.bool, device=self._device)
        self._sampled: list[Tensor] = []
        self._counts: list[Tensor] = []
        self._weights: list[Tensor] = []
        self.columns: list[Tensor] = []

    def unsampled(self, nodes: Tensor) -> Tensor:
        """Return the nodes whose neighbours have not been sampled yet, without duplicates."""
        mask = torch.zeros_like(self._done)
        mask[nodes] = True
        mask &= ~self._done
        return mask.nonzero().squeeze(1)

    def add(self, nodes: Tensor, counts: Tensor, column: Tensor, weight: Tensor) -> None:
        """Store the neighbours of nodes. Shapes: (N,), (N,), (entries,) and (entries,)."""
        self._done[nodes] = True
        self._sampled.append(nodes)
        self._counts.append(counts)
        self.columns.append(column)
        self._weights.append(weight)

    def number_rows(self, others: list[Tensor]) -> None:
        """Assign a row to every node: first to nodes with neighbours, then to the others."""
        rest = self.unsampled(torch.cat(others))
        self.nodes = torch.cat([*self._sampled, rest])
        self.row = torch.full((self._num,), -1, device=self._device)
        self.row[self.nodes] = torch.arange(len(self.nodes), device=self._device)
        self.counts = torch.cat([*self._counts, torch.zeros_like(rest)])
        self.weight = torch.cat(self._weights)

    def rows(self) -> Tensor:
        """Return the aggregating node, in the full graph, of each entry. Shapes: (entries,)."""
        return torch.repeat_interleave(self.nodes, self.counts)

    def product(self, other: _Side) -> SparseProduct:
        """Return the product that aggregates the other side's nodes."""
        start = torch.cat([self.counts.new_zeros(1), self.counts.cumsum(0)])
        column = other.row[torch.cat(self.columns)]
        narrow = self.matrix.start.dtype
        matrix = CompressedRows(
            start.to(narrow), column.to(narrow), self.weight, num_columns=len(other.nodes)
        )
        return SparseProduct(matrix, matrix.transposed())


def _rows(x: Tensor, rows: Tensor | None) -> Tensor:
    # Not x[rows], whose backward sums in another order each time.
    return x if rows is None else functional.embedding(rows, x)
