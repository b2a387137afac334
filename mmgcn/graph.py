"""BipartiteGraph: who watched what, as sparse products both ways."""

from __future__ import annotations

import warnings
from typing import Any, ClassVar, Literal, Self

import numpy as np
import torch
from torch import Tensor, nn
from torch.autograd.function import once_differentiable

Normalise = Literal["mean", "sym", "sum"]


class GraphError(ValueError):
    """Edges or vectors that do not fit the graph."""


class BipartiteGraph(nn.Module):
    """Users on one side, items on the other, an edge for each interaction.

    Both directions are kept as compressed rows, so a product never scatters and its backward is a
    product too, with the other direction. Equal edges in any order give equal sums to the last bit.

    Args:
        user_index, item_index: the edges.
        normalise: the weight of edge (u, i): `mean` divides by the receiver's degree, `sym` by the
            root of both degrees, `sum` is 1.
        weight: of each edge, positive; degrees are then sums of weights, `mean` a weighted mean.
            The maximum does not look at it.
        dtype: of the weights; vectors of another get them converted at every product.

    Shapes:
        user_index, item_index: (E,) integers; weight: (E,).

    Raises:
        GraphError: an index outside the graph, or a weight that is not positive.
    """

    _KEPT: ClassVar[tuple[str, ...]] = ("num_users", "num_items", "normalise", "_by_item", "_keys")

    def __init__(
        self,
        user_index: np.ndarray | Tensor,
        item_index: np.ndarray | Tensor,
        *,
        num_users: int,
        num_items: int,
        normalise: Normalise = "mean",
        weight: np.ndarray | Tensor | None = None,
        dtype: torch.dtype = torch.float32,
    ) -> None:
        super().__init__()
        self.num_users, self.num_items, self.normalise = num_users, num_items, normalise
        users = torch.as_tensor(user_index).long()
        items = torch.as_tensor(item_index).long()
        _check_range("user", users, num_users)
        _check_range("item", items, num_items)
        edge = torch.ones(len(users), dtype=torch.float64)
        if weight is not None:
            edge = torch.as_tensor(weight).double()
            if not (edge.isfinite().all() and (edge > 0).all()):
                raise GraphError("the weight of an edge is a positive number; some are not")
        # No edge meets a node of degree 0, so nothing is divided by it.
        of_user = torch.bincount(users, edge, minlength=num_users)[users]  # (E,)
        of_item = torch.bincount(items, edge, minlength=num_items)[items]  # (E,)
        shape = (num_users, num_items)
        if normalise == "mean":
            # The backward of a product is the transposed product with the same weights, so a mean
            # has two pairs of them, one for each receiver.
            to_user, to_item = (edge / of_user).to(dtype), (edge / of_item).to(dtype)
            self.to_users = SparseProduct.of(users, items, to_user, shape)
            self.to_items = SparseProduct.of(users, items, to_item, shape).reversed()
        else:
            both = edge * (of_user * of_item).rsqrt() if normalise == "sym" else edge
            self.to_users = SparseProduct.of(users, items, both.to(dtype), shape)
            self.to_items = self.to_users.reversed()
        self._by_item: Tensor | None = None
        self._keys: Tensor | None = None

    @classmethod
    def of_products(
        cls, to_users: SparseProduct, to_items: SparseProduct, *, normalise: Normalise
    ) -> BipartiteGraph:
        """Return a graph whose products are given; they need not have the same edges."""
        graph = cls.__new__(cls)
        nn.Module.__init__(graph)
        graph.num_users = len(to_users.matrix.start) - 1
        graph.num_items = len(to_items.matrix.start) - 1
        graph.normalise = normalise
        graph.to_users, graph.to_items = to_users, to_items
        graph._by_item, graph._keys = None, None
        return graph

    @property
    def num_edges(self) -> int:
        """How many edges there are."""
        return len(self.to_users.matrix.column)

    def draw(self, generator: torch.Generator) -> Tensor:
        """Return a number of [0, 1) for each edge, in order of their users, then of their items.

        Shapes:
            the result: (E,), on the CPU.
        """
        return torch.rand(self.num_edges, generator=generator)

    def places(self, user_index: Tensor, item_index: Tensor) -> Tensor:
        """Return where some edges lie in the order of their users, then of their items.

        Shapes:
            user_index, item_index, the result: (B,) int64.
        """
        if self._keys is None:
            self._keys = self.to_users.matrix.keys()
        return torch.searchsorted(self._keys, user_index * self.num_items + item_index)

    def thinned(self, keep: Tensor) -> Self:
        """Return the graph without some of its edges; the others keep their weights.

        Shapes:
            keep: (E,) bool, of the edges in order of their users, then of their items.
        """
        if self._by_item is None:
            self._by_item = torch.argsort(self.to_users.matrix.column, stable=True)
        by_user = keep.to(self.to_users.matrix.weight.dtype)
        by_item = by_user[self._by_item]
        return self._with(
            self.to_users.scaled(by_user, by_item), self.to_items.scaled(by_item, by_user)
        )

    def _with(self, to_users: SparseProduct, to_items: SparseProduct) -> Self:
        """Return the graph with other weights on the same edges."""
        made = type(self).__new__(type(self))
        nn.Module.__init__(made)
        for name in self._KEPT:
            setattr(made, name, getattr(self, name))
        made.to_users, made.to_items = to_users, to_items
        return made

    def users_from_items(self, x: Tensor, *, rows: Tensor | None = None) -> Tensor:
        """Return what the users, or some of them, gather from their items.

        Shapes:
            x: (I, d); rows: (B,) users; the result: (U, d), or (B, d).
        """
        return self.to_users.forward(x, rows=rows)

    def items_from_users(self, x: Tensor, *, rows: Tensor | None = None) -> Tensor:
        """Return what the items, or some of them, gather from their users.

        Shapes:
            x: (U, d); rows: (B,) items; the result: (I, d), or (B, d).
        """
        return self.to_items.forward(x, rows=rows)

    def users_from_items_max(self, x: Tensor, *, rows: Tensor | None = None) -> Tensor:
        """Return, element by element, the largest of each user's items.

        An element at -inf takes no part. 0 where there is nothing to take the largest of. The
        gradient goes to the largest, to the item of the smallest row where several are.

        Shapes:
            x: (I, d); rows: (B,) users; the result: (U, d), or (B, d).
        """
        return self.to_users.maximum(x, rows=rows)

    def items_from_users_max(self, x: Tensor, *, rows: Tensor | None = None) -> Tensor:
        """Return, element by element, the largest of each item's users: see the other way.

        Shapes:
            x: (U, d); rows: (B,) items; the result: (I, d), or (B, d).
        """
        return self.to_items.maximum(x, rows=rows)


