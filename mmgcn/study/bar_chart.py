"""Bar chart of a comparison."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from mmgcn.study.difference import Difference
from mmgcn.study.row import Row

BASELINE, NOT_SIGNIFICANT, OTHER = "#1f77b4", "#a9cce8", "#b3b3b3"


def draw(path: Path, rows: Sequence[Row], differences: Sequence[Difference], *, k: int) -> None:
    """Write a PNG with bars of recall, NDCG and seconds, with their standard deviations.

    The baseline, or the best model, is blue; models that do not differ significantly from it are
    pale blue.
    """
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.figure import Figure

    part = "test" if any(f"test recall@{k}" in row.values for row in rows) else "valid"
    label = {"valid": "validation", "test": "test"}[part]
    panels = [
        (f"{part} recall@{k}", f"{label} recall@{k}"),
        (f"{part} ndcg@{k}", f"{label} NDCG@{k}"),
        ("total_seconds", "seconds to train, in all"),
    ]
    baseline = differences[0].baseline if differences else rows[0].model
    figure = Figure(figsize=(12, 1.7 + 0.42 * len(rows)), layout="constrained")
    FigureCanvasAgg(figure)
    positions = range(len(rows))
    axes = figure.subplots(1, len(panels), sharey=True, squeeze=False)[0]
    for axis, (column, title) in zip(axes, panels, strict=True):
        means = [row.mean(column) or 0.0 for row in rows]
        colours = [colour(row, column, baseline, differences) for row in rows]
        spreads = [row.spread(column) for row in rows]
        axis.barh(positions, means, color=colours, height=0.7)
        digits = 1 if column == "total_seconds" else 4
        for y, mean, deviation in zip(positions, means, spreads, strict=True):
            if deviation is not None:
                axis.errorbar(mean, y, xerr=deviation, color="0.1", capsize=3, lw=1)
            at = mean + (deviation or 0), y
            axis.annotate(
                f"{mean:.{digits}f}", at, xytext=(6, 0), textcoords="offset points", va="center"
            )
        ends = [mean + (deviation or 0) for mean, deviation in zip(means, spreads, strict=True)]
        axis.set_xlim(0, max(ends) * 1.25 or 1)
        axis.locator_params(axis="x", nbins=5)
        axis.set_title(title)
        axis.spines[["top", "right"]].set_visible(False)
    axes[0].set_yticks(positions, [row.model for row in rows])
    axes[0].invert_yaxis()
    legend = "mean over seeds; whiskers: standard deviation"
    if differences:
        legend += f"; blue: {baseline}, pale: no significant difference"
    figure.supxlabel(legend, fontsize="small")
    figure.savefig(path, dpi=120)


def colour(row: Row, column: str, baseline: str, differences: Sequence[Difference]) -> str:
    """Return the colour of a model's bar in the panel of a column."""
    if row.model == baseline:
        return BASELINE
    not_significant = any(
        (each.model, each.metric) == (row.model, column) and not each.is_significant
        for each in differences
    )
    return NOT_SIGNIFICANT if not_significant else OTHER
