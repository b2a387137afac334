"""mmgcn fit: train a model."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Annotated

import typer

from extract.commands.options import with_options
from mmgcn.commands.data import DATA_FLAGS
from mmgcn.commands.fit_processes import FitOptions, is_main, run_training
from mmgcn.commands.options import seed_option
from mmgcn.commands.output import JsonOption, console_table, print_json, print_message, print_table
from mmgcn.commands.settings import TRAINING_FLAGS, TrainingOptions
from mmgcn.config import DEFAULT_MODEL
from mmgcn.data.options import DataOptions

UNITS = {"s": 1, "m": 60, "h": 3600}


def register(app: typer.Typer) -> None:
    """Add the command to the app."""
    app.command()(fit)


@with_options(data={**DATA_FLAGS, "split_seed": None}, training=TRAINING_FLAGS)
def fit(
    *,
    data: DataOptions,
    model: Annotated[
        str,
        typer.Option(
            "--model",
            help="Model: linear_mmgcn, mmgcn, mmgcn_official, freedom, bm3, mgcn, lattice, mmgf, "
            "cease, lightgcn, xsimgcl, vbpr, mf, als, ease, itemknn, popularity, or one from a "
            "plugin.",
        ),
    ] = DEFAULT_MODEL,
    out: Annotated[Path, typer.Option("--out", "-o", help="Folder of runs.")] = Path("runs"),
    seed: Annotated[int, seed_option("Seed of every random draw.")] = 0,
    training: TrainingOptions,
    recipe: Annotated[
        str,
        typer.Option(
            help="Source of the settings that --set leaves open: auto (chosen by short trainings "
            "on the validation part), default (of the model), or a run folder.",
        ),
    ] = "auto",
    budget: Annotated[
        str | None,
        typer.Option(
            help="Maximum duration of the training, including the choice of its recipe, such as "
            "60s or 5m; the best epoch until then is kept.",
            metavar="DURATION",
        ),
    ] = None,
    compat: Annotated[
        str | None,
        typer.Option(help="Compatibility mode: official (mmgcn as in its published code)."),
    ] = None,
    final: Annotated[
        bool,
        typer.Option(
            "--final",
            help="Two trainings, for production: recipe and epoch are chosen on the split, then "
            "used to train on all interactions. `latest` points to the second run.",
        ),
    ] = False,
    resume: Annotated[
        bool, typer.Option("--resume", help="Resume the last unfinished training.")
    ] = False,
    log: Annotated[
        str | None,
        typer.Option(
            help="Loggers of the evaluations, in addition to metrics.jsonl, separated by commas: "
            "tensorboard (in RUN/tensorboard), wandb.",
            metavar="NAMES",
        ),
    ] = None,
    num_workers: Annotated[
        int,
        typer.Option(
            help="Number of processes on this machine, which share the users; each uses a GPU, or "
            "a share of the cores. For several machines, start the command with torchrun.",
            min=1,
        ),
    ] = 1,
    json: JsonOption = False,
) -> None:
    """Train a model on interactions and features of the items.

    Writes a run folder under --out, to which the link `latest` points. A recipe that was chosen is
    trained to its end; with other settings, the epoch with the best validation recall is kept.
    """
    settings = training.of_models([model])[model]
    if compat is not None:
        if compat != "official" or model not in ("mmgcn", DEFAULT_MODEL):
            raise typer.BadParameter(
                f"'{compat}' with --model {model}; the only mode is official, for mmgcn",
                param_hint="--compat",
            )
        model = "mmgcn_official"
    data = replace(data, split_seed=seed)
    options = FitOptions(
        model=model,
        out=out,
        settings=settings,
        epochs=training.epochs,
        recipe=recipe,
        seed=seed,
        device=training.device,
        budget_seconds=None if budget is None else _seconds(budget),
        resume=resume,
        log=tuple(filter(None, map(str.strip, (log or "").split(",")))),
    )
    try:
        trained = run_training(data, options, num_workers, final=final)
    except KeyboardInterrupt:
        if is_main():
            print_message("interrupted; `mmgcn fit --resume` with the same options resumes it")
        raise
    if not is_main():
        return
    result, selection = trained.result, trained.selection
    metrics = result.metrics if selection is None else selection["valid"]
    if json:
        print_json(
            {
                "run": str(result.run),
                "best_epoch": result.best_epoch,
                "metrics": metrics,
                "selection": None if selection is None else selection["run"],
                "recipe": None if result.recipe is None else result.recipe.as_dict(),
                "seconds": round(result.seconds, 3),
            }
        )
        return
    typer.echo(trained.header)
    if result.recipe is not None:
        typer.echo(f"recipe: {result.recipe}")
    if metrics:
        title = "validation" if selection is None else f"validation of {selection['run']}"
        table = console_table(title, *_ks(metrics))
        for family in ("recall", "ndcg"):
            values = [metrics[f"{family}@{k}"] for k in _ks(metrics)]
            table.add_row(family, *(f"{value:.4f}" for value in values))
        print_table(table)
    if result.best_epoch == 0:
        how = "solved"
    elif result.metrics and result.recipe is None:
        how = f"best epoch {result.best_epoch}"
    else:
        how = f"{result.best_epoch} epochs"
    if selection is not None:
        how = f"trained on all interactions with that recipe, {how}"
    typer.echo(f"{how}, {result.seconds:.1f} s of training: {result.run}")


def _ks(metrics: dict[str, float]) -> list[str]:
    return [name.partition("@")[2] for name in metrics if name.startswith("recall@")]


def _seconds(duration: str) -> float:
    """Return a duration such as 90, 90s, 5m or 2h in seconds."""
    unit = UNITS.get(duration[-1:], 0)
    try:
        seconds = float(duration[:-1]) * unit if unit else float(duration)
    except ValueError:
        seconds = 0.0
    if not 0 < seconds < float("inf"):
        raise typer.BadParameter(
            f"'{duration}' is not a duration; expected a positive number of seconds, minutes or "
            "hours, such as 60s, 5m or 2h",
            param_hint="--budget",
        )
    return seconds
