"""Ablation: the contribution of each modality to a metric, by training without it.

    worth = metric of the full model - metric of the ablated model, in pairs of the same seed

A modality is dropped, or its vectors are permuted among the items, which removes the information
but not the parameters. Means over seeds have 95 % intervals by Student's t, since seeds are few.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from statistics import fmean
from typing import Any

from mmgcn.data.options import DataOptions
from mmgcn.run_writing import write_json
from mmgcn.study.change import Change
from mmgcn.study.journal import Results
from mmgcn.study.statistics import interval
from mmgcn.study.table import markdown, write_csv, write_text
from mmgcn.study.trial import Outcome, Trial


@dataclass(frozen=True, eq=False)
class Variant:
    """A variant of the model: without a modality, or with other settings.

    Args:
        what: name of the removed part, for display.
        change: change to the data set.
        settings: changed settings, by name.
    """

    what: str
    change: Change
    settings: Mapping[str, Any]

    @property
    def how(self) -> str:
        """Kind of ablation: drop, shuffle, missing, or setting."""
        return "setting" if self.settings else self.change.how


FULL_MODEL = Variant("nothing", Change(), {})


@dataclass(frozen=True)
class Effect:
    """The difference of a variant from the full model.

    Args:
        variant: the variant.
        values: metric of the variant, one value per seed.
        worth: metric of the full model minus that of the variant, in pairs of the same seed.
        mean, low, high: mean worth, and the bounds of its 95 % interval; None for one seed.
    """

    variant: Variant
    values: list[float]
    worth: list[float]
    mean: float
    low: float | None
    high: float | None


@dataclass(frozen=True)
class Ablation:
    """All effects on one model.

    Args:
        model: name of the model.
        metric: name of the metric.
        part: part that is evaluated, valid or test.
        whole: metric of the full model, one value per seed.
        effects: effects of the variants.
    """

    model: str
    metric: str
    part: str
    whole: list[float]
    effects: list[Effect]


def variants_of(
    modalities: Sequence[str],
    *,
    hows: Sequence[str],
    shares: Sequence[float] = (),
    settings: Sequence[Mapping[str, Any]] = (),
) -> list[Variant]:
    """Return a variant per modality and kind of ablation, per share, and per group of settings.

    Args:
        modalities: names of the modalities.
        hows: kinds of ablation: drop, shuffle.
        shares: shares of items that lack a modality, from 0 to 1.
        settings: changed settings of each further variant, such as {"num_item_neighbours": "0"}.
    """
    found = [
        Variant(modality, Change(how, modality), {})  # type: ignore[arg-type]  # checked there
        for modality in modalities
        for how in hows
    ]
    found += [
        Variant(f"{share:.0%} of items lack one", Change("missing", share=share), {})
        for share in shares
    ]
    found += [
        Variant(", ".join(f"{name}={value}" for name, value in changed.items()), Change(), changed)
        for changed in settings
    ]
    return found


def trials_of(
    data: DataOptions,
    model: str,
    variants: Sequence[Variant],
    *,
    num_seeds: int,
    settings: Mapping[str, Any],
    device: str = "auto",
) -> dict[Variant, list[Trial]]:
    """Return the trainings of the full model and of each variant, seeds 0, 1, ..."""
    return {
        variant: [
            Trial(
                data,
                model,
                seed,
                {**settings, **variant.settings},
                variant.change,
                device,
                f"{model}, {label(variant)}",
            )
            for seed in range(num_seeds)
        ]
        for variant in (FULL_MODEL, *variants)
    }


def label(variant: Variant) -> str:
    """Return the name of a variant for tables.

    >>> label(Variant("visual", Change("shuffle", "visual"), {}))
    'visual shuffled'
    """
    if variant is FULL_MODEL:
        return "full model"
    templates = {"drop": "without {}", "shuffle": "{} shuffled", "missing": "{}"}
    return templates.get(variant.how, "{}").format(variant.what)


def ablation_of(
    trials: Mapping[Variant, Sequence[Trial]], results: Results, *, model: str, metric: str
) -> Ablation | None:
    """Return the effects of variants that share a finished seed with the full model.

    Metrics are those of the test part, or of the validation part if there is no test part.

    Returns:
        None if no training of the full model finished.
    """
    outcomes = _by_seed(trials[FULL_MODEL], results)
    if not outcomes:
        return None
    part = "test" if all(metric in outcome.test for outcome in outcomes.values()) else "valid"
    full = {seed: _value_of(outcome, part, metric) for seed, outcome in outcomes.items()}
    effects = []
    for variant, variant_trials in trials.items():
        found = {
            seed: _value_of(outcome, part, metric)
            for seed, outcome in _by_seed(variant_trials, results).items()
            if seed in full
        }
        if variant is not FULL_MODEL and found:
            worth = [full[seed] - value for seed, value in found.items()]
            effects.append(Effect(variant, list(found.values()), worth, *interval(worth)))
    return Ablation(model, metric, part, list(full.values()), effects)


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


def _seeds(values: Sequence[float]) -> str:
    return f"{len(values)} seed{'s' * (len(values) != 1)}"


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


LEGEND = (
    "Worth: metric of the full model minus that of the ablated model, in pairs of the same seed; "
    "mean and 95 % interval over seeds by Student's t, for these users. Shuffled: vectors permuted "
    "among the items. An interval that contains zero shows no effect."
)


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


def _by_seed(trials: Sequence[Trial], results: Results) -> dict[int, Outcome]:
    return {trial.seed: results.outcomes[trial] for trial in trials if trial in results.outcomes}


def _value_of(outcome: Outcome, part: str, metric: str) -> float:
    return (outcome.test if part == "test" else outcome.valid)[metric]
