"""Partition: the users of each process, and the graph of one process's users with all items.

A training on several processes divides the users; every process stores all items.

Storage. Process r owns the users from bounds[r] to bounds[r + 1], excluded: their edges, and their
rows of every user table with the optimiser's state of these rows. Item tables, transforms and
features are replicated, bit for bit.

Forward. A user aggregates items, which every process has. An item aggregates users: each process
sums its own, and one all-reduce of (I, d) per layer and modality adds up the sums. Every process
then has the same items, so that whatever is computed from items is equal on all of them.

Backward. Each process's loss is its share of the batch's mean: the sum over its own users divided
by the size of the full batch. Its gradient of a replicated tensor is therefore a summand. Summands
are added up by an all-reduce: in each layer, as the backward of the forward's all-reduce, and once
at the end for the replicated parameters. Gradients of a user's rows need no communication.

Randomness. Every process has the same generator and draws the same numbers as a single process
would: initial values of the full table, the full batch, a number per edge. Each process then keeps
those of its own users. Negatives are items shared by the batch, so no part of a batch is sent.

Several processes therefore compute the same as one, with sums in another order. Runs and
checkpoints have the same files, so that either can resume a training of the other.

Source: the partition of a bipartite graph by one side, with the other replicated, is that of
distributed alternating least squares; the pair of all-reduces is Megatron-LM's (Shoeybi et al.,
2019).
"""

from __future__ import annotations

from typing import ClassVar

import torch
import torch.distributed as dist
from torch import Tensor, nn
from torch.autograd.function import once_differentiable

from mmgcn.graph import BipartiteGraph
from mmgcn.sparse import CompressedRows


class PartitionError(ValueError):
    """Users that cannot be divided, or an operation that a partial graph does not support."""


def user_bounds(degree: Tensor, num_parts: int) -> list[int]:
    """Return the bounds of user ranges with about equal loads: numbers of users plus edges.

    Shapes:
        degree: (U,), number of edges of each user; the result: num_parts + 1 bounds, from 0 to U.

    Raises:
        PartitionError: fewer users than parts.

    >>> user_bounds(torch.tensor([5, 1, 1, 1]), 2)
    [0, 1, 4]
    """
    num_users = len(degree)
    if num_users < num_parts:
        raise PartitionError(
            f"{num_users:,} users cannot be divided among {num_parts} processes; use fewer"
        )
    load = torch.cumsum(degree.long() + 1, dim=0)
    targets = int(load[-1]) * torch.arange(1, num_parts).double() / num_parts
    stops = torch.searchsorted(load.double(), targets).tolist()
    bounds = [0]
    for part, stop in enumerate(stops, start=1):
        # At least one user for this part, and for each later part.
        bounds.append(min(max(stop + 1, bounds[-1] + 1), num_users - (num_parts - part)))
    return [*bounds, num_users]


class PartialGraph(BipartiteGraph):
    """Some of the users with their edges to all items; items aggregate the users of all parts.

    Users are numbered from 0 within the part. Every process must call the same aggregations over
    users in the same order, since each call waits for the other processes.

    Args:
        full: graph of all users, whose edge weights are kept.
        start, stop: range of the part's users, stop excluded.
    """

    _COPIED: ClassVar[tuple[str, ...]] = (*BipartiteGraph._COPIED, "num_drawn", "first_edge")

    def __init__(self, full: BipartiteGraph, start: int, stop: int) -> None:
        nn.Module.__init__(self)
        self.num_users, self.num_items = stop - start, full.num_items
        self.normalise = full.normalise
        self.num_drawn = full.num_edges
        self.first_edge = int(full.to_users.matrix.start[start])
        self.to_users = full.to_users.row_range(start, stop)
        self.to_items = full.to_items.reversed().row_range(start, stop).reversed()
        self._by_item, self._keys = None, None

    def draw(self, generator: torch.Generator) -> Tensor:
        """Return the random numbers of the part's edges, among those drawn for the full graph."""
        drawn = torch.rand(self.num_drawn, generator=generator)
        return drawn[self.first_edge : self.first_edge + self.num_edges]

    def items_from_users(self, x: Tensor, *, rows: Tensor | None = None) -> Tensor:
        """Return the aggregation over the users of each item, in all parts.

        Shapes:
            x: (U, d), the part's users; the result: (I, d).
        """
        _refuse_rows(rows)
        total: Tensor = _Sum.apply(super().items_from_users(x))
        return total

    def items_from_users_max(self, x: Tensor, *, rows: Tensor | None = None) -> Tensor:
        """Return the element-wise maximum over the users of each item, in all parts.

        Shapes:
            x: (U, d), the part's users; the result: (I, d).
        """
        _refuse_rows(rows)
        matrix = self.to_items.matrix
        matrix.check(x)
        result: Tensor = _Maximum.apply(matrix, x)
        return result


def _refuse_rows(rows: Tensor | None) -> None:
    if rows is not None:
        raise PartitionError(
            "a partial graph aggregates users for all items only; leave `rows` out"
        )


class _Sum(torch.autograd.Function):
    """The sum over the processes; its gradient is summed as well."""

    @staticmethod
    def forward(ctx: _Sum, x: Tensor) -> Tensor:  # noqa: ARG004
        return _summed(x)

    @staticmethod
    @once_differentiable
    def backward(ctx: _Sum, grad: Tensor) -> Tensor:  # noqa: ARG004
        return _summed(grad)


class _Maximum(torch.autograd.Function):
    """The maximum over the processes; its gradient flows to the smallest user index with it."""

    num_users: int

    @staticmethod
    def forward(ctx: _Maximum, matrix: CompressedRows, x: Tensor) -> Tensor:
        values, winner = matrix.maximum(x)
        own = values.masked_fill(winner < 0, -torch.inf)
        top = own.clone()
        dist.all_reduce(top, dist.ReduceOp.MAX)
        # Users are in the order of ranks, so the smallest index is on the first rank.
        first = torch.where((own == top) & (winner >= 0), dist.get_rank(), dist.get_world_size())
        own_rank = first.clone()
        dist.all_reduce(first, dist.ReduceOp.MIN)
        ctx.save_for_backward(winner.masked_fill(own_rank != first, -1))
        ctx.num_users = len(x)
        return top.masked_fill(top == -torch.inf, 0)

    @staticmethod
    @once_differentiable
    def backward(ctx: _Maximum, grad: Tensor) -> tuple[None, Tensor]:
        (winner,) = ctx.saved_tensors
        grad = _summed(grad)
        total = grad.new_zeros(ctx.num_users, grad.shape[1])
        return None, total.scatter_add_(0, winner.clamp(min=0), grad.masked_fill(winner < 0, 0))


def _summed(x: Tensor) -> Tensor:
    total = x.clone(memory_format=torch.contiguous_format)
    dist.all_reduce(total)
    return total
