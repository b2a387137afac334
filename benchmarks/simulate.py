"""What a collection costs, on paper: bytes, operations, hours and dollars, by formulas.

    python -m benchmarks.simulate                            print the tables
    python -m benchmarks.simulate --write docs/scale.md      put them there, and docs/scale.png
    python -m benchmarks.simulate --measure                  compare with this machine (one core)

The formulas are functions of a collection (`World`), of how it is trained (`Plan`) and of what it
runs on (`Machine`). Their constants are of three kinds: counts, read off the code and held to it by
tests/test_scale.py; rows that a step touches and keeps, fitted to some of what was measured; and
speeds, measured on one core or, for a GPU, assumed from data sheets.
"""

from __future__ import annotations

import argparse
import itertools
import math
import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Literal

FLOAT = 4  # bytes
GIGA, HOUR = 1e9, 3600.0
Name = Literal["linear_mmgcn", "mmgcn", "lightgcn"]
NAMES: tuple[Name, ...] = ("linear_mmgcn", "mmgcn", "lightgcn")


# --- a collection, a plan, a machine ---


@dataclass(frozen=True)
class World:
    """A collection.

    Args:
        items: videos that can be recommended.
        widths: of the features, by modality.
    """

    items: float
    users: float
    edges: float
    widths: tuple[int, ...] = (2048, 128, 384)


@dataclass(frozen=True)
class Plan:
    """How a model is trained: as the settings of that name, on a number of processes."""

    model: Name = "linear_mmgcn"
    passes: Literal["whole", "sampled"] = "whole"
    dim: int = 64
    members: int = 3
    layers: int = 2
    alike: int = 10
    batch: int = 2048
    negatives: int = 1024
    neighbours: int = 10
    epochs: int = 12
    ranks: int = 1


@dataclass(frozen=True)
class Machine:
    """What one process runs on.

    Args:
        flops: of a matrix product, a second.
        stream: bytes a second, one after the other.
        gather: bytes a second in rows of 256, by the bytes of the table they lie in.
        drawn: seconds for an edge of a sampled pass, with sorting what is found.
        network: bytes a second that a process sends to another.
        launch: seconds a step spends on starting its operations.
        memory: bytes.
        dollars: an hour.
    """

    name: str
    flops: float
    stream: float
    gather: tuple[tuple[float, float], ...]
    drawn: float
    network: float
    launch: float
    memory: float
    dollars: float


# Measured (see docs/scale.md): one core of a Xeon with AVX-512, processor time.
CORE = Machine(
    name="core",
    flops=165e9,
    stream=21e9,
    gather=((2.5e5, 88e9), (2.5e6, 47e9), (2.5e7, 18e9), (2.5e8, 5.6e9), (1e9, 3.9e9)),
    drawn=150e-9,
    network=2.5e9,
    launch=1e-3,
    memory=8e9,
    dollars=0.04,
)
# Assumed: an H100 of 80 GB at half of what its data sheet says, in a box of eight.
GPU = Machine(
    name="GPU",
    flops=30e12,
    stream=1.6e12,
    gather=((1.0, 0.8e12),),
    drawn=5e-9,
    network=200e9,
    launch=5e-3,
    memory=80e9,
    dollars=3.0,
)
DRAW = 2.3e-9  # seconds for a random number, on the CPU in either case
PLACE = 35e-9  # seconds for an item that the user of a drawn interaction has watched
SCORE_BYTES = 160.0  # moved for each score of the softmax, there and back


# --- counts, as in the code ---


