"""mmgcn tune: search for better settings."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from extract.commands.options import with_options
from mmgcn.commands.data import STUDY_DATA_FLAGS, load_for_study
from mmgcn.commands.options import MetricOption, out_option, seed_option
from mmgcn.commands.output import JsonOption, console_table, print_json, print_message, print_table
from mmgcn.commands.settings import TRAINING_FLAGS, TrainingOptions, read_toml
from mmgcn.config import DEFAULT_MODEL
from mmgcn.data.options import DataOptions

SOME_FAILED = 3


def register(app: typer.Typer) -> None:
    """Add the command to the app."""
    app.command()(tune)


@with_options(data=STUDY_DATA_FLAGS, training=TRAINING_FLAGS)
def tune(
    *,
    model: Annotated[str, typer.Option("--model", help="Model to tune.")] = DEFAULT_MODEL,
    trials: Annotated[
        int, typer.Option(help="Total number of trials, including those of earlier calls.", min=1)
    ] = 30,
    space: Annotated[
        Path | None,
        typer.Option(
            help="Search space in TOML: dim = [32, 64], "
            "learning_rate = { low = 0.001, high = 0.02, log = true }.",
            show_default="the model's own",
        ),
    ] = None,
    metric: MetricOption = "recall@20",
    data: DataOptions,
    out: Annotated[Path, out_option("Folder of the trials and the report.")] = Path("tune"),
    seed: Annotated[int, seed_option("Seed of every draw and every training.")] = 0,
    training: TrainingOptions,
    json: JsonOption = False,
) -> None:
    """Search for the settings with the best validation metric.

    The first trial has the default settings; the others are sampled by Optuna, and pruned if they
    are below the median. The test part is not used. Every trial is stored in OUT/tune.journal, from
    which the same command resumes. The best settings are written to OUT/best.toml, for
    `mmgcn fit --config`.
    """
    from mmgcn.model import MODELS
    from mmgcn.study import tuning, tuning_report
    from mmgcn.study.space import DEFAULT, read_space
    from mmgcn.training.memory import keep_freed_memory

    kind = MODELS.get(model)
    if space is not None:
        dimensions = read_space(kind, read_toml(space))
    elif kind.name in DEFAULT:
        dimensions = DEFAULT[kind.name]
    else:
        raise ValueError(f"{kind.name} has no default space; pass --space FILE.toml")
    settings = training.of_model(kind.name)
    for name in settings:
        if name in dimensions:
            raise ValueError(f"{name} is set for all trials and also in the space; leave one out")
    dataset = load_for_study(data)
    keep_freed_memory()
    try:
        report = tuning.tune(
            dataset,
            model=kind.name,
            space=dimensions,
            out=out,
            num_trials=trials,
            settings=settings,
            metric=metric,
            seed=seed,
            device=training.device,
            report=print_message,
        )
    except KeyboardInterrupt:
        print_message("interrupted; the same command resumes after the trials so far")
        raise
    about = (
        f"{kind.name} on {len(dataset.users):,} users, {len(dataset.items):,} items, "
        f"{len(dataset.train):,} training and {len(dataset.split.valid):,} validation "
        f"interactions (split: {dataset.split.name}), seed {seed}."
    )
    tuning_report.write(out, report, about=about)
    if json:
        print_json(
            {
                "best": None if report.best is None else report.best.settings,
                "value": None if report.best is None else report.best.value,
                "metric": metric,
                "trials": len(report.trials),
                "importance": report.importance,
            }
        )
    else:
        typer.echo(tuning_report.summary(report))
        titles, rows = tuning_report.table_of(report)
        if rows:
            table = console_table(*titles)
            for row in rows:
                table.add_row(*row)
            print_table(table)
            typer.echo(f"mmgcn fit --model {report.model} --config {out / 'best.toml'}")
        typer.echo(f"{out / 'tune.md'}, tune.csv, {tuning.JOURNAL}")
    if report.best is None:
        raise typer.Exit(1)
    if any(each.state == "failed" for each in report.trials):
        raise typer.Exit(SOME_FAILED)
