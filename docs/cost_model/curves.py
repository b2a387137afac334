"""Curves of docs/scale.md."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

from docs.cost_model.inputs import CORE, GIGA, GPU, NAMES, Plan, World
from docs.cost_model.memory import device_bytes
from docs.cost_model.step import step_seconds


def draw(path: Path) -> None:
    """Draw the curves of the page."""
    from matplotlib.figure import Figure

    figure = Figure(figsize=(11, 3.4), layout="constrained")
    memory, step, speed = figure.subplots(1, 3)

    items = [10 ** (5 + n / 20) for n in range(61)]
    for name, plan, widths in (
        ("linear_mmgcn", Plan(propagation="sampled"), (2048, 128, 384)),
        (
            "linear_mmgcn, 3 x 128, 1 member",
            Plan(propagation="sampled", ensemble_size=1, num_item_neighbours=0),
            (128,) * 3,
        ),
        ("mmgcn, 3 x 128", Plan(model="mmgcn", propagation="sampled"), (128,) * 3),
        ("lightgcn", Plan(model="lightgcn", propagation="sampled"), ()),
    ):
        num_bytes = [sum(device_bytes(World(n, 1e6, 5e7, widths), plan).values()) for n in items]
        memory.loglog(items, [h / GIGA for h in num_bytes], label=name)
    memory.axhline(GPU.memory / GIGA, color="grey", linestyle=":")
    memory.set(xlabel="videos", ylabel="GB on a device", title="Memory of a device")

    edges = [10 ** (5 + n / 20) for n in range(91)]
    base = Plan(batch=16_384, negatives=4096)
    for name, plan in (
        ("full graph, 1 GPU", base),
        ("full graph, 8 GPUs", replace(base, ranks=8)),
        ("sampled, 1 GPU", replace(base, propagation="sampled")),
    ):
        worlds = [World(1e6, e / 50 + 1, e) for e in edges]
        seconds = [sum(step_seconds(w, plan, GPU).values()) for w in worlds]
        step.loglog(edges, seconds, label=name)
    step.set(xlabel="interactions", ylabel="seconds", title="Time of a step, 1 million videos")

    ranks = list(range(1, 17))
    world = World(1e5, 1e6, 2e7, (128, 128))
    for model in NAMES:
        plans = [Plan(model=model, ranks=r) for r in ranks]
        seconds = [sum(step_seconds(world, plan, CORE).values()) for plan in plans]
        speed.plot(ranks, [seconds[0] / s for s in seconds], label=model)
    speed.plot(ranks, ranks, color="grey", linestyle=":")
    speed.set(
        xlabel="processes, one core each",
        ylabel="speed-up",
        title="Full-graph propagation, divided",
    )
    speed.set_xticks([1, 4, 8, 12, 16])
    for axes in (memory, step, speed):
        axes.legend(fontsize=7, frameon=False)
        axes.grid(alpha=0.2)
        axes.spines[["top", "right"]].set_visible(False)
    figure.savefig(path, dpi=120, metadata={"Software": None})