@dataclass(frozen=True)
class Counts:
    """What a model has and does, in numbers of d for each row, and products over all edges.

    Args:
        item_tables, user_tables: trained rows of d numbers.
        item_touches, user_touches: rows of d that a step reads or writes, one after the other.
        item_kept, user_kept: rows of d that a step holds until its backward.
        item_layers, user_layers: matrix products of d x d, with their backward 3 each.
        products: over all edges, forward and backward.
        reduces: sums of (I, d) over the ranks in a step, gradients of items among them.
        edge_bytes: of the graph.
        edge_kept: bytes of what a whole pass makes for each edge.
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
        # A mean has two directions with two weights each, 4 x (column, weight). A thinned graph has
        # 4 weights anew, the order by items and the keys.
        return Counts(plan.members, 0, 70, 16, 6, 4, 0, 0, 4, 3, 32, 16 + 16)
    if plan.model == "lightgcn":
        return Counts(1, 1, 34, 34, 4, 7, 0, 0, 4 * layers, 2 * layers + 1, 16, 0)
    full = m * (layers - 1)  # the last layer is computed for the batch alone
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


# --- bytes ---


def device_bytes(world: World, plan: Plan) -> dict[str, float]:
    """Return the bytes on one rank's device, by what they hold."""
    c = counts(plan, len(world.widths))
    users, edges, row = world.users / plan.ranks, world.edges / plan.ranks, plan.dim * FLOAT
    state = 4 + 1  # value, gradient, two moments; the best value so far
    heard = _heard(world, plan)
    kept_users, kept_items = (users, world.items) if heard is None else heard[:2]
    if plan.model == "linear_mmgcn":
        kept_items = world.items  # content and likeness are computed for all
    return {
        "features": world.items * sum(world.widths) * FLOAT if plan.model != "lightgcn" else 0.0,
        "items": world.items * c.item_tables * row * state,
        "users": users * c.user_tables * row * state,
        "like items": world.items * plan.alike * 4 * FLOAT if plan.model == "linear_mmgcn" else 0.0,
        "graph": edges * (c.edge_bytes + (c.edge_kept if plan.passes == "whole" else 0)),
        "of a step": (kept_items * c.item_kept + kept_users * c.user_kept) * row,
        "scores": 3.0 * plan.batch * plan.negatives * FLOAT / plan.ranks,
    }


def grown_bytes(world: World, plan: Plan) -> float:
    """Return what a process has more after its first steps, which train one member."""
    c = counts(plan, len(world.widths))
    held = device_bytes(world, plan)
    trained = world.items + world.users / plan.ranks * c.user_tables
    state = 3 * trained * plan.dim * FLOAT  # gradient, two moments
    return state + held["of a step"] + held["scores"] + world.edges / plan.ranks * c.edge_kept


HOST_EDGE = 150  # bytes of host memory at the peak: reading, building the graph, drawing batches
HOST_ID = 60  # of a user or an item: its id as text, and tables by it


def host_bytes(world: World, plan: Plan) -> float:
    """Return the bytes that each process needs beside its device; each reads all interactions."""
    c = counts(plan, len(world.widths))
    features = (
        sum(world.widths) * FLOAT * 3 if plan.model != "lightgcn" else 0
    )  # read, scaled, kept
    tables = (world.users * c.user_tables + world.items * c.item_tables) * plan.dim * FLOAT
    ids = (world.users + world.items) * HOST_ID
    return world.edges * HOST_EDGE + world.items * features + tables + ids


# --- seconds ---


def step_seconds(world: World, plan: Plan, machine: Machine) -> dict[str, float]:
    """Return the seconds of one step on one rank, by what they go to."""
    c = counts(plan, len(world.widths))
    row = plan.dim * FLOAT
    users, edges = world.users / plan.ranks, world.edges / plan.ranks
    batch = plan.batch / plan.ranks
    items, drawn = world.items, 0.0
    heard = _heard(world, plan)
    if heard is not None:
        heard_users, heard_items, drawn = heard
        users, edges = heard_users, drawn
        if plan.model != "linear_mmgcn":
            items = heard_items
    widths = 0 if plan.model == "lightgcn" else sum(world.widths)
    trained_items = world.items  # of the member whose turn it is
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
    if plan.model == "linear_mmgcn" and plan.alike:
        table = world.items * row
        seconds["items"] += 2 * world.items * plan.alike * row / _gather(machine, table)
    return seconds


