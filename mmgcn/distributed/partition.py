"""Partition: the users of each rank, and the graph of one rank's users with all items.

A training on several processes, the ranks, divides the users; every rank holds all items.

What is where. Rank r owns the users from bounds[r] to bounds[r + 1]: their edges and their rows of
every user table, with the optimiser's state of those rows. Item tables, transforms and features are
on every rank, equal to the last bit.

Forward. A user is a sum over its items, which its rank has. An item is a sum over its users: each
rank adds up its own and one all-reduce of (I, d) adds the rest, once a layer and modality. After it
every rank holds the same items, so whatever is done to items is done alike everywhere.

Backward. Each rank's loss is its share of the batch's mean: its own users' rows, divided by the
size of the whole batch. So what a rank holds as the gradient of something that all ranks have is a
summand of it, and the summands are added where it matters: before they enter the users of other
ranks, which is the backward of the all-reduce, another all-reduce; and once at the end, for the
parameters that all ranks have. Gradients of a user's rows are whole where they arise.

Draws. Every rank has the same generator and makes the same draws as one process would: first values
of the whole table, the whole batch, a number for each edge. Each then keeps what concerns its
users. Negatives are shared by the batch and are items, so nothing of a batch is sent anywhere.

So several ranks compute what one computes, with sums in another order; and what they write, and a
checkpoint, is what one process writes, so either goes on with the other's.

Source: the partition of a bipartite graph by one side, with the other replicated, is that of
distributed alternating least squares; the pair of all-reduces is Megatron-LM's (Shoeybi et al.,
2019).
"""

from __future__ import annotations

from typing import Any, ClassVar

import torch
import torch.distributed as dist
from torch import Tensor, nn
from torch.autograd.function import once_differentiable

from mmgcn.graph import BipartiteGraph
from mmgcn.sparse import CompressedRows


class PartitionError(ValueError):
    """Users that cannot be divided as asked, or a product that a part cannot give."""


def user_bounds(degree: Tensor, num_parts: int) -> list[int]:
    """Divide the users into ranges of about as many users and edges together.

    Shapes:
        degree: (U,), edges of each user; the result: num_parts + 1 bounds, from 0 to U.

    Raises:
        PartitionError: fewer users than parts.

    >>> user_bounds(torch.tensor([5, 1, 1, 1]), 2)
    [0, 1, 4]
    """
    num_users = len(degree)
    if num_users < num_parts:
        raise PartitionError(
            f"{num_users:,} users cannot be divided among {num_parts} processes; take fewer"
        )
    load = torch.cumsum(degree.long() + 1, dim=0)
    wanted = int(load[-1]) * torch.arange(1, num_parts).double() / num_parts
    after = torch.searchsorted(load.double(), wanted).tolist()
    bounds = [0]
    for part, stop in enumerate(after, start=1):
        # At least one user each: for this part, and for those that follow.
        bounds.append(min(max(stop + 1, bounds[-1] + 1), num_users - (num_parts - part)))
    return [*bounds, num_users]


class PartialGraph(BipartiteGraph):
    """Some of the users with their edges to all items; what items gather is of all users.

    Users are counted from the first of the part. Every rank must ask for the same products of
    items in the same order, since each waits for the others.

    Args:
        whole: the graph of all users; weights are those it has, of all its edges.
        start, stop: the users of the part, half open.
    """

    _KEPT: ClassVar[tuple[str, ...]] = (*BipartiteGraph._KEPT, "num_drawn", "first_edge")

    def __init__(self, whole: BipartiteGraph, start: int, stop: int) -> None:
        nn.Module.__init__(self)
        self.num_users, self.num_items = stop - start, whole.num_items
        self.normalise = whole.normalise
        self.num_drawn = whole.num_edges
        self.first_edge = int(whole.to_users.matrix.start[start])
        self.to_users = whole.to_users.part(start, stop)
        self.to_items = whole.to_items.reversed().part(start, stop).reversed()
        self._by_item, self._keys = None, None

    def draw(self, generator: torch.Generator) -> Tensor:
        """Return a number of [0, 1) for each edge of the part, drawn as for the whole graph."""
        drawn = torch.rand(self.num_drawn, generator=generator)
        return drawn[self.first_edge : self.first_edge + self.num_edges]

    def items_from_users(self, x: Tensor, *, rows: Tensor | None = None) -> Tensor:
        """Return what the items gather from the users of all parts.

        Shapes:
            x: (U, d) of the own users; the result: (I, d).
        """
        _refuse_rows(rows)
        total: Tensor = _Sum.apply(super().items_from_users(x))
        return total

    def items_from_users_max(self, x: Tensor, *, rows: Tensor | None = None) -> Tensor:
        """Return, element by element, the largest of each item's users of all parts.

        Shapes:
            x: (U, d) of the own users; the result: (I, d).
        """
        _refuse_rows(rows)
        matrix = self.to_items.matrix
        matrix.check(x)
        result: Tensor = _Maximum.apply(matrix, x)
        return result


def _refuse_rows(rows: Tensor | None) -> None:
    if rows is not None:
        raise PartitionError("some items only cannot be gathered from users in several parts")


class _Sum(torch.autograd.Function):
    """The sum over the ranks of what each has; so is its gradient."""

    @staticmethod
    def forward(ctx: Any, x: Tensor) -> Tensor:  # noqa: ARG004
        return _summed(x)

    @staticmethod
    @once_differentiable
    def backward(ctx: Any, grad: Tensor) -> Tensor:  # noqa: ARG004
        return _summed(grad)


class _Maximum(torch.autograd.Function):
    """The largest over the ranks; the gradient goes to the smallest user of those that have it."""

    @staticmethod
    def forward(ctx: Any, matrix: CompressedRows, x: Tensor) -> Tensor:
        values, winner = matrix.largest(x)
        own = values.masked_fill(winner < 0, -torch.inf)
        top = own.clone()
        dist.all_reduce(top, dist.ReduceOp.MAX)
        # Users lie in the order of the ranks, so the first rank that has it has the smallest user.
        first = torch.where((own == top) & (winner >= 0), dist.get_rank(), dist.get_world_size())
        mine = first.clone()
        dist.all_reduce(first, dist.ReduceOp.MIN)
        ctx.save_for_backward(winner.masked_fill(mine != first, -1))
        ctx.num_users = len(x)
        return top.masked_fill(top == -torch.inf, 0)

    @staticmethod
    @once_differentiable
    def backward(ctx: Any, grad: Tensor) -> tuple[None, Tensor]:
        (winner,) = ctx.saved_tensors
        grad = _summed(grad)
        total = grad.new_zeros(ctx.num_users, grad.shape[1])
        return None, total.scatter_add_(0, winner.clamp(min=0), grad.masked_fill(winner < 0, 0))


def _summed(x: Tensor) -> Tensor:
    total = x.clone(memory_format=torch.contiguous_format)
    dist.all_reduce(total)
    return total
