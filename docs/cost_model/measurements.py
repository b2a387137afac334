"""Measurements that the formulas are compared with."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from docs.cost_model.inputs import CORE, Name, Plan, World
from docs.cost_model.step import step_seconds


@dataclass(frozen=True)
class Point:
    """A timed step.

    Args:
        edges: number of interactions.
        ranks: number of processes.
        ms: processor time of one rank in milliseconds, the best of several steps.
    """

    model: Name
    propagation: Literal["full_graph", "sampled"]
    users: int
    items: int
    edges: int
    num_item_neighbours: int
    ranks: int
    ms: float

    @property
    def inputs(self) -> tuple[World, Plan]:
        """The collection and the plan; two modalities 128 wide."""
        world = World(self.items, self.users, self.edges, (128, 128))
        plan = Plan(
            self.model,
            self.propagation,
            num_item_neighbours=self.num_item_neighbours,
            ranks=self.ranks,
        )
        return world, plan

    @property
    def expected_ms(self) -> float:
        """Milliseconds by the formulas."""
        return 1e3 * sum(step_seconds(*self.inputs, CORE).values())


MEASURED = [
    Point("linear_mmgcn", "full_graph", 9_000, 6_700, 60_000, 10, 1, 36.5),
    Point("linear_mmgcn", "full_graph", 90_000, 6_700, 600_000, 10, 1, 75.3),
    Point("linear_mmgcn", "full_graph", 90_000, 67_000, 600_000, 0, 1, 154.1),
    Point("linear_mmgcn", "full_graph", 100_000, 10_000, 2_000_000, 10, 1, 181.4),
    Point("linear_mmgcn", "full_graph", 100_000, 10_000, 2_000_000, 10, 2, 104.9),
    Point("linear_mmgcn", "full_graph", 100_000, 10_000, 2_000_000, 10, 3, 93.1),
    Point("linear_mmgcn", "sampled", 90_000, 67_000, 600_000, 0, 1, 154.7),
    Point("linear_mmgcn", "sampled", 100_000, 10_000, 2_000_000, 10, 1, 103.6),
    Point("mmgcn", "full_graph", 9_000, 6_700, 60_000, 0, 1, 93.9),
    Point("mmgcn", "full_graph", 90_000, 6_700, 600_000, 0, 1, 478.1),
    Point("mmgcn", "full_graph", 90_000, 67_000, 600_000, 0, 1, 717.6),
    Point("mmgcn", "full_graph", 100_000, 10_000, 2_000_000, 0, 1, 746.0),
    Point("mmgcn", "full_graph", 90_000, 6_700, 600_000, 0, 2, 269.4),
    Point("mmgcn", "full_graph", 90_000, 6_700, 600_000, 0, 3, 219.6),
    Point("mmgcn", "sampled", 90_000, 67_000, 600_000, 0, 1, 595.8),
    Point("mmgcn", "sampled", 100_000, 10_000, 2_000_000, 0, 1, 398.8),
    Point("lightgcn", "full_graph", 90_000, 6_700, 600_000, 0, 1, 120.2),
    Point("lightgcn", "full_graph", 100_000, 10_000, 2_000_000, 0, 1, 222.9),
    Point("lightgcn", "full_graph", 100_000, 10_000, 2_000_000, 0, 2, 127.9),
    Point("lightgcn", "full_graph", 100_000, 10_000, 2_000_000, 0, 3, 103.7),
]
# Model, users, items, interactions, and bytes that a process grew by in two full-graph steps (no
# item neighbours, two modalities 128 wide).
GROWN: list[tuple[Name, int, int, int, float]] = [
    ("linear_mmgcn", 100_000, 10_000, 4_000_000, 227e6),
    ("linear_mmgcn", 100_000, 200_000, 400_000, 592e6),
    ("linear_mmgcn", 400_000, 10_000, 400_000, 449e6),
    ("mmgcn", 100_000, 10_000, 4_000_000, 746e6),
    ("mmgcn", 100_000, 200_000, 400_000, 1898e6),
    ("mmgcn", 400_000, 10_000, 400_000, 3408e6),
    ("lightgcn", 100_000, 10_000, 4_000_000, 159e6),
    ("lightgcn", 100_000, 400_000, 400_000, 978e6),
    ("lightgcn", 400_000, 10_000, 400_000, 1054e6),
]
