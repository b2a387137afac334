"""BipartiteGraph: who watched what, as sparse products both ways."""

from __future__ import annotations

import warnings
from typing import Any, Literal

import numpy as np
import torch
from torch import Tensor, nn

Normalise = Literal["mean", "sym", "sum"]


class BipartiteGraph(nn.Module):
    """Users on one side, items on the other, an edge for each interaction.

    Both directions are kept as compressed rows, so a product never scatters and its backward is a
    product too, with the other direction.

    Args:
        user_index, item_index: the edges.
        normalise: the weight of edge (u, i): `mean` divides by the receiver's degree, `sym` by the
            root of both degrees, `sum` is 1.

    Shapes:
        user_index, item_index: (E,) integers.
    """

    def __init__(
        self,
        user_index: np.ndarray | Tensor,
        item_index: np.ndarray | Tensor,
        *,
        num_users: int,
        num_items: int,
        normalise: Normalise = "mean",
    ) -> None:
        super().__init__()
        self.num_users, self.num_items, self.normalise = num_users, num_items, normalise
        users = torch.as_tensor(np.asarray(user_index), dtype=torch.int64)
        items = torch.as_tensor(np.asarray(item_index), dtype=torch.int64)
        degree_user = torch.bincount(users, minlength=num_users).clamp(min=1).double()
        degree_item = torch.bincount(items, minlength=num_items).clamp(min=1).double()
        if normalise == "sym":
            weight = (degree_user[users] * degree_item[items]).rsqrt()
            to_user, to_item = weight, weight
        elif normalise == "mean":
            to_user, to_item = 1 / degree_user[users], 1 / degree_item[items]
        else:
            to_user = to_item = torch.ones(len(users), dtype=torch.float64)
        shape = (num_users, num_items)
        # The backward of a product is the transposed product with the same weights.
        self._to_users = SparseProduct.of(users, items, to_user, shape)
        self._to_items = (
            self._to_users.reversed()
            if normalise != "mean"
            else SparseProduct.of(users, items, to_item, shape).reversed()
        )

    def users_from_items(self, x: Tensor) -> Tensor:
        """Shapes: x: (I, d); the result: (U, d)."""
        return self._to_users.forward(x)

    def items_from_users(self, x: Tensor) -> Tensor:
        """Shapes: x: (U, d); the result: (I, d)."""
        return self._to_items.forward(x)

    def users_from_items_max(self, x: Tensor) -> Tensor:
        """Return, element by element, the largest of each user's items; 0 for users without any.

        Shapes:
            x: (I, d); the result: (U, d).
        """
        return self._to_users.maximum(x)

    def items_from_users_max(self, x: Tensor) -> Tensor:
        """Shapes: x: (U, d); the result: (I, d)."""
        return self._to_items.maximum(x)


class SparseProduct(nn.Module):
    """A sparse matrix and its transpose, as something to multiply with."""

    def __init__(self, matrix: Tensor, transpose: Tensor) -> None:
        super().__init__()
        self.register_buffer("matrix", matrix, persistent=False)
        self.register_buffer("transpose", transpose, persistent=False)

    @classmethod
    def of(
        cls, rows: Tensor, columns: Tensor, weight: Tensor, shape: tuple[int, int]
    ) -> SparseProduct:
        """Build both from the entries. Shapes: rows, columns, weight: (E,)."""
        return cls(
            _csr(rows, columns, weight, shape), _csr(columns, rows, weight, (shape[1], shape[0]))
        )

    def reversed(self) -> SparseProduct:
        """Return the product with the transpose."""
        return SparseProduct(self.get_buffer("transpose"), self.get_buffer("matrix"))

    def forward(self, x: Tensor) -> Tensor:
        """Shapes: x: (columns, d); the result: (rows, d)."""
        result: Tensor = _Multiply.apply(self.get_buffer("matrix"), self.get_buffer("transpose"), x)
        return result

    def maximum(self, x: Tensor) -> Tensor:
        """Shapes: x: (columns, d); the result: (rows, d)."""
        matrix = self.get_buffer("matrix")
        lengths = matrix.crow_indices().diff().long()
        gathered = x[matrix.col_indices().long()]
        best = torch.segment_reduce(gathered, "max", lengths=lengths, unsafe=True)
        # -inf where there was nothing to take the largest of.
        return torch.where(torch.isinf(best), torch.zeros((), dtype=x.dtype), best)


class _Multiply(torch.autograd.Function):
    @staticmethod
    def forward(ctx: Any, matrix: Tensor, transpose: Tensor, x: Tensor) -> Tensor:
        ctx.transpose = transpose
        return _multiply(matrix, x)

    @staticmethod
    def backward(ctx: Any, grad: Tensor) -> tuple[None, None, Tensor]:
        return None, None, _multiply(ctx.transpose, grad.contiguous())


def _multiply(matrix: Tensor, x: Tensor) -> Tensor:
    """Shapes: matrix: (rows, columns) CSR; x: (columns, d); the result: (rows, d)."""
    if x.device.type != "cpu":
        return matrix @ x
    # A bag of weighted rows is the same sum, and two to three times faster than torch's product.
    bags: tuple[Tensor, ...] = torch.embedding_bag(
        x,
        matrix.col_indices(),
        matrix.crow_indices(),
        mode=0,  # sum
        per_sample_weights=matrix.values(),
        include_last_offset=True,
    )
    return bags[0]


def _csr(
    rows: Tensor,
    columns: Tensor,
    weight: Tensor,
    shape: tuple[int, int],
) -> Tensor:
    # Sorted by row, then column: equal inputs in any order give the same sums to the last bit.
    order = torch.from_numpy(np.lexsort((columns.numpy(), rows.numpy())))
    counts = torch.bincount(rows, minlength=shape[0])
    start = torch.cat([torch.zeros(1, dtype=torch.int64), counts.cumsum(0)])
    narrow = torch.int32 if len(rows) < 2**31 and max(shape) < 2**31 else torch.int64
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", message="Sparse CSR tensor support is in beta")
        return torch.sparse_csr_tensor(
            start.to(narrow),
            columns[order].to(narrow),
            weight[order].float(),
            size=shape,
            check_invariants=True,
        )
