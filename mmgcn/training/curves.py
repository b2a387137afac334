"""The curves of a training, as a picture."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path


def draw_curves(
    path: Path,
    *,
    epochs: Sequence[int],
    losses: Sequence[float],
    figures: Mapping[str, Sequence[float]],
) -> None:
    """Draw the loss and the validation figures over the epochs.

    Args:
        figures: named like `recall@20`; each family gets a panel of its own.
    """
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.figure import Figure

    families = list(dict.fromkeys(name.partition("@")[0] for name in figures))
    figure = Figure(figsize=(4.2 * (1 + len(families)), 3.2), layout="constrained")
    FigureCanvasAgg(figure)
    panels = figure.subplots(1, 1 + len(families), squeeze=False)[0]
    panels[0].plot(epochs, losses, marker=".", color="0.25")
    panels[0].set_title("training loss")
    for panel, family in zip(panels[1:], families, strict=True):
        for name, values in figures.items():
            if name.startswith(f"{family}@"):
                panel.plot(epochs, values, marker=".", label=name.partition("@")[2])
        panel.set_title(f"validation {family}@k")
        panel.legend(title="k", fontsize="small")
    for panel in panels:
        panel.set_xlabel("epoch")
        panel.grid(alpha=0.3)
    figure.savefig(path, dpi=110)
