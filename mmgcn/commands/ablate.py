"""mmgcn ablate: what each modality is worth."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from mmgcn.commands.data import (
    INTERACTIONS,
    ColumnsOption,
    DeviceOption,
    FeaturesOption,
    InteractionsOption,
    KCoreOption,
    MinRatingOption,
    SplitOption,
    SplitSeedOption,
    TestOption,
    ValidOption,
    refuse_without_figures,
    source_of,
)
from mmgcn.commands.fit import DEFAULT_MODEL
from mmgcn.commands.output import JsonOption, console_table, print_json, print_table, tell
from mmgcn.commands.settings import ConfigOption, EpochsOption, pairs, settings_of_models

HOWS = ("drop", "shuffle")
METRICS = tuple(f"{family}@{k}" for family in ("recall", "ndcg") for k in (5, 10, 20, 50))
SOME_FAILED = 3


def register(app: typer.Typer) -> None:
    """Add the command to the app."""
    app.command()(ablate)


def ablate(
    model: Annotated[str, typer.Option("--model", help="Whose modalities.")] = DEFAULT_MODEL,
    seeds: Annotated[int, typer.Option(help="Trainings of each variant.", min=1)] = 5,
    how: Annotated[
        str, typer.Option(help="drop: train without it; shuffle: deal its vectors out anew.")
    ] = "drop,shuffle",
    missing: Annotated[
        str | None,
        typer.Option(
            help="Also take one random modality from this many percent of the items: 10,30,50."
        ),
    ] = None,
    variant: Annotated[
        list[str] | None,
        typer.Option(
            help="Also train with this setting changed, or several with commas. Repeatable.",
            metavar="NAME=VALUE",
        ),
    ] = None,
    metric: Annotated[str, typer.Option(help="recall@K or ndcg@K.")] = "recall@20",
    interactions: InteractionsOption = INTERACTIONS,
    columns: ColumnsOption = "",
    min_rating: MinRatingOption = None,
    valid: ValidOption = None,
    test: TestOption = None,
    split: SplitOption = "leave-last-out",
    split_seed: SplitSeedOption = 0,
    features: FeaturesOption = None,
    k_core: KCoreOption = 0,
    never_extracted: Annotated[
        str,
        typer.Option(help="Where a watched item was never extracted: error, mask or drop."),
    ] = "error",
    out: Annotated[
        Path, typer.Option("--out", "-o", help="Where the table and the finished runs are kept.")
    ] = Path("ablation"),
    run: Annotated[
        Path | None, typer.Option("--run", help="A run folder that gets a copy of ablation.json.")
    ] = None,
    epochs: EpochsOption = None,
    setting: Annotated[
        list[str] | None,
        typer.Option("--set", help="A setting of the model. Repeatable.", metavar="NAME=VALUE"),
    ] = None,
    config: ConfigOption = None,
    device: DeviceOption = "auto",
    json: JsonOption = False,
) -> None:
    """Train a model without each modality, and say what it is worth.

    The whole model and each variant are trained with the same seeds, and compared in pairs, on the
    test part where there is one, else on the validation part. Finished trainings are kept in
    OUT/ablation.jsonl: the same command again goes on from there.
    """
    hows = _hows(how)
    shares = _shares(missing)
    changed = [pairs(words.split(","), option="--variant") for words in variant or []]
    if metric not in METRICS:
        raise typer.BadParameter(
            f"'{metric}' is none of {', '.join(METRICS)}", param_hint="--metric"
        )
    source = source_of(
        interactions,
        valid,
        test,
        split,
        features,
        k_core,
        never_extracted,
        seed=split_seed,
        columns=columns,
        min_rating=min_rating,
    )

    from mmgcn.model import MODELS
    from mmgcn.run import Run, write_json
    from mmgcn.study import ablation
    from mmgcn.study.journal import Journal, run_trials
    from mmgcn.study.trial import digest_of

    kind = MODELS.get(model)
    opened = None if run is None else Run.load(run)
    if opened is not None and opened.config["model"] != kind.name:
        raise ValueError(
            f"the run at {run} is of {opened.config['model']}, the ablation of {kind.name}"
        )
    dataset = source.dataset()
    for note in dataset.notes:
        tell(f"note: {note}")
    refuse_without_figures(dataset)
    if (k := int(metric.partition("@")[2])) > len(dataset.items):
        raise ValueError(f"{metric} asks for {k} of {len(dataset.items):,} items")
    if not dataset.features:
        raise ValueError("there is no modality; extract some, or pass --features NAME=FILE.npy")
    settings = settings_of_models([kind.name], config, setting or [])[kind.name]
    if epochs is not None:
        settings["epochs"] = epochs
    variants = ablation.variants_of(
        list(dataset.features), hows=hows, shares=shares, settings=changed
    )
    if len(dataset.features) == 1 and kind.needs_features and "drop" in hows:
        variants = [each for each in variants if each.how != "drop"]
        tell(f"note: {kind.name} cannot do without its only modality; it is not dropped")
    about = (
        f"{kind.name} on {len(dataset.users):,} users, {len(dataset.items):,} items and "
        f"{len(dataset.train):,} training interactions (split: {dataset.split.name})."
    )
    trials = ablation.trials_of(
        source, kind.name, variants, num_seeds=seeds, settings=settings, device=device
    )
    digest = digest_of(dataset)
    del dataset
    everything = [trial for of_variant in trials.values() for trial in of_variant]
    journal = Journal.open(out / "ablation.jsonl")
    try:
        results = run_trials(everything, data_digest=digest, journal=journal, tell=tell)
    except KeyboardInterrupt:
        tell("interrupted; the same command goes on after the finished trainings")
        raise
    made = ablation.ablation_of(trials, results, model=kind.name, metric=metric)
    if made is not None and made.effects:
        ablation.write(out, made, about=about)
        if opened is not None:
            write_json(opened.path / "ablation.json", ablation.to_json(made))
        if json:
            print_json(ablation.to_json(made))
        else:
            titles, rows = ablation.table_of(made)
            table = console_table(*titles, title=ablation.basis(made))
            for row in rows:
                table.add_row(*row)
            print_table(table)
            typer.echo(f"{out / 'ablation.md'}, ablation.csv, ablation.json, ablation.png")
    if results.failures:
        tell(f"{len(results.failures)} of {len(everything)} trainings failed")
        raise typer.Exit(SOME_FAILED if made is not None and made.effects else 1)


def _hows(words: str) -> list[str]:
    found = [word.strip() for word in words.split(",") if word.strip()]
    for word in found:
        if word not in HOWS:
            raise typer.BadParameter(f"'{word}' is none of {', '.join(HOWS)}", param_hint="--how")
    return list(dict.fromkeys(found))


def _shares(words: str | None) -> list[float]:
    """Return percentages as shares."""
    try:
        percents = [float(word) for word in words.split(",")] if words is not None else []
    except ValueError as error:
        raise typer.BadParameter(
            f"'{words}' is not percentages with commas, such as 10,30,50", param_hint="--missing"
        ) from error
    for percent in percents:
        if not 0 < percent <= 100:
            raise typer.BadParameter(
                f"{percent:g} % is no share of the items; it lies above 0 and up to 100",
                param_hint="--missing",
            )
    return [percent / 100 for percent in percents]
