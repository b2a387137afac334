"""Ablation: the contribution of each modality to a metric, by training without it.

    worth = metric of the full model - metric of the ablated model, in pairs of the same seed

A modality is dropped, or its vectors are permuted among the items, which removes the information
but not the parameters. Means over seeds have 95 % intervals by Student's t, since seeds are few.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from mmgcn.data.options import DataOptions
from mmgcn.study.change import Change
from mmgcn.study.journal import Results
from mmgcn.study.statistics import interval
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


def _by_seed(trials: Sequence[Trial], results: Results) -> dict[int, Outcome]:
    return {trial.seed: results.outcomes[trial] for trial in trials if trial in results.outcomes}


def _value_of(outcome: Outcome, part: str, metric: str) -> float:
    return (outcome.test if part == "test" else outcome.valid)[metric]
