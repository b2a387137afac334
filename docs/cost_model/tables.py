"""Tables of docs/scale.md."""

from __future__ import annotations

import math
import re
from collections.abc import Callable
from dataclasses import replace

from docs.cost_model.counts import counts
from docs.cost_model.inputs import CORE, GIGA, GPU, NAMES, Plan, World
from docs.cost_model.measurements import GROWN, MEASURED
from docs.cost_model.memory import device_bytes, grown_bytes, host_bytes
from docs.cost_model.once import GB_MONTH, extraction, neighbour_hours, ranking_hours
from docs.cost_model.step import num_steps, step_seconds, training_hours

REDUCED = Plan(
    propagation="sampled",
    batch=65_536,
    negatives=8192,
    ensemble_size=1,
    num_item_neighbours=0,
    epochs=3,
)
EXAMPLES = {
    "1 million videos, the defaults": (World(1e6, 1e6, 5e7), Plan(propagation="sampled")),
    "the same, batches of 16,384": (
        World(1e6, 1e6, 5e7),
        Plan(propagation="sampled", batch=16_384, negatives=4096),
    ),
    "the same, full graph on 8 GPUs": (
        World(1e6, 1e6, 5e7),
        Plan(propagation="full_graph", batch=65_536, negatives=4096, ranks=8),
    ),
    "100 million videos, unreduced": (World(1e8, 1e8, 5e9), Plan(propagation="sampled")),
    "10 million active videos, a tenth of the users": (
        World(1e7, 1e7, 5e8, (128, 128, 128)),
        REDUCED,
    ),
    "1 billion users, unreduced": (
        World(1e7, 1e9, 5e10, (128, 128, 128)),
        REDUCED,
    ),
}


def markdown(head: str, *rows: str) -> str:
    """Return a table; cells are divided by |."""
    columns = head.count("|") + 1
    lines = [head, "|".join(["---"] * columns), *rows]
    return "\n".join(f"| {' | '.join(c.strip() for c in line.split('|'))} |" for line in lines)


def size(num_bytes: float) -> str:
    """Return bytes for a reader: 1.5e9 -> 1.5 GB."""
    for unit, name in ((1e12, "TB"), (1e9, "GB"), (1e6, "MB"), (1e3, "kB")):
        if num_bytes >= unit:
            return f"{num_bytes / unit:.3g} {name}"
    return f"{num_bytes:.0f} B"


def rates_table() -> str:
    """Bytes on the device for one additional item, user and interaction, by model."""
    rows = []
    for model in NAMES:
        plan = Plan(model=model)
        base = World(1e6, 1e6, 1e6)
        more = (replace(base, items=2e6), replace(base, users=2e6), replace(base, edges=2e6))
        num_bytes = [
            (sum(device_bytes(world, plan).values()) - sum(device_bytes(base, plan).values())) / 1e6
            for world in more
        ]
        c = counts(plan, len(base.widths))
        cells = [f"{value:,.0f} B" for value in num_bytes]
        rows.append(f"{model} | {' | '.join(cells)} | {c.products} | {c.reduces}")
    head = "model | per item | per user | per interaction | products | all-reduces of (I, d)"
    return markdown(head, *rows)


def points_table() -> str:
    """Measured times beside those of the formulas."""
    return markdown(
        "model | propagation | users | items | interactions | ranks | measured | by the formulas",
        *(
            f"{p.model} | {p.propagation} | {p.users:,} | {p.items:,} | {p.edges:,} | {p.ranks} | "
            f"{p.ms:.0f} ms | {p.expected_ms:.0f} ms"
            for p in MEASURED
        ),
    )


def grown_table() -> str:
    """Measured growth of a process beside that of the formulas."""
    rows = []
    for model, users, items, edges, num_bytes in GROWN:
        world = World(items, users, edges, (128, 128))
        expected = grown_bytes(world, Plan(model=model, num_item_neighbours=0))
        rows.append(
            f"{model} | {users:,} | {items:,} | {edges:,} | {num_bytes / 1e6:,.0f} MB | "
            f"{expected / 1e6:,.0f} MB"
        )
    return markdown("model | users | items | interactions | measured | by the formulas", *rows)


