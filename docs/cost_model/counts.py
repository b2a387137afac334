"""Counts of the code: tables, products and sums of a training step of each model."""

from __future__ import annotations

from dataclasses import dataclass

from docs.cost_model.inputs import Plan


@dataclass(frozen=True)
class Counts:
    """Counts of a model and of its training step, in rows of d values.

    Args:
        item_tables, user_tables: trained rows per item and user.
        item_touches, user_touches: rows that a step reads or writes sequentially.
        item_kept, user_kept: rows that a step saves for its backward pass.
        item_layers, user_layers: products with a d x d matrix; 3 each, with the backward pass.
        products: sparse products over all edges, forward and backward.
        reduces: all-reduces of (I, d) per step, including the gradients of items.
        edge_bytes: bytes per edge of the graph.
        edge_kept: bytes per edge that a full-graph step allocates.
    """

    item_tables: int
    user_tables: int
    item_touches: int
    user_touches: int
    item_kept: int
    user_kept: int
    item_layers: int
    user_layers: int
    products: int
    reduces: int
    edge_bytes: int
    edge_kept: int


def counts(plan: Plan, num_modalities: int) -> Counts:
    """Return the counts of a model."""
    m, layers = num_modalities, plan.layers
    if plan.model == "linear_mmgcn":
        # A mean has two directions with two weights each, 4 x (column, weight). A graph with
        # dropped edges has 4 new weights, the order by items and the keys.
        return Counts(plan.ensemble_size, 0, 70, 16, 6, 4, 0, 0, 4, 3, 32, 16 + 16)
    if plan.model == "lightgcn":
        return Counts(1, 1, 34, 34, 4, 7, 0, 0, 4 * layers, 2 * layers + 1, 16, 0)
    full = m * (layers - 1)  # the last layer is computed for the batch only
    return Counts(
        item_tables=1,
        user_tables=1 + m,
        item_touches=110 * full,
        user_touches=110 * full,
        item_kept=9 * m,
        user_kept=12 * m,
        item_layers=3 * full,
        user_layers=3 * full,
        products=4 * layers * m,
        reduces=2 * layers * m + 1,
        edge_bytes=32,
        edge_kept=0,
    )
