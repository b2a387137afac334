"""BipartiteGraph: users and items with an edge per interaction, as sparse products."""

from __future__ import annotations

from typing import ClassVar, Literal, Self

import numpy as np
import torch
from torch import Tensor, nn

from mmgcn.data.interactions import Interactions
from mmgcn.sparse import GraphError, SparseProduct

Normalise = Literal["mean", "sym", "sum"]


class BipartiteGraph(nn.Module):
    """Aggregation over the edges between users and items, in both directions.

    Both directions are stored as compressed rows, so that a product never scatters, and the
    backward of a product is a product with the other direction. Sums do not depend on the order of
    the edges, bit for bit.

    Args:
        user_index, item_index: nodes of each edge.
        normalise: weight of an edge: `mean` is 1 / degree of the aggregating node, `sym` is
            1 / sqrt(product of both degrees), `sum` is 1.
        weight: positive weight of each edge; degrees are then sums of weights, and `mean` a
            weighted mean. The maximum ignores it.
        dtype: dtype of the weights, which are converted for vectors of another dtype.

    Shapes:
        user_index, item_index: (E,) integers; weight: (E,).

    Raises:
        GraphError: an index outside the graph, or a weight that is not positive.
    """

    _COPIED: ClassVar[tuple[str, ...]] = (
        "num_users",
        "num_items",
        "normalise",
        "_by_item",
        "_keys",
    )

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
                raise GraphError("the weights of edges must be positive and finite; some are not")
        # A node with an edge has a degree above 0, so nothing is divided by 0.
        user_degree = torch.bincount(users, edge, minlength=num_users)[users]  # (E,)
        item_degree = torch.bincount(items, edge, minlength=num_items)[items]  # (E,)
        shape = (num_users, num_items)
        if normalise == "mean":
            # The backward of a product is the transposed product with the same weights, so means
            # over items and means over users need a pair of matrices each.
            to_user, to_item = (edge / user_degree).to(dtype), (edge / item_degree).to(dtype)
            self.to_users = SparseProduct.of(users, items, to_user, shape)
            self.to_items = SparseProduct.of(users, items, to_item, shape).reversed()
        else:
            if normalise == "sym":
                edge = edge * (user_degree * item_degree).rsqrt()
            self.to_users = SparseProduct.of(users, items, edge.to(dtype), shape)
            self.to_items = self.to_users.reversed()
        self._by_item: Tensor | None = None
        self._keys: Tensor | None = None

    @classmethod
    def of(cls, interactions: Interactions, *, normalise: Normalise = "mean") -> Self:
        """Return the graph with an edge per interaction."""
        return cls(
            interactions.user_index,
            interactions.item_index,
            num_users=len(interactions.users),
            num_items=len(interactions.items),
            normalise=normalise,
        )

    @classmethod
    def of_products(
        cls, to_users: SparseProduct, to_items: SparseProduct, *, normalise: Normalise
    ) -> BipartiteGraph:
        """Return a graph of two products, whose edges may differ."""
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
        """Number of edges."""
        return len(self.to_users.matrix.column)

    def draw(self, generator: torch.Generator) -> Tensor:
        """Return a uniform random number in [0, 1) per edge, sorted by user, then by item.

        Shapes:
            the result: (E,), on the CPU.
        """
        return torch.rand(self.num_edges, generator=generator)

    def edge_positions(self, user_index: Tensor, item_index: Tensor) -> Tensor:
        """Return the positions of edges in the order by user, then by item.

        Shapes:
            user_index, item_index, the result: (B,) int64.
        """
        if self._keys is None:
            self._keys = self.to_users.matrix.keys()
        return torch.searchsorted(self._keys, user_index * self.num_items + item_index)

    def masked(self, keep: Tensor) -> Self:
        """Return the graph without some of its edges; the weights of the others do not change.

        Shapes:
            keep: (E,) bool, in the order by user, then by item.
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
        graph = type(self).__new__(type(self))
        nn.Module.__init__(graph)
        for name in self._COPIED:
            setattr(graph, name, getattr(self, name))
        graph.to_users, graph.to_items = to_users, to_items
        return graph

    def users_from_items(self, x: Tensor, *, rows: Tensor | None = None) -> Tensor:
        """Return the aggregation over the items of each user, or of some users.

        Shapes:
            x: (I, d); rows: (B,) users; the result: (U, d), or (B, d).
        """
        return self.to_users.forward(x, rows=rows)

    def items_from_users(self, x: Tensor, *, rows: Tensor | None = None) -> Tensor:
        """Return the aggregation over each item's users. Shapes: (U, d) -> (I, d), or (B, d)."""
        return self.to_items.forward(x, rows=rows)

    def users_from_items_max(self, x: Tensor, *, rows: Tensor | None = None) -> Tensor:
        """Return the element-wise maximum over the items of each user.

        Elements of -inf are ignored; a maximum over nothing is 0. The gradient flows to the
        maximum; of equal elements, to the one with the smallest index. Shapes: as for
        `users_from_items`.
        """
        return self.to_users.maximum(x, rows=rows)

    def items_from_users_max(self, x: Tensor, *, rows: Tensor | None = None) -> Tensor:
        """Return the maximum over each item's users. Shapes: (U, d) -> (I, d), or (B, d)."""
        return self.to_items.maximum(x, rows=rows)


def _check_range(side: str, index: Tensor, num: int) -> None:
    if len(index) and not (int(index.min()) >= 0 and int(index.max()) < num):
        raise GraphError(
            f"{side}_index ranges from {int(index.min())} to {int(index.max())}; there are {num} "
            f"{side}s, counted from 0"
        )
