"""Partition: the users of each process, and the graph of one process's users with all items.

A training on several processes divides the users; every process stores all items.

Storage. Process r owns the users from bounds[r] up to bounds[r + 1]: their edges and their rows of
every user table, with the optimiser's state of those rows. Item tables, transforms and features are
on every process, equal to the last bit.

Forward. A user aggregates its items, which its process has. An item aggregates its users: each
process sums its own, and one all-reduce of (I, d) for each layer and modality sums the rest. After
it every process has the same items, so that whatever is computed from items is equal everywhere.

Backward. Each process's loss is its share of the batch's mean: the sum over its own users divided
by the size of the full batch. Its gradient of a shared tensor is therefore a summand. Summands are
added before they enter the users of other processes, which is the backward of the all-reduce,
another all-reduce; and once at the end, for the shared parameters. Gradients of a user's rows are
complete where they are computed.

Randomness. Every process has the same generator and draws what one process would: initial values of
the full table, the full batch, a number for each edge. Each then keeps what concerns its users.
Negatives are shared by the batch and are items, so that no part of a batch is sent.

Several processes therefore compute what one computes, with sums in another order. Runs and
checkpoints are those of one process, so that either can resume the other's.

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
    """Users that cannot be divided, or a product that a part of the graph does not have."""


def user_bounds(degree: Tensor, num_parts: int) -> list[int]:
    """Return bounds of user ranges that have about equal numbers of users and edges together.

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
    wanted = int(load[-1]) * torch.arange(1, num_parts).double() / num_parts
    after = torch.searchsorted(load.double(), wanted).tolist()
    bounds = [0]
    for part, stop in enumerate(after, start=1):
        # At least one user for this part, and for each of those that follow.
        bounds.append(min(max(stop + 1, bounds[-1] + 1), num_users - (num_parts - part)))
    return [*bounds, num_users]


class PartialGraph(BipartiteGraph):
    """Some of the users with their edges to all items; items aggregate the users of all parts.

    Users are numbered from the first of the part. Every process must compute the same products of
    items in the same order, since each waits for the others.

    Args:
        full: the graph of all users, whose weights are kept.
        start, stop: the users of the part, from start up to, but not including, stop.
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
        """Return the part's numbers of those that are drawn for the full graph."""
        drawn = torch.rand(self.num_drawn, generator=generator)
        return drawn[self.first_edge : self.first_edge + self.num_edges]

    def items_from_users(self, x: Tensor, *, rows: Tensor | None = None) -> Tensor:
        """Return the aggregation of each item's users of all parts.

        Shapes:
            x: (U, d), of the own users; the result: (I, d).
        """
        _refuse_rows(rows)
        total: Tensor = _Sum.apply(super().items_from_users(x))
        return total

    def items_from_users_max(self, x: Tensor, *, rows: Tensor | None = None) -> Tensor:
        """Return the element-wise maximum over each item's users of all parts.

        Shapes:
            x: (U, d), of the own users; the result: (I, d).
        """
        _refuse_rows(rows)
        matrix = self.to_items.matrix
        matrix.check(x)
        result: Tensor = _Maximum.apply(matrix, x)
        return result


def _refuse_rows(rows: Tensor | None) -> None:
    if rows is not None:
        raise PartitionError(
            "users in several parts cannot be aggregated for only some of the items"
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
    """The maximum over the processes; its gradient flows to the smallest user index that has it."""

    num_users: int

    @staticmethod
    def forward(ctx: _Maximum, matrix: CompressedRows, x: Tensor) -> Tensor:
        values, winner = matrix.maximum(x)
        own = values.masked_fill(winner < 0, -torch.inf)
        top = own.clone()
        dist.all_reduce(top, dist.ReduceOp.MAX)
        # Users are in the order of the ranks: the first rank with the maximum has the smallest.
        first = torch.where((own == top) & (winner >= 0), dist.get_rank(), dist.get_world_size())
        mine = first.clone()
        dist.all_reduce(first, dist.ReduceOp.MIN)
        ctx.save_for_backward(winner.masked_fill(mine != first, -1))
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
