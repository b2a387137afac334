"""Plots of the loss and the validation metrics over the epochs."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from mmgcn.training.eval_records import EvalRecord

FAMILIES = ("recall", "ndcg")
WIDTH, HEIGHT = 4.2, 3.2  # of a panel, in inches
LEFT, BOTTOM, TOP = 0.7, 0.5, 0.35  # of a panel's margins, with the labels of its axes and title


def plot_curves(path: Path, records: Sequence[EvalRecord]) -> bool:
    """Write a PNG with a panel for the loss and one for each family of metrics.

    Returns:
        Whether the file was written; False if matplotlib is not installed.
    """
    try:
        from matplotlib.backends.backend_agg import FigureCanvasAgg
        from matplotlib.figure import Figure
    except ImportError:
        return False
    names = [n for n in records[-1].metrics if n.partition("@")[0] in FAMILIES]
    epochs = [record.epoch for record in records]
    families = list(dict.fromkeys(name.partition("@")[0] for name in names))
    width = WIDTH * (1 + len(families))
    figure = Figure(figsize=(width, HEIGHT))
    FigureCanvasAgg(figure)
    panels = figure.subplots(1, 1 + len(families), squeeze=False)[0]
    # Fixed margins and titles: a layout engine would take three times as long, half a second.
    figure.subplots_adjust(
        left=LEFT / width,
        right=1 - 0.1 / width,
        bottom=BOTTOM / HEIGHT,
        top=1 - TOP / HEIGHT,
        wspace=LEFT / (WIDTH - LEFT),
    )
    panels[0].plot(epochs, [record.loss for record in records], marker=".", color="0.25")
    panels[0].set_title("training loss", y=1)
    for panel, family in zip(panels[1:], families, strict=True):
        for name in names:
            if name.startswith(f"{family}@"):
                values = [record.metrics[name] for record in records]
                panel.plot(epochs, values, marker=".", label=name.partition("@")[2])
        panel.set_title(f"validation {family}@k", y=1)
        panel.legend(title="k", fontsize="small")
    for panel in panels:
        panel.set_xlabel("epoch")
        panel.grid(alpha=0.3)
    figure.savefig(path, dpi=110)
    return True
