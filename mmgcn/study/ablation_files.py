"""The files of an ablation: a table as CSV and Markdown, JSON, and a plot."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from statistics import fmean
from typing import Any

from mmgcn.run_writing import write_json
from mmgcn.study.ablation import Ablation, Effect, label
from mmgcn.study.table import markdown, write_csv, write_text

LEGEND = (
    "Worth: metric of the full model minus that of the ablated model, in pairs of the same seed; "
    "mean and 95 % interval over seeds by Student's t, for these users. Shuffled: vectors permuted "
    "among the items. An interval that contains zero shows no effect."
)


def table_of(ablation: Ablation) -> tuple[list[str], list[list[str]]]:
    """Return the effects as columns and rows of text."""
    whole = fmean(ablation.whole)
    rows = [["full model", f"{whole:.4f}", "", "", ""]]
    for effect in ablation.effects:
        is_incomplete = len(effect.worth) < len(ablation.whole)  # some trainings failed
        bounds = "-" if effect.low is None else f"[{effect.low:+.4f}, {effect.high:+.4f}]"
        rows.append(
            [
                label(effect.variant) + (f" ({_seeds(effect.worth)})" if is_incomplete else ""),
                f"{fmean(effect.values):.4f}",
                f"{effect.mean:+.4f}",
                bounds,
                f"{effect.mean / whole:+.1%}" if whole else "-",
            ]
        )
    return [ablation.model, ablation.metric, "worth", "95 % interval", "of full model"], rows


def basis(ablation: Ablation) -> str:
    """Return a description of the metrics: the part and the number of seeds."""
    part = {"valid": "validation", "test": "test"}[ablation.part]
    return f"{part} part, {_seeds(ablation.whole)}"


def write(out: Path, ablation: Ablation, *, about: str) -> None:
    """Write ablation.csv, ablation.md, ablation.json and ablation.png.

    Args:
        about: sentence on the data, for the Markdown file.
    """
    rows = [
        [
            *(label(effect.variant), effect.variant.how, effect.variant.change.share or None),
            *(len(effect.worth), fmean(effect.values), effect.mean, effect.low, effect.high),
        ]
        for effect in ablation.effects
    ]
    columns = ("without", "how", "share", "seeds", ablation.metric, "worth", "low", "high")
    whole = ["whole", "none", None, len(ablation.whole), fmean(ablation.whole), None, None, None]
    write_csv(out / "ablation.csv", columns, [whole, *rows])
    text = f"{about} Metrics: {basis(ablation)}."
    write_text(out / "ablation.md", f"{text}\n\n{markdown(*table_of(ablation))}\n{LEGEND}\n")
    write_json(out / "ablation.json", to_json(ablation))
    draw(out / "ablation.png", ablation)


def to_json(ablation: Ablation) -> dict[str, Any]:
    """Return an ablation as JSON values: modalities in `rows`, others in `missing`, `settings`."""

    def values_of(effect: Effect) -> dict[str, Any]:
        return {"mean": effect.mean, "low": effect.low, "high": effect.high}

    def effects_of(how: str) -> list[Effect]:
        return [effect for effect in ablation.effects if effect.variant.how == how]

    return {
        "metric": ablation.metric,
        "part": ablation.part,
        "model": ablation.model,
        "seeds": len(ablation.whole),
        "whole": fmean(ablation.whole),
        "rows": [
            {"modality": effect.variant.what, "how": effect.variant.how, **values_of(effect)}
            for effect in ablation.effects
            if effect.variant.how in ("drop", "shuffle")
        ],
        "missing": [
            {"share": each.variant.change.share, **values_of(each)}
            for each in effects_of("missing")
        ],
        "settings": [
            {"setting": each.variant.what, **values_of(each)} for each in effects_of("setting")
        ],
    }


def draw(path: Path, ablation: Ablation) -> None:
    """Write a PNG with the worth of each variant and its interval."""
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.figure import Figure

    effects = ablation.effects
    colours = {"drop": "C0", "shuffle": "C1", "missing": "C2", "setting": "0.6"}
    figure = Figure(figsize=(8, 1.9 + 0.42 * len(effects)), layout="constrained")
    FigureCanvasAgg(figure)
    axis = figure.subplots()
    for y, effect in enumerate(effects):
        axis.barh(y, effect.mean, color=colours[effect.variant.how], height=0.65)
        ends = [effect.mean, effect.low, effect.high]
        if effect.low is not None and effect.high is not None:
            sides = [[effect.mean - effect.low], [effect.high - effect.mean]]
            axis.errorbar(effect.mean, y, xerr=sides, color="0.1", capsize=3, lw=1)
        right = max(end for end in (*ends, 0.0) if end is not None)
        axis.annotate(
            f"{effect.mean:+.4f}", (right, y), xytext=(6, 0), textcoords="offset points",
            va="center",
        )  # fmt: skip
    axis.axvline(0, color="0.1", lw=0.8)
    axis.set_yticks(range(len(effects)), [label(effect.variant) for effect in effects])
    axis.invert_yaxis()
    axis.margins(x=0.18)
    axis.locator_params(axis="x", nbins=6)
    axis.spines[["top", "right"]].set_visible(False)
    axis.set_title(f"{ablation.model}: drop in {ablation.metric}, of {fmean(ablation.whole):.4f}")
    axis.set_xlabel(f"{basis(ablation)}; whiskers: 95 % interval")
    figure.savefig(path, dpi=120)


def _seeds(values: Sequence[float]) -> str:
    return f"{len(values)} seed{'s' * (len(values) != 1)}"
