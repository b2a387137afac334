"""Memory: bytes on a device and on a host."""

from __future__ import annotations

from docs.cost_model.counts import counts
from docs.cost_model.inputs import FLOAT, Plan, World
from docs.cost_model.subgraph import sampled_subgraph


def device_bytes(world: World, plan: Plan) -> dict[str, float]:
    """Return the bytes on one rank's device, by their content."""
    c = counts(plan, len(world.widths))
    users, edges, row = world.users / plan.ranks, world.edges / plan.ranks, plan.dim * FLOAT
    state = 4 + 1  # value, gradient, two moments; the best value so far
    subgraph = sampled_subgraph(world, plan)
    kept_users, kept_items = (users, world.items) if subgraph is None else subgraph[:2]
    if plan.model == "linear_mmgcn":
        kept_items = world.items  # content and item neighbours are computed for all
    return {
        "features": world.items * sum(world.widths) * FLOAT if plan.model != "lightgcn" else 0.0,
        "items": world.items * c.item_tables * row * state,
        "users": users * c.user_tables * row * state,
        "item neighbours": world.items * plan.num_item_neighbours * 4 * FLOAT
        if plan.model == "linear_mmgcn"
        else 0.0,
        "graph": edges * (c.edge_bytes + (c.edge_kept if plan.propagation == "full_graph" else 0)),
        "of a step": (kept_items * c.item_kept + kept_users * c.user_kept) * row,
        "scores": 3.0 * plan.batch * plan.negatives * FLOAT / plan.ranks,
    }


def grown_bytes(world: World, plan: Plan) -> float:
    """Return the growth of a process in bytes by its first steps (one ensemble member)."""
    c = counts(plan, len(world.widths))
    num_bytes = device_bytes(world, plan)
    trained = world.items + world.users / plan.ranks * c.user_tables
    state = 3 * trained * plan.dim * FLOAT  # gradient, two moments
    return (
        state
        + num_bytes["of a step"]
        + num_bytes["scores"]
        + world.edges / plan.ranks * c.edge_kept
    )


HOST_EDGE = 150  # bytes of host memory at the peak: reading, building the graph, drawing batches
HOST_ID = 60  # of a user or an item: its id as text, and tables by it


def host_bytes(world: World, plan: Plan) -> float:
    """Return the bytes of host memory of each process; each reads all interactions."""
    c = counts(plan, len(world.widths))
    features = (
        sum(world.widths) * FLOAT * 3 if plan.model != "lightgcn" else 0
    )  # read, scaled, kept
    tables = (world.users * c.user_tables + world.items * c.item_tables) * plan.dim * FLOAT
    ids = (world.users + world.items) * HOST_ID
    return world.edges * HOST_EDGE + world.items * features + tables + ids