def network_bytes(world: World, plan: Plan) -> float:
    """Return the bytes that are summed over the ranks in a step."""
    c = counts(plan, len(world.widths))
    table = world.items * plan.dim * FLOAT
    return c.reduces * table if plan.ranks > 1 else 0.0


def network_seconds(world: World, plan: Plan, machine: Machine) -> float:
    """Return what the sums take in a ring: each rank sends 2 (R - 1) / R of what is summed."""
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
    seconds = plan.batch * watched * PLACE + drawn * machine.drawn
    if plan.passes == "whole" and plan.model == "linear_mmgcn":
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
    each = 1 / _gather(machine, items * row) + 1 / _gather(machine, users * row)
    written = products / 2 * (users + items) * row / machine.stream
    return products / 2 * edges * row * each + written


def _heard(world: World, plan: Plan) -> tuple[float, float, float] | None:
    """Return the users, items and edges of a sampled pass; None of a whole one.

    The batch hears k of each; for another hop those hear k again. Of n draws among N, about
    N (1 - exp(-n / N)) are different.
    """
    if plan.passes == "whole":
        return None
    k, nodes = plan.neighbours, plan.batch + plan.negatives
    of_items = nodes * min(k, world.edges / world.items)
    of_users = plan.batch * min(k, world.edges / world.users)
    users = _different(plan.batch + of_items, world.users)
    if plan.model == "linear_mmgcn":  # users hear over one edge, items over two
        second = users * min(k, world.edges / world.users)
        items = _different(nodes + second, world.items)
        return users, items, min(of_items + second, world.edges)
    second_users = users * min(k, world.edges / world.users)
    items = _different(nodes + of_users, world.items)
    second_items = items * min(k, world.edges / world.items)
    edges = min(second_users + second_items, 2 * world.edges)
    users = _different(users + second_items, world.users)
    items = _different(items + second_users, world.items)
    return users, items, edges


def _different(draws: float, among: float) -> float:
    return among * -math.expm1(-draws / among)


def _gather(machine: Machine, table_bytes: float) -> float:
    """Return bytes a second, between the measured sizes by the logarithm."""
    sizes = machine.gather
    for (small, fast), (large, slow) in itertools.pairwise(sizes):
        if table_bytes <= large:
            share = max(math.log(table_bytes / small) / math.log(large / small), 0.0)
            return fast * math.exp(share * math.log(slow / fast))
    return sizes[-1][1]


# --- extraction and recommending ---

NUM_FRAMES = 16
DECODED = 26.0  # frames a second and core, docs/scale.md
ENCODED = 10.7  # frames a second and core, ResNet50
FRAME_FLOP = 8.2e9
OTHERS = 0.05  # seconds for sound and caption
CLIP_BYTES = 3e6  # assumed: a quarter of a minute at 720 lines
LINK = 1.25e9  # bytes a second from the storage: 10 Gbit/s
GB_MONTH = 0.023  # dollars


@dataclass(frozen=True)
class Extraction:
    """What features of some videos cost."""

    core_hours: float
    gpu_hours: float
    source_bytes: float
    store_bytes: float
    files: float

    @property
    def dollars(self) -> float:
        """Of computing, without storage."""
        return self.core_hours * CORE.dollars + self.gpu_hours * GPU.dollars

    @property
    def read_hours(self) -> float:
        """Of reading the videos over one link."""
        return self.source_bytes / LINK / HOUR


def extraction(num_videos: float, *, on_gpu: bool) -> Extraction:
    """Return what features of some videos cost: a picture, a sound and a text set."""
    decode = NUM_FRAMES / DECODED + OTHERS
    encode = NUM_FRAMES / ENCODED
    gpu = NUM_FRAMES * FRAME_FLOP / GPU.flops
    # float16 rows in blocks of 4 KiB: 16 x 2048, 15 x 128, 1 x 384; and three lines of records.
    stored = NUM_FRAMES * 2048 * 2 + 4096 + 4096 + 3 * 250
    return Extraction(
        core_hours=num_videos * (decode + (0 if on_gpu else encode)) / HOUR,
        gpu_hours=num_videos * gpu / HOUR if on_gpu else 0.0,
        source_bytes=num_videos * CLIP_BYTES,
        store_bytes=num_videos * stored,
        files=3 * num_videos,
    )