class SparseProduct(nn.Module):
    """A sparse matrix and its transpose, as something to multiply with."""

    def __init__(self, matrix: CompressedRows, transpose: CompressedRows) -> None:
        super().__init__()
        self.matrix, self.transpose = matrix, transpose

    @classmethod
    def of(
        cls, rows: Tensor, columns: Tensor, weight: Tensor, shape: tuple[int, int]
    ) -> SparseProduct:
        """Build both from the entries. Shapes: rows, columns, weight: (E,)."""
        return cls(
            CompressedRows.of(rows, columns, weight, shape),
            CompressedRows.of(columns, rows, weight, (shape[1], shape[0])),
        )

    def reversed(self) -> SparseProduct:
        """Return the product with the transpose. Both share their memory."""
        return SparseProduct(self.transpose, self.matrix)

    def scaled(self, factor: Tensor, transposed: Tensor) -> SparseProduct:
        """Return the product with each entry times a factor.

        Shapes:
            factor, transposed: (E,), in the order of the entries of the matrix and its transpose.
        """
        return SparseProduct(self.matrix.scaled(factor), self.transpose.scaled(transposed))

    def part(self, start: int, stop: int) -> SparseProduct:
        """Return the product with the rows from start to stop, half open."""
        return SparseProduct(
            self.matrix.rows_between(start, stop), self.transpose.columns_between(start, stop)
        )

    def forward(self, x: Tensor, *, rows: Tensor | None = None) -> Tensor:
        """Return the product, or some of its rows.

        Shapes:
            x: (columns, d); rows: (B,); the result: (rows, d), or (B, d).
        """
        matrix, transpose = self.matrix, self.transpose
        matrix.check(x)
        if rows is not None:
            matrix = matrix.taken(rows)
            transpose = matrix.transposed() if x.requires_grad else matrix
        result: Tensor = _Multiply.apply(matrix, transpose, x)
        return result

    def maximum(self, x: Tensor, *, rows: Tensor | None = None) -> Tensor:
        """Return the largest entry of each column of x, over what each row gathers.

        Shapes:
            x: (columns, d); rows: (B,); the result: (rows, d), or (B, d).
        """
        self.matrix.check(x)
        matrix = self.matrix if rows is None else self.matrix.taken(rows)
        result: Tensor = _Maximum.apply(matrix, x)
        return result


