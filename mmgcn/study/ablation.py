"""Ablation: what each modality is worth to a model, by training without it.

    worth = metric of the full model - metric of the model without, in pairs of the same seed

A modality is dropped, or its vectors are permuted among the items, which keeps the number of
parameters and removes the information. Means over seeds with 95 % intervals by Student's t, since
the seeds are few.
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
        what: the part that is removed, as shown.
        change: change to the data set.
        settings: that are changed, by name.
    """

    what: str
    change: Change
    settings: Mapping[str, Any]

    @property
    def how(self) -> str:
        """drop, shuffle, missing, or setting."""
        return "setting" if self.settings else self.change.how


WHOLE = Variant("nothing", Change(), {})


@dataclass(frozen=True)
class Effect:
    """The difference of a variant from the full model.

    Args:
        values: the metric without, a number a seed.
        worth: full minus without, in pairs of the same seed.
        mean, low, high: of the worth; the ends of its 95 % interval, None for one seed.
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
        part: part that is evaluated, valid or test.
        whole: the metric of the full model for each seed.
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
    """Return each modality in each way, each share of items without a modality, each setting.

    Args:
        hows: drop, shuffle.
        shares: from 0 to 1.
        settings: each a variant, such as {"num_item_neighbours": "0"}.
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
        for variant in (WHOLE, *variants)
    }


def label(variant: Variant) -> str:
    """Return the variant in words.

    >>> label(Variant("visual", Change("shuffle", "visual"), {}))
    'visual shuffled'
    """
    if variant is WHOLE:
        return "full model"
    words = {"drop": "without {}", "shuffle": "{} shuffled", "missing": "{}"}
    return words.get(variant.how, "{}").format(variant.what)


def ablation_of(
    trials: Mapping[Variant, Sequence[Trial]], results: Results, *, model: str, metric: str
) -> Ablation | None:
    """Return the effects of the variants that finished for at least one seed of the full model.

    The metrics are of the test part if there is one, or else of the validation part.
    """
    whole = _by_seed(trials[WHOLE], results)
    if not whole:
        return None
    part = "test" if all(metric in outcome.test for outcome in whole.values()) else "valid"
    figure = {seed: _figure(outcome, part, metric) for seed, outcome in whole.items()}
    effects = []
    for variant, its_trials in trials.items():
        found = {
            seed: _figure(outcome, part, metric)
            for seed, outcome in _by_seed(its_trials, results).items()
            if seed in whole
        }
        if variant is not WHOLE and found:
            worth = [figure[seed] - value for seed, value in found.items()]
            effects.append(Effect(variant, list(found.values()), worth, *interval(worth)))
    return Ablation(model, metric, part, list(figure.values()), effects)


def table_of(ablation: Ablation) -> tuple[list[str], list[list[str]]]:
    """Return columns and rows of text."""
    whole = fmean(ablation.whole)
    rows = [["full model", f"{whole:.4f}", "", "", ""]]
    for effect in ablation.effects:
        few = len(effect.worth) < len(ablation.whole)  # some trainings failed
        ends = "-" if effect.low is None else f"[{effect.low:+.4f}, {effect.high:+.4f}]"
        rows.append(
            [
                label(effect.variant) + (f" ({_seeds(effect.worth)})" if few else ""),
                f"{fmean(effect.values):.4f}",
                f"{effect.mean:+.4f}",
                ends,
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
    """Write ablation.csv, ablation.md, ablation.json and ablation.png."""
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
    "Worth: the metric of the full model minus that of the model without, in pairs of the same "
    "seed; mean and 95 % interval over seeds by Student's t, for these users. Shuffled: the "
    "vectors permuted among the items. An interval that contains zero shows no effect."
)


def to_json(ablation: Ablation) -> dict[str, Any]:
    """Return it as plain values: modalities in `rows`, the others under their own names."""

    def ends(effect: Effect) -> dict[str, Any]:
        return {"mean": effect.mean, "low": effect.low, "high": effect.high}

    def of(how: str) -> list[Effect]:
        return [effect for effect in ablation.effects if effect.variant.how == how]

    return {
        "metric": ablation.metric,
        "part": ablation.part,
        "model": ablation.model,
        "seeds": len(ablation.whole),
        "whole": fmean(ablation.whole),
        "rows": [
            {"modality": effect.variant.what, "how": effect.variant.how, **ends(effect)}
            for effect in ablation.effects
            if effect.variant.how in ("drop", "shuffle")
        ],
        "missing": [{"share": e.variant.change.share, **ends(e)} for e in of("missing")],
        "settings": [{"setting": e.variant.what, **ends(e)} for e in of("setting")],
    }


def draw(path: Path, ablation: Ablation) -> None:
    """Draw the worth of each variant, with its interval."""
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


def _figure(outcome: Outcome, part: str, metric: str) -> float:
    return (outcome.test if part == "test" else outcome.valid)[metric]
