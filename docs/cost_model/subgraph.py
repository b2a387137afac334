"""Sampled subgraphs: the expected number of users, items and edges in a step."""

from __future__ import annotations

import math

from docs.cost_model.inputs import Plan, World


def sampled_subgraph(world: World, plan: Plan) -> tuple[float, float, float] | None:
    """Return the numbers of users, items and edges of a step; None with the full graph.

    The batch aggregates k neighbours of each node, which aggregate k again for a second hop. Of n
    draws among N, about N (1 - exp(-n / N)) are distinct.
    """
    if plan.propagation == "full_graph":
        return None
    k, nodes = plan.num_neighbours, plan.batch + plan.negatives
    of_items = nodes * min(k, world.edges / world.items)
    of_users = plan.batch * min(k, world.edges / world.users)
    users = _num_distinct(plan.batch + of_items, world.users)
    if plan.model == "linear_mmgcn":  # users aggregate over one hop, items over two
        second = users * min(k, world.edges / world.users)
        items = _num_distinct(nodes + second, world.items)
        return users, items, min(of_items + second, world.edges)
    second_users = users * min(k, world.edges / world.users)
    items = _num_distinct(nodes + of_users, world.items)
    second_items = items * min(k, world.edges / world.items)
    edges = min(second_users + second_items, 2 * world.edges)
    users = _num_distinct(users + second_items, world.users)
    items = _num_distinct(items + second_users, world.items)
    return users, items, edges


def _num_distinct(draws: float, among: float) -> float:
    return among * -math.expm1(-draws / among)