def ranking_hours(world: World, plan: Plan, machine: Machine) -> float:
    """Return the hours of scoring every video for every user: an inner product each."""
    width = plan.dim * (plan.members if plan.model == "linear_mmgcn" else 1)
    return 2 * width * world.users * world.items / machine.flops / HOUR


def alike_hours(world: World, machine: Machine) -> float:
    """Return the hours of comparing all videos by content, once before a training."""
    return 2 * world.items**2 * sum(world.widths) / machine.flops / HOUR


# --- what was measured ---


@dataclass(frozen=True)
class Point:
    """A step that was timed: milliseconds of processor time of one rank, the best of several."""

    model: Name
    passes: Literal["whole", "sampled"]
    users: int
    items: int
    edges: int
    alike: int
    ranks: int
    ms: float

    @property
    def told(self) -> tuple[World, Plan]:
        """The collection and the plan; features of twice 128."""
        world = World(self.items, self.users, self.edges, (128, 128))
        plan = Plan(self.model, self.passes, alike=self.alike, ranks=self.ranks)
        return world, plan

    @property
    def expected_ms(self) -> float:
        """By the formulas."""
        return 1e3 * sum(step_seconds(*self.told, CORE).values())


MEASURED = [
    Point("linear_mmgcn", "whole", 9_000, 6_700, 60_000, 10, 1, 36.5),
    Point("linear_mmgcn", "whole", 90_000, 6_700, 600_000, 10, 1, 75.3),
    Point("linear_mmgcn", "whole", 90_000, 67_000, 600_000, 0, 1, 154.1),
    Point("linear_mmgcn", "whole", 100_000, 10_000, 2_000_000, 10, 1, 181.4),
    Point("linear_mmgcn", "whole", 100_000, 10_000, 2_000_000, 10, 2, 104.9),
    Point("linear_mmgcn", "whole", 100_000, 10_000, 2_000_000, 10, 3, 93.1),
    Point("linear_mmgcn", "sampled", 90_000, 67_000, 600_000, 0, 1, 154.7),
    Point("linear_mmgcn", "sampled", 100_000, 10_000, 2_000_000, 10, 1, 103.6),
    Point("mmgcn", "whole", 9_000, 6_700, 60_000, 0, 1, 93.9),
    Point("mmgcn", "whole", 90_000, 6_700, 600_000, 0, 1, 478.1),
    Point("mmgcn", "whole", 90_000, 67_000, 600_000, 0, 1, 717.6),
    Point("mmgcn", "whole", 100_000, 10_000, 2_000_000, 0, 1, 746.0),
    Point("mmgcn", "whole", 90_000, 6_700, 600_000, 0, 2, 269.4),
    Point("mmgcn", "whole", 90_000, 6_700, 600_000, 0, 3, 219.6),
    Point("mmgcn", "sampled", 90_000, 67_000, 600_000, 0, 1, 595.8),
    Point("mmgcn", "sampled", 100_000, 10_000, 2_000_000, 0, 1, 398.8),
    Point("lightgcn", "whole", 90_000, 6_700, 600_000, 0, 1, 120.2),
    Point("lightgcn", "whole", 100_000, 10_000, 2_000_000, 0, 1, 222.9),
    Point("lightgcn", "whole", 100_000, 10_000, 2_000_000, 0, 2, 127.9),
    Point("lightgcn", "whole", 100_000, 10_000, 2_000_000, 0, 3, 103.7),
]
# Model, users, items, interactions, and bytes that a process grew by in two steps (whole passes,
# no like items, features of twice 128).
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


