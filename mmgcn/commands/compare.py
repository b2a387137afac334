"""mmgcn compare: several models on one split."""

from __future__ import annotations

from dataclasses import asdict
from pathlib import Path
from typing import Annotated

import typer

from extract.commands.options import with_options
from mmgcn.commands.data import STUDY_DATA_FLAGS, load_for_study, refuse_without_held_out
from mmgcn.commands.options import out_option
from mmgcn.commands.output import JsonOption, console_table, print_json, print_message, print_table
from mmgcn.commands.settings import TRAINING_FLAGS, TrainingOptions
from mmgcn.data.options import DataOptions

ALL = "linear_mmgcn,mmgcn,lightgcn,mf,vbpr,ease,itemknn,popularity"
KS = (5, 10, 20, 50)
SOME_FAILED = 3


def register(app: typer.Typer) -> None:
    """Add the command to the app."""
    app.command()(compare)


@with_options(data=STUDY_DATA_FLAGS, training=TRAINING_FLAGS)
def compare(
    *,
    models: Annotated[str, typer.Option(help="Names of models, separated by commas.")] = ALL,
    seeds: Annotated[
        int,
        typer.Option(
            help="Number of trainings of each model; models in closed form are solved once.", min=1
        ),
    ] = 3,
    data: DataOptions,
    out: Annotated[Path, out_option("Folder of the table and the runs.")] = Path("compare"),
    baseline: Annotated[
        str | None,
        typer.Option(help="Model that the others are compared with.", show_default="the best"),
    ] = None,
    k: Annotated[
        int, typer.Option("--k", "-k", help="Length of the lists in the table: 5, 10, 20 or 50.")
    ] = 20,
    details: Annotated[
        bool,
        typer.Option(
            "--details",
            help="Also show coverage, novelty, popularity lift, diversity, MAP, MRR and groups.",
        ),
    ] = False,
    training: TrainingOptions,
    json: JsonOption = False,
) -> None:
    """Train several models on one split, over seeds, and write one table.

    Each training runs in a separate process. Epochs are chosen on the validation part; the test
    part, if there is one, has a separate table. Each model is compared with the best one on the
    validation part, or with --baseline, in pairs of users. Finished trainings are stored in
    OUT/compare.jsonl, from which the same command resumes. Exit code 3: some models failed.
    """
    if k not in KS:
        raise typer.BadParameter(f"{k} is not one of {', '.join(map(str, KS))}", param_hint="--k")
    names = _names(models)
    against = None if baseline is None else _baseline(baseline, names)
    settings = training.of_models(names)
    dataset = load_for_study(data)
    refuse_without_held_out(dataset)
    if k > len(dataset.items):
        raise ValueError(f"`k` is {k}; there are {len(dataset.items):,} items")

    from extract.extras import require
    from mmgcn.study import comparison, difference
    from mmgcn.study.journal import Journal, run_trials
    from mmgcn.study.trial import digest_of

    require("matplotlib", purpose="compare.png", extra="plots")  # before hours of training
    trials = comparison.trials_of(
        data,
        names,
        num_seeds=seeds,
        settings=settings,
        epochs=training.epochs,
        device=training.device,
    )
    about = (
        f"{len(dataset.users):,} users, {len(dataset.items):,} items, {len(dataset.train):,} "
        f"training, {len(dataset.split.valid):,} validation and {len(dataset.split.test):,} test "
        f"interactions (split: {dataset.split.name}); modalities: "
        f"{', '.join(dataset.features) or 'none'}."
    )
    digest = digest_of(dataset)
    del dataset
    journal = Journal.open(out / "compare.jsonl", keeps_users=True)
    try:
        results = run_trials(trials, data_digest=digest, journal=journal, report=print_message)
    except KeyboardInterrupt:
        print_message("interrupted; the same command resumes after the finished trainings")
        raise
    rows = comparison.rows_of(results, metric=f"recall@{k}")
    differences, unknown = comparison.differences_of(results, rows, baseline=against)
    if unknown:
        print_message(
            f"note: {', '.join(unknown)}: no differences, since the metrics of users were not "
            f"stored when they were trained; remove {journal.path} to train again"
        )
    once = [row.model for row in rows if row.num_seeds == 1 and not row.deterministic]
    if differences and once:
        print_message(
            f"note: {', '.join(once)}: one seed, so p does not include the variation over seeds"
        )
    if rows:
        comparison.write(out, rows, differences, k=k, about=about)
        if against is not None and against not in [row.model for row in rows]:
            print_message(f"note: no training of {against} finished; nothing is compared with it")
    if json:
        print_json(
            {
                "rows": [
                    {
                        "model": row.model,
                        "seeds": row.num_seeds,
                        "deterministic": row.deterministic,
                        "mean": {name: row.mean(name) for name in row.values},
                        "sd": {name: row.spread(name) for name in row.values},
                    }
                    for row in rows
                ],
                "differences": [asdict(each) for each in differences],
                "failures": [
                    {"model": trial.model, "seed": trial.seed, "error": error}
                    for trial, error in results.failures.items()
                ],
            }
        )
    elif rows:
        typer.echo(about)
        shown = comparison.tables(rows, differences, k=k)
        shown += comparison.details(rows, k=k) if details else []
        for titles, lines in shown:
            table = console_table(*titles)
            for line in lines:
                table.add_row(*line)
            print_table(table)
        if differences:
            typer.echo(difference.CAPTION)
        if details:
            typer.echo(comparison.DETAILS_LEGEND)
        typer.echo(f"{out / 'compare.md'}, compare.csv, compare.png, differences.csv")
    if results.failures:
        print_message(f"{len(results.failures)} of {len(trials)} trainings failed")
        raise typer.Exit(SOME_FAILED if rows else 1)


def _baseline(given: str, names: list[str]) -> str:
    """Return the canonical name of the baseline."""
    from mmgcn.model import MODELS

    name = MODELS.get(given).name
    if name not in names:
        raise typer.BadParameter(
            f"'{given}' is not one of {', '.join(names)}", param_hint="--baseline"
        )
    return name


def _names(text: str) -> list[str]:
    """Return the canonical names of models separated by commas."""
    from mmgcn.model import MODELS

    names = [name.strip() for name in text.split(",") if name.strip()]
    if not names:
        raise typer.BadParameter("names no model", param_hint="--models")
    return list(dict.fromkeys(MODELS.get(name).name for name in names))