class CompressedRows(nn.Module):
    """A sparse matrix: row r gathers the columns from start[r] to start[r + 1], half open.

    Shapes:
        start: (R + 1,), column: (E,), int32 where that is enough; weight: (E,).
    """

    start: Tensor
    column: Tensor
    weight: Tensor

    def __init__(self, start: Tensor, column: Tensor, weight: Tensor, *, num_columns: int) -> None:
        super().__init__()
        self.num_columns = num_columns
        self.register_buffer("start", start, persistent=False)
        self.register_buffer("column", column, persistent=False)
        self.register_buffer("weight", weight, persistent=False)

    @classmethod
    def of(
        cls, rows: Tensor, columns: Tensor, weight: Tensor, shape: tuple[int, int]
    ) -> CompressedRows:
        """Build from entries in any order. Shapes: rows, columns, weight: (E,)."""
        narrow = torch.int32 if max(len(rows), *shape) < 2**31 else torch.int64
        # Sorted by row, then column, so that the order of the entries changes no sum.
        order = torch.argsort(rows * shape[1] + columns, stable=True)
        return cls(
            _starts(torch.bincount(rows, minlength=shape[0]), narrow),
            columns[order].to(narrow),
            weight[order],
            num_columns=shape[1],
        )

    def check(self, x: Tensor) -> None:
        """Refuse vectors that are not one for each column: the product would read past them."""
        if x.ndim != 2 or len(x) != self.num_columns:
            raise GraphError(f"x is {tuple(x.shape)}; it must be ({self.num_columns}, d)")

    def keys(self) -> Tensor:
        """Return row * columns + column of each entry. Shapes: (E,) int64, ascending."""
        row = torch.repeat_interleave(self.start.diff().long())
        return row * self.num_columns + self.column

    def scaled(self, factor: Tensor) -> CompressedRows:
        """Return the matrix with each entry times its factor. Shapes: factor: (E,)."""
        return CompressedRows(
            self.start, self.column, self.weight * factor, num_columns=self.num_columns
        )

    def rows_between(self, start: int, stop: int) -> CompressedRows:
        """Return the rows from start to stop, half open."""
        first, last = int(self.start[start]), int(self.start[stop])
        return CompressedRows(
            self.start[start : stop + 1] - first,
            self.column[first:last].clone(),
            self.weight[first:last].clone(),
            num_columns=self.num_columns,
        )

    def columns_between(self, start: int, stop: int) -> CompressedRows:
        """Return the columns from start to stop, half open, counted from start."""
        kept = (self.column >= start) & (self.column < stop)
        before = torch.cat([kept.new_zeros(1, dtype=torch.int64), kept.cumsum(0)])
        return CompressedRows(
            before[self.start.long()].to(self.start.dtype),
            self.column[kept] - start,
            self.weight[kept],
            num_columns=stop - start,
        )

    def taken(self, rows: Tensor) -> CompressedRows:
        """Return some of the rows, in the given order. Shapes: rows: (B,)."""
        rows = rows.long()
        first, counts = self.start[rows], self.start[rows + 1] - self.start[rows]
        start = _starts(counts, self.start.dtype)
        at = torch.repeat_interleave(first - start[:-1], counts)
        at = at + torch.arange(len(at), device=at.device)
        return CompressedRows(start, self.column[at], self.weight[at], num_columns=self.num_columns)

    def transposed(self) -> CompressedRows:
        """Return the transpose."""
        order = torch.argsort(self.column, stable=True)
        row = torch.repeat_interleave(self.start.diff())
        return CompressedRows(
            _starts(torch.bincount(self.column, minlength=self.num_columns), self.start.dtype),
            row[order].to(self.column.dtype),
            self.weight[order],
            num_columns=len(self.start) - 1,
        )

    def multiply(self, x: Tensor) -> Tensor:
        """Shapes: x: (columns, d); the result: (rows, d)."""
        weight = self.weight.to(x.dtype)
        if x.device.type != "cpu":
            return _csr_product(self.start, self.column, weight, x)
        # A bag of weighted rows is the same sum, and two to three times faster than torch's product
        # on a CPU: 4 ns an edge of 64 numbers, with them in the cache.
        bags: tuple[Tensor, ...] = torch.embedding_bag(
            x.contiguous(),
            self.column,
            self.start,
            mode=0,  # sum
            per_sample_weights=weight,
            include_last_offset=True,
        )
        return bags[0]

    def largest(self, x: Tensor) -> tuple[Tensor, Tensor]:
        """Return the largest entries, and which columns they are in.

        Shapes:
            x: (columns, d); the result: (rows, d), 0 where nothing is above -inf, and (rows, d)
            int64, -1 there.
        """
        if len(self.column) == 0:
            shape = (len(self.start) - 1, x.shape[1])
            return x.new_zeros(shape), torch.full(shape, -1, device=x.device)
        values, _, _, winner = torch.embedding_bag(
            x.contiguous(),
            self.column,
            self.start,
            mode=2,  # maximum
            include_last_offset=True,
        )
        none = (self.start.diff() == 0)[:, None] | (values == -torch.inf)
        return values.masked_fill(none, 0), winner.long().masked_fill(none, -1)