# --- tables of the page ---

EXAMPLES = {
    "1 million videos, the defaults": (World(1e6, 1e6, 5e7), Plan(passes="sampled")),
    "the same, batches of 16,384": (
        World(1e6, 1e6, 5e7),
        Plan(passes="sampled", batch=16_384, negatives=4096),
    ),
    "the same, whole passes on 8": (
        World(1e6, 1e6, 5e7),
        Plan(passes="whole", batch=65_536, negatives=4096, ranks=8),
    ),
    "100 million videos, as they are": (World(1e8, 1e8, 5e9), Plan(passes="sampled")),
    "10 million live videos, a tenth of the users": (
        World(1e7, 1e7, 5e8, (128, 128, 128)),
        Plan(passes="sampled", batch=65_536, negatives=8192, members=1, alike=0, epochs=3),
    ),
    "1 billion users, as they are": (
        World(1e7, 1e9, 5e10, (128, 128, 128)),
        Plan(passes="sampled", batch=65_536, negatives=8192, members=1, alike=0, epochs=3),
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
    """Bytes on the device for one item, user and interaction more, by model."""
    rows = []
    for model in NAMES:
        plan = Plan(model=model)
        base = World(1e6, 1e6, 1e6)
        more = (replace(base, items=2e6), replace(base, users=2e6), replace(base, edges=2e6))
        held = [
            (sum(device_bytes(world, plan).values()) - sum(device_bytes(base, plan).values())) / 1e6
            for world in more
        ]
        c = counts(plan, len(base.widths))
        told = [f"{value:,.0f} B" for value in held]
        rows.append(f"{model} | {' | '.join(told)} | {c.products} | {c.reduces}")
    head = "model | an item | a user | an interaction | products over the edges | sums of (I, d)"
    return markdown(head, *rows)


def points_table() -> str:
    """What was timed, beside the formulas."""
    return markdown(
        "model | passes | users | items | interactions | ranks | measured | by the formulas",
        *(
            f"{p.model} | {p.passes} | {p.users:,} | {p.items:,} | {p.edges:,} | {p.ranks} | "
            f"{p.ms:.0f} ms | {p.expected_ms:.0f} ms"
            for p in MEASURED
        ),
    )


def grown_table() -> str:
    """What steps were seen to add to a process, beside the formulas."""
    rows = []
    for model, users, items, edges, held in GROWN:
        world = World(items, users, edges, (128, 128))
        expected = grown_bytes(world, Plan(model=model, alike=0))
        rows.append(
            f"{model} | {users:,} | {items:,} | {edges:,} | {held / 1e6:,.0f} MB | "
            f"{expected / 1e6:,.0f} MB"
        )
    return markdown("model | users | items | interactions | measured | by the formulas", *rows)


def extraction_table() -> str:
    """What features of some videos cost."""
    rows = []
    for count, told in ((1e6, "1 million"), (1e8, "100 million")):
        for on_gpu in (False, True):
            cost = extraction(count, on_gpu=on_gpu)
            rows.append(
                f"{told}, {'with' if on_gpu else 'without'} GPU | {cost.core_hours:,.0f} | "
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
    """What training costs, on GPUs."""
    rows = []
    for name, (world, plan) in EXAMPLES.items():
        held = sum(device_bytes(world, plan).values())
        parts = step_seconds(world, plan, GPU)
        first = max(parts, key=lambda part: parts[part])
        total = sum(parts.values())
        hours = training_hours(world, plan, GPU)
        fits = held <= GPU.memory
        dollars = f"${hours * plan.ranks * GPU.dollars:,.0f}" if fits else "-"
        rows.append(
            f"{name} | {size(held)}{'' if fits else ', **too much**'} | "
            f"{size(host_bytes(world, plan))} | {1e3 * total:,.0f} ms, "
            f"{parts[first] / total:.0%} {first} | {num_steps(world, plan):,.0f} | "
            f"{f'{hours:,.1f}' if fits else '-'} | {dollars}"
        )
    return markdown(
        "training | a device holds | a process, on its host | a step | steps | hours | dollars",
        *rows,
    )


def once_table() -> str:
    """What is done once: likeness before a training, lists for everyone after it."""
    small, large = World(1e6, 1e6, 5e7), World(1e7, 1e9, 5e10, (128, 128, 128))
    one = Plan(members=1)
    told = {
        "like items of 1 million videos, 2,560 wide": alike_hours(small, CORE),
        "like items of 10 million videos, 384 wide": alike_hours(large, CORE),
        "lists for 1 million users of 1 million videos, 192 wide": ranking_hours(
            small, Plan(), CORE
        ),
        "lists for 1 billion users of 10 million videos, 64 wide": ranking_hours(large, one, CORE),
    }
    rows = (f"{name} | {hours:,.1f} | ${hours * CORE.dollars:,.2f}" for name, hours in told.items())
    return markdown("once | core-hours | dollars", *rows)


def limits_table() -> str:
    """The largest catalogue that one GPU holds."""
    wide, narrow = (2048, 128, 384), (128, 128, 128)
    plans = {
        "the defaults": (wide, Plan(passes="sampled")),
        "features of 3 x 128": (narrow, Plan(passes="sampled")),
        "and one member, no like items": (narrow, Plan(passes="sampled", members=1, alike=0)),
        "and dim 32": (narrow, Plan(passes="sampled", members=1, alike=0, dim=32)),
        "mmgcn, features of 3 x 128": (narrow, Plan(model="mmgcn", passes="sampled")),
        "lightgcn": (narrow, Plan(model="lightgcn", passes="sampled")),
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


def written(page: str) -> str:
    """Return the page with its tables computed anew.

    A table lies between `<!-- table: NAME -->` and `<!-- end -->`.
    """

    def anew(found: re.Match[str]) -> str:
        return f"<!-- table: {found[1]} -->\n{TABLES[found[1]]()}\n<!-- end -->"

    return re.sub(r"<!-- table: (\w+) -->\n.*?<!-- end -->", anew, page, flags=re.DOTALL)


# --- curves ---


def draw(path: Path) -> None:
    """Draw the curves of the page."""
    from matplotlib.figure import Figure

    figure = Figure(figsize=(11, 3.4), layout="constrained")
    memory, step, speed = figure.subplots(1, 3)

    items = [10 ** (5 + n / 20) for n in range(61)]
    for name, plan, widths in (
        ("linear_mmgcn", Plan(passes="sampled"), (2048, 128, 384)),
        ("linear_mmgcn, 3 x 128, 1 member", Plan(passes="sampled", members=1, alike=0), (128,) * 3),
        ("mmgcn, 3 x 128", Plan(model="mmgcn", passes="sampled"), (128,) * 3),
        ("lightgcn", Plan(model="lightgcn", passes="sampled"), ()),
    ):
        held = [sum(device_bytes(World(n, 1e6, 5e7, widths), plan).values()) for n in items]
        memory.loglog(items, [h / GIGA for h in held], label=name)
    memory.axhline(GPU.memory / GIGA, color="grey", linestyle=":")
    memory.set(xlabel="videos", ylabel="GB on a device", title="What a device holds")

    edges = [10 ** (5 + n / 20) for n in range(91)]
    base = Plan(batch=16_384, negatives=4096)
    for name, plan in (
        ("whole, 1 GPU", base),
        ("whole, 8 GPUs", replace(base, ranks=8)),
        ("sampled, 1 GPU", replace(base, passes="sampled")),
    ):
        worlds = [World(1e6, e / 50 + 1, e) for e in edges]
        seconds = [sum(step_seconds(w, plan, GPU).values()) for w in worlds]
        step.loglog(edges, seconds, label=name)
    step.set(xlabel="interactions", ylabel="seconds", title="A step, 1 million videos")

    ranks = list(range(1, 17))
    world = World(1e5, 1e6, 2e7, (128, 128))
    for model in NAMES:
        plans = [Plan(model=model, ranks=r) for r in ranks]
        seconds = [sum(step_seconds(world, plan, CORE).values()) for plan in plans]
        speed.plot(ranks, [seconds[0] / s for s in seconds], label=model)
    speed.plot(ranks, ranks, color="grey", linestyle=":")
    speed.set(
        xlabel="processes, a core each", ylabel="times as fast", title="Whole passes, divided"
    )
    speed.set_xticks([1, 4, 8, 12, 16])
    for axes in (memory, step, speed):
        axes.legend(fontsize=7, frameon=False)
        axes.grid(alpha=0.2)
        axes.spines[["top", "right"]].set_visible(False)
    figure.savefig(path, dpi=120, metadata={"Software": None})


# --- this machine ---


def measure(points: list[Point]) -> Iterator[tuple[Point, float]]:
    """Yield milliseconds of processor time of a step of each, the best of four, on one rank."""
    for point in points:
        yield point, min(_times(point)) * 1e3


def _times(point: Point) -> list[float]:
    import time

    import numpy as np
    import torch

    from mmgcn.data.dataset import Dataset
    from mmgcn.data.ids import IdMap
    from mmgcn.data.interactions import Interactions
    from mmgcn.data.splits import Split
    from mmgcn.model import MODELS, Model
    from mmgcn.sampling import Sampler

    rng = np.random.default_rng(0)
    keys = np.unique(rng.integers(0, point.users * point.items, point.edges))
    train = Interactions(
        (keys // point.items).astype(np.int32),
        (keys % point.items).astype(np.int32),
        IdMap([f"u{n}" for n in range(point.users)], kind="user"),
        IdMap([f"i{n}" for n in range(point.items)], kind="item"),
        None,
    )
    none = train.take(np.zeros(0, dtype=np.int64))
    features = {
        name: rng.standard_normal((point.items, 128), dtype=np.float32)
        for name in ("visual", "acoustic")
    }
    present = {name: np.ones(point.items, dtype=bool) for name in features}
    dataset = Dataset(Split(train, none, none, "made"), features, present)
    sampled = point.passes == "sampled"
    settings: dict[str, object] = {"propagation": "sampled" if sampled else "full_graph"}
    if point.model == "linear_mmgcn":
        settings["num_item_neighbours"] = point.alike
    model = MODELS.get(point.model).build(dataset, settings)
    assert isinstance(model, Model)
    sampler = Sampler.of(train, model.generator, model.train_config)
    optimiser = torch.optim.AdamW(model.parameters(), fused=True)
    seconds = []
    for _ in range(4):
        start = time.process_time()
        loss = model.loss(model.draw(sampler))
        optimiser.zero_grad(set_to_none=True)
        loss.backward()  # type: ignore[no-untyped-call]
        optimiser.step()
        seconds.append(time.process_time() - start)
    return seconds


def main() -> None:
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("--write", type=Path, metavar="PAGE")
    parser.add_argument("--measure", action="store_true")
    given = parser.parse_args()
    if given.measure:
        import torch

        from mmgcn.training.memory import keep_freed_memory

        keep_freed_memory()
        torch.set_num_threads(1)
        for point, ms in measure([p for p in MEASURED if p.ranks == 1]):
            print(
                f"{point.model:13} {point.passes:8} {point.users:>8,} users "
                f"{point.items:>7,} items {point.edges:>10,} interactions: {ms:6.1f} ms here, "
                f"{point.expected_ms:6.1f} ms by the formulas",
                flush=True,
            )
        return
    for name, table in TABLES.items():
        print(f"{name}\n\n{table()}\n")
    if given.write is not None:
        given.write.write_text(written(given.write.read_text(encoding="utf-8")), encoding="utf-8")
        draw(given.write.with_suffix(".png"))


if __name__ == "__main__":
    main()