def extraction_table() -> str:
    """The cost of extracting features."""
    rows = []
    for count, cells in ((1e6, "1 million"), (1e8, "100 million")):
        for on_gpu in (False, True):
            cost = extraction(count, on_gpu=on_gpu)
            rows.append(
                f"{cells}, {'with' if on_gpu else 'without'} GPU | {cost.core_hours:,.0f} | "
                f"{cost.gpu_hours:,.1f} | ${cost.dollars:,.0f} | {size(cost.source_bytes)}, "
                f"{cost.read_hours:,.1f} h | {size(cost.store_bytes)}, "
                f"${cost.store_bytes / GIGA * GB_MONTH:,.0f} | {cost.files / 1e6:,.0f} million"
            )
    return markdown(
        "videos | core-hours | GPU-hours | computing | to read, at 10 Gbit/s | store, a month | "
        "files",
        *rows,
    )


def examples_table() -> str:
    """The cost of training on GPUs."""
    rows = []
    for name, (world, plan) in EXAMPLES.items():
        num_bytes = sum(device_bytes(world, plan).values())
        parts = step_seconds(world, plan, GPU)
        first = max(parts, key=lambda part: parts[part])
        total = sum(parts.values())
        hours = training_hours(world, plan, GPU)
        fits = num_bytes <= GPU.memory
        dollars = f"${hours * plan.ranks * GPU.dollars:,.0f}" if fits else "-"
        rows.append(
            f"{name} | {size(num_bytes)}{'' if fits else ', **too much**'} | "
            f"{size(host_bytes(world, plan))} | {1e3 * total:,.0f} ms, "
            f"{parts[first] / total:.0%} {first} | {num_steps(world, plan):,.0f} | "
            f"{f'{hours:,.1f}' if fits else '-'} | {dollars}"
        )
    return markdown(
        "training | device memory | host memory per process | step | steps | hours | dollars",
        *rows,
    )


def once_table() -> str:
    """The cost of item neighbours before a training, and of lists for all users after it."""
    small, large = World(1e6, 1e6, 5e7), World(1e7, 1e9, 5e10, (128, 128, 128))
    one = Plan(ensemble_size=1)
    cells = {
        "item neighbours of 1 million videos, 2,560 wide": neighbour_hours(small, CORE),
        "item neighbours of 10 million videos, 384 wide": neighbour_hours(large, CORE),
        "lists for 1 million users of 1 million videos, 192 wide": ranking_hours(
            small, Plan(), CORE
        ),
        "lists for 1 billion users of 10 million videos, 64 wide": ranking_hours(large, one, CORE),
    }
    rows = (
        f"{name} | {hours:,.1f} | ${hours * CORE.dollars:,.2f}" for name, hours in cells.items()
    )
    return markdown("once | core-hours | dollars", *rows)


def limits_table() -> str:
    """The largest catalogue that fits one GPU."""
    wide, narrow = (2048, 128, 384), (128, 128, 128)
    plans = {
        "the defaults": (wide, Plan(propagation="sampled")),
        "features of 3 x 128": (narrow, Plan(propagation="sampled")),
        "and ensemble_size=1, no item neighbours": (
            narrow,
            Plan(propagation="sampled", ensemble_size=1, num_item_neighbours=0),
        ),
        "and dim 32": (
            narrow,
            Plan(propagation="sampled", ensemble_size=1, num_item_neighbours=0, dim=32),
        ),
        "mmgcn, features of 3 x 128": (narrow, Plan(model="mmgcn", propagation="sampled")),
        "lightgcn": (narrow, Plan(model="lightgcn", propagation="sampled")),
    }
    rows = []
    for name, (widths, plan) in plans.items():
        items = _largest(
            lambda n, widths=widths, plan=plan: (  # type: ignore[misc]  # as in the loop
                sum(device_bytes(World(n, 1e6, 5e7, widths), plan).values()) <= GPU.memory
            )
        )
        rows.append(f"{name} | {items / 1e6:,.0f} million")
    return markdown("with 1 million users, 50 million interactions | videos in 80 GB", *rows)


def _largest(holds: Callable[[float], bool]) -> float:
    low, high = 1e3, 1e12
    for _ in range(60):
        middle = math.sqrt(low * high)
        low, high = (middle, high) if holds(middle) else (low, middle)
    return low


TABLES: dict[str, Callable[[], str]] = {
    "rates": rates_table,
    "points": points_table,
    "grown": grown_table,
    "extraction": extraction_table,
    "examples": examples_table,
    "once": once_table,
    "limits": limits_table,
}


def updated(page: str) -> str:
    """Return the page with updated tables.

    A table is between `<!-- table: NAME -->` and `<!-- end -->`.
    """

    def computed(found: re.Match[str]) -> str:
        return f"<!-- table: {found[1]} -->\n{TABLES[found[1]]()}\n<!-- end -->"

    return re.sub(r"<!-- table: (\w+) -->\n.*?<!-- end -->", computed, page, flags=re.DOTALL)
