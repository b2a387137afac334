"""mmgcn ablate: the worth of each modality."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from extract.commands.options import with_options
from mmgcn.commands.data import (
    STUDY_DATA_FLAGS,
    load_for_study,
    refuse_without_held_out,
)
from mmgcn.commands.options import MetricOption, out_option
from mmgcn.commands.output import JsonOption, console_table, print_json, print_message, print_table
from mmgcn.commands.settings import TRAINING_FLAGS, TrainingOptions
from mmgcn.commands.variants import VARIANT_FLAGS, VariantOptions
from mmgcn.config import DEFAULT_MODEL
from mmgcn.data.options import DataOptions

SOME_FAILED = 3


def register(app: typer.Typer) -> None:
    """Add the command to the app."""
    app.command()(ablate)


@with_options(options=VARIANT_FLAGS, data=STUDY_DATA_FLAGS, training=TRAINING_FLAGS)
def ablate(
    *,
    model: Annotated[
        str, typer.Option("--model", help="Model whose modalities are removed.")
    ] = DEFAULT_MODEL,
    seeds: Annotated[int, typer.Option(help="Number of trainings of each variant.", min=1)] = 5,
    options: VariantOptions,
    metric: MetricOption = "recall@20",
    data: DataOptions,
    out: Annotated[Path, out_option("Folder of the table and the runs.")] = Path("ablation"),
    run: Annotated[
        Path | None, typer.Option("--run", help="Run folder for a copy of ablation.json.")
    ] = None,
    training: TrainingOptions,
    json: JsonOption = False,
) -> None:
    """Measure the worth of each modality by training a model without it.

    The full model and each variant are trained with the same seeds and compared in pairs, on the
    test part if there is one, otherwise on the validation part. Finished trainings are stored in
    OUT/ablation.jsonl, from which the same command resumes.
    """
    hows = options.hows()
    from extract.extras import require
    from mmgcn.evaluation.metrics import refuse_longer_lists
    from mmgcn.model import MODELS
    from mmgcn.run import Run
    from mmgcn.run_writing import write_json
    from mmgcn.study import ablation, ablation_files
    from mmgcn.study.journal import Journal, run_trials
    from mmgcn.study.trial import digest_of

    require("matplotlib", purpose="ablation.png", extra="plots")  # before hours of training
    kind = MODELS.get(model)
    opened = None if run is None else Run.load(run)
    if opened is not None and opened.config["model"] != kind.name:
        raise ValueError(
            f"the run at {run} is of {opened.config['model']}, the ablation of {kind.name}"
        )
    dataset = load_for_study(data)
    refuse_without_held_out(dataset)
    refuse_longer_lists(metric, len(dataset.items))
    if not dataset.features:
        raise ValueError("there is no modality; extract some, or pass `features` NAME=FILE.npy")
    settings = training.of_model(kind.name)
    variants = ablation.variants_of(
        list(dataset.features),
        hows=hows,
        shares=[percent / 100 for percent in options.mask_percent],
        settings=options.variant,
    )
    if len(dataset.features) == 1 and kind.needs_features and "drop" in hows:
        variants = [each for each in variants if each.how != "drop"]
        print_message(f"note: {kind.name} needs its only modality; it is not dropped")
    about = (
        f"{kind.name} on {len(dataset.users):,} users, {len(dataset.items):,} items and "
        f"{len(dataset.train):,} training interactions (split: {dataset.split.name})."
    )
    trials = ablation.trials_of(
        data, kind.name, variants, num_seeds=seeds, settings=settings, device=training.device
    )
    digest = digest_of(dataset)
    del dataset
    all_trials = [trial for variant_trials in trials.values() for trial in variant_trials]
    journal = Journal.open(out / "ablation.jsonl")
    try:
        results = run_trials(all_trials, data_digest=digest, journal=journal, report=print_message)
    except KeyboardInterrupt:
        print_message("interrupted; the same command resumes after the finished trainings")
        raise
    result = ablation.ablation_of(trials, results, model=kind.name, metric=metric)
    if result is not None and result.effects:
        ablation_files.write(out, result, about=about)
        if opened is not None:
            write_json(opened.path / "ablation.json", ablation_files.to_json(result))
        if json:
            print_json(ablation_files.to_json(result))
        else:
            titles, rows = ablation_files.table_of(result)
            table = console_table(*titles, title=ablation_files.basis(result))
            for row in rows:
                table.add_row(*row)
            print_table(table)
            typer.echo(f"{out / 'ablation.md'}, ablation.csv, ablation.json, ablation.png")
    if results.failures:
        print_message(f"{len(results.failures)} of {len(all_trials)} trainings failed")
        raise typer.Exit(SOME_FAILED if result is not None and result.effects else 1)
