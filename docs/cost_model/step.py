"""Time: seconds of a training step, by part."""

from __future__ import annotations

import itertools
import math

from docs.cost_model.counts import counts
from docs.cost_model.inputs import DRAW, FLOAT, HISTORY, HOUR, SCORE_BYTES, Machine, Plan, World
from docs.cost_model.subgraph import sampled_subgraph


def step_seconds(world: World, plan: Plan, machine: Machine) -> dict[str, float]:
    """Return the seconds of one step on one rank, by part."""
    c = counts(plan, len(world.widths))
    row = plan.dim * FLOAT
    users, edges = world.users / plan.ranks, world.edges / plan.ranks
    batch = plan.batch / plan.ranks
    items, drawn = world.items, 0.0
    subgraph = sampled_subgraph(world, plan)
    if subgraph is not None:
        sampled_users, sampled_items, drawn = subgraph
        users, edges = sampled_users, drawn
        if plan.model != "linear_mmgcn":
            items = sampled_items
    widths = 0 if plan.model == "lightgcn" else sum(world.widths)
    trained_items = world.items  # of the ensemble member that is trained in this step
    adam = (trained_items + world.users / plan.ranks * c.user_tables) * plan.dim * 7 * FLOAT
    seconds = {
        "scores": SCORE_BYTES * batch * plan.negatives / machine.stream
        + 6 * plan.dim * batch * plan.negatives / machine.flops,
        "edges": _products(plan, machine, users, items, edges, c.products),
        "items": items * c.item_touches * row / machine.stream
        + items * c.item_layers * 6 * plan.dim**2 / machine.flops,
        "users": users * c.user_touches * row / machine.stream
        + users * c.user_layers * 6 * plan.dim**2 / machine.flops,
        "features": items * widths * 4 * plan.dim / machine.flops
        + items * widths * FLOAT * 2 / machine.stream,
        "optimiser": adam / machine.stream,
        "draws": _draws(world, plan, machine, drawn),
        "network": network_seconds(world, plan, machine),
        "start": machine.launch,
    }
    if plan.model == "linear_mmgcn" and plan.num_item_neighbours:
        table = world.items * row
        seconds["items"] += (
            2 * world.items * plan.num_item_neighbours * row / gather_speed(machine, table)
        )
    return seconds


def network_bytes(world: World, plan: Plan) -> float:
    """Return the bytes that are summed over the ranks in a step."""
    c = counts(plan, len(world.widths))
    table = world.items * plan.dim * FLOAT
    return c.reduces * table if plan.ranks > 1 else 0.0


def network_seconds(world: World, plan: Plan, machine: Machine) -> float:
    """Return the seconds of a ring all-reduce: each rank sends 2 (R - 1) / R of the bytes."""
    share = 2 * (plan.ranks - 1) / plan.ranks
    return share * network_bytes(world, plan) / machine.network


def num_steps(world: World, plan: Plan) -> float:
    """Return the steps of a training."""
    return plan.epochs * max(world.edges / plan.batch, 20.0)


def training_hours(world: World, plan: Plan, machine: Machine) -> float:
    """Return the hours of all steps."""
    return num_steps(world, plan) * sum(step_seconds(world, plan, machine).values()) / HOUR


def _draws(world: World, plan: Plan, machine: Machine, drawn: float) -> float:
    """Return the seconds of a step's draws. Every rank draws for all of them."""
    watched = world.edges / world.users
    seconds = plan.batch * watched * HISTORY + drawn * machine.drawn
    if plan.propagation == "full_graph" and plan.model == "linear_mmgcn":
        # A number for each edge of all, then new weights for the own ones.
        seconds += world.edges * DRAW + world.edges / plan.ranks * 80 / machine.stream * 2
    return seconds


def _products(
    plan: Plan,
    machine: Machine,
    users: float,
    items: float,
    edges: float,
    products: int,
) -> float:
    """Half of the products gather items, half users."""
    row = plan.dim * FLOAT
    each = 1 / gather_speed(machine, items * row) + 1 / gather_speed(machine, users * row)
    written = products / 2 * (users + items) * row / machine.stream
    return products / 2 * edges * row * each + written


def gather_speed(machine: Machine, table_bytes: float) -> float:
    """Return bytes a second, between the measured sizes by the logarithm."""
    sizes = machine.gather
    for (small, fast), (large, slow) in itertools.pairwise(sizes):
        if table_bytes <= large:
            share = max(math.log(table_bytes / small) / math.log(large / small), 0.0)
            return fast * math.exp(share * math.log(slow / fast))
    return sizes[-1][1]