class _Multiply(torch.autograd.Function):
    @staticmethod
    def forward(ctx: Any, matrix: CompressedRows, transpose: CompressedRows, x: Tensor) -> Tensor:
        ctx.transpose = transpose
        return matrix.multiply(x)

    @staticmethod
    @once_differentiable
    def backward(ctx: Any, grad: Tensor) -> tuple[None, None, Tensor]:
        return None, None, ctx.transpose.multiply(grad)


class _Maximum(torch.autograd.Function):
    @staticmethod
    def forward(ctx: Any, matrix: CompressedRows, x: Tensor) -> Tensor:
        values, winner = matrix.largest(x)
        ctx.save_for_backward(winner)
        ctx.num_columns = len(x)
        return values

    @staticmethod
    @once_differentiable
    def backward(ctx: Any, grad: Tensor) -> tuple[None, Tensor]:
        (winner,) = ctx.saved_tensors
        total = grad.new_zeros(ctx.num_columns, grad.shape[1])
        return None, total.scatter_add_(0, winner.clamp(min=0), grad.masked_fill(winner < 0, 0))


def _csr_product(start: Tensor, column: Tensor, weight: Tensor, x: Tensor) -> Tensor:
    """Shapes: x: (columns, d); the result: (rows, d)."""
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", message="Sparse CSR tensor support is in beta")
        matrix = torch.sparse_csr_tensor(
            start, column, weight, size=(len(start) - 1, len(x)), check_invariants=False
        )
    return matrix @ x


def _starts(counts: Tensor, dtype: torch.dtype) -> Tensor:
    """[2, 0, 1] -> [0, 2, 2, 3]. Shapes: counts: (R,); the result: (R + 1,)."""
    return torch.cat([counts.new_zeros(1), counts.cumsum(0)]).to(dtype)


def _check_range(side: str, index: Tensor, num: int) -> None:
    if len(index) and not (int(index.min()) >= 0 and int(index.max()) < num):
        raise GraphError(
            f"{side}_index lies from {int(index.min())} to {int(index.max())}; there are {num} "
            f"{side}s, counted from 0"
        )
