"""mmgcn fit: train a model."""

from __future__ import annotations

import os
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from mmgcn.commands.output import JsonOption, console_table, print_json, print_table, tell

if TYPE_CHECKING:
    from mmgcn.data.dataset import Dataset
    from mmgcn.training.looks import Look
    from mmgcn.training.trainer import FitResult

DEFAULT_MODEL = "linear_mmgcn"


def register(app: typer.Typer) -> None:
    """Add the command to the app."""
    app.command()(fit)


def fit(
    interactions: Annotated[
        str,
        typer.Option(
            "--interactions",
            "-i",
            help="A table with user_id and item_id, and perhaps timestamp and weight "
            "(.csv .tsv .parquet .jsonl), or the feedback in a database (sqlite: or postgresql:).",
        ),
    ] = "interactions.csv",
    feedback: Annotated[
        str | None,
        typer.Option(help="A database that `mmgcn serve` wrote, added to the table."),
    ] = None,
    event_weights: Annotated[
        str,
        typer.Option(
            help="What a kind of feedback weighs. A pair of user and item counts if its weights "
            "add up to more than 0; a row of the table weighs 1.",
            show_default="impression=0,play=1,like=2,skip=-1",
        ),
    ] = "",
    valid: Annotated[
        Path | None, typer.Option(help="Validation interactions; --interactions is then training.")
    ] = None,
    test: Annotated[Path | None, typer.Option(help="Test interactions, withheld.")] = None,
    split: Annotated[
        str, typer.Option(help="leave-last-out, temporal or random, where no files are given.")
    ] = "leave-last-out",
    features: Annotated[
        list[str] | None,
        typer.Option(
            help="A feature store, or NAME=FILE.npy[,IDS.txt] (one id a line; without it row i is "
            "item i). Repeatable, may be mixed.",
            show_default="./features if it is there",
        ),
    ] = None,
    model: Annotated[
        str,
        typer.Option(
            "--model", help="linear_mmgcn, mmgcn, lightgcn, popularity, or one of a plug-in."
        ),
    ] = DEFAULT_MODEL,
    out: Annotated[Path, typer.Option("--out", "-o", help="The folder of runs.")] = Path("runs"),
    epochs: Annotated[
        int | None,
        typer.Option(help="At most this many.", min=1, show_default="the model's own"),
    ] = None,
    seed: Annotated[int, typer.Option(help="Of every random draw.")] = 0,
    device: Annotated[str, typer.Option(help="auto, cpu, cuda or cuda:N.")] = "auto",
    setting: Annotated[
        list[str] | None,
        typer.Option("--set", help="A setting of the model, NAME=VALUE. Repeatable."),
    ] = None,
    compat: Annotated[
        str | None,
        typer.Option(help="official: mmgcn as its published code does it, for comparison."),
    ] = None,
    k_core: Annotated[
        int,
        typer.Option(
            help="Keep the part in which every user and item has this many interactions.", min=0
        ),
    ] = 0,
    missing: Annotated[
        str,
        typer.Option(help="Where a watched item was never extracted: error, mask or drop."),
    ] = "error",
    resume: Annotated[
        bool, typer.Option("--resume", help="Go on with the last training that did not end.")
    ] = False,
    num_workers: Annotated[
        int,
        typer.Option(
            help="Processes on this machine that divide the users among them; each takes a GPU, "
            "or a share of the cores. For several machines start it with torchrun.",
            min=1,
        ),
    ] = 1,
    json: JsonOption = False,
) -> None:
    """Train a model on who watched what, with what the videos are like.

    Writes a run folder under --out and lets `latest` lead to it. The epoch that ranks best on the
    validation part is kept.
    """
    settings = _settings(setting or [])
    if compat is not None:
        if compat != "official" or model not in ("mmgcn", DEFAULT_MODEL):
            raise typer.BadParameter(
                "the only one is official, for --model mmgcn", param_hint="--compat"
            )
        model = "mmgcn_official"
    data = {
        "interactions": interactions,
        "feedback": feedback,
        "event_weights": event_weights,
        "valid": valid,
        "test": test,
        "split_name": split,
        "seed": seed,
        "features": features,
        "k_core": k_core,
        "missing": missing,
    }
    options = {
        "model": model,
        "out": out,
        "settings": settings,
        "epochs": epochs,
        "seed": seed,
        "device": device,
        "resume": resume,
    }
    try:
        result, header = _trained(data, options, num_workers)
    except KeyboardInterrupt:
        if _leads():
            tell("interrupted; `mmgcn fit --resume` with the same options goes on from here")
        raise
    if not _leads():
        return
    if json:
        print_json(
            {
                "run": str(result.run),
                "best_epoch": result.best_epoch,
                "metrics": result.metrics,
                "seconds": round(result.seconds, 3),
            }
        )
        return
    typer.echo(header)
    if result.metrics:
        table = console_table("validation", *_ks(result.metrics))
        for family in ("recall", "ndcg"):
            values = [result.metrics[f"{family}@{k}"] for k in _ks(result.metrics)]
            table.add_row(family, *(f"{value:.4f}" for value in values))
        print_table(table)
    typer.echo(f"best epoch {result.best_epoch}, {result.seconds:.1f} s of training: {result.run}")


def _trained(
    data: dict[str, Any], options: dict[str, Any], num_workers: int
) -> tuple[FitResult, str]:
    """Train here, on new processes, or as one of those that torchrun started."""
    started = int(os.environ.get("WORLD_SIZE", "1"))
    if started > 1:
        if num_workers not in (1, started):
            raise typer.BadParameter(
                f"torchrun started {started} processes; leave it out", param_hint="--num-workers"
            )
        from torch.distributed.elastic.multiprocessing.errors import record

        return record(_train)(data, options)  # type: ignore[return-value]  # no SystemExit in it
    if num_workers == 1:
        return _train(data, options)
    from mmgcn.training.launcher import launch

    made: tuple[FitResult, str] = launch(_train, {"data": data, "options": options}, num_workers)
    return made


def _train(data: dict[str, Any], options: dict[str, Any]) -> tuple[FitResult, str]:
    """Read the data and train. Returns the result, and a line on the data."""
    dataset = _dataset(**data)
    for note in dataset.notes if _leads() else ():
        tell(f"note: {note}")

    from mmgcn.model import MODELS
    from mmgcn.training.memory import keep_freed_memory
    from mmgcn.training.trainer import fit as train

    keep_freed_memory()
    settings = MODELS.get(options["model"]).Settings.read(options["settings"])
    with _progress(options["epochs"] or settings.epochs) as show:
        result = train(dataset, **options, progress=show)
    return result, (
        f"{options['model']}: {len(dataset.users):,} users, {len(dataset.items):,} items, "
        f"{len(dataset.train):,} training interactions, "
        f"modalities: {', '.join(dataset.features) or 'none'}"
    )


def _leads() -> bool:
    """Return whether this process is the one that tells, of those that torchrun started."""
    return os.environ.get("RANK", "0") == "0"


def _ks(metrics: dict[str, float]) -> list[str]:
    return [name.partition("@")[2] for name in metrics if name.startswith("recall@")]


def _settings(words: list[str]) -> dict[str, str]:
    settings = {}
    for word in words:
        name, equals, value = word.partition("=")
        if not (name and equals):
            raise typer.BadParameter(f"'{word}' is not NAME=VALUE", param_hint="--set")
        settings[name.strip()] = value.strip()
    return settings


def _dataset(
    interactions: str,
    feedback: str | None,
    event_weights: str,
    valid: Path | None,
    test: Path | None,
    split_name: str,
    seed: int,
    features: list[str] | None,
    k_core: int,
    missing: Any,
) -> Dataset:
    from mmgcn.data.dataset import Dataset
    from mmgcn.data.features import read_features
    from mmgcn.data.history import is_database, read_history
    from mmgcn.data.splits import given_split, split

    if missing not in ("error", "mask", "drop"):
        raise typer.BadParameter(
            f"'{missing}' is none of error, mask, drop", param_hint="--missing"
        )
    if valid is not None or test is not None:
        if k_core:
            raise typer.BadParameter(
                "filters one table; it does not go with --valid or --test", param_hint="--k-core"
            )
        if feedback is not None or is_database(interactions):
            raise typer.BadParameter(
                "feedback is one table, which is then divided; leave --valid and --test out",
                param_hint="--feedback",
            )
        made = given_split(Path(interactions), valid, test)
    else:
        table = read_history(interactions, feedback=feedback, event_weights=event_weights)
        if k_core:
            table = table.k_core(k_user=k_core, k_item=k_core)
        made = split(table, split_name, seed=seed)  # type: ignore[arg-type]  # checked there
    if features is None:
        features = ["features"] if Path("features").is_dir() else []
    return Dataset.build(made, read_features(features), missing=missing)


@contextmanager
def _progress(num_epochs: int) -> Iterator[Callable[[Look], None] | None]:
    """A line on standard error that tells the last look, if that is a terminal."""
    if not (sys.stderr.isatty() and _leads()):
        yield None
        return
    from rich.console import Console
    from rich.progress import BarColumn, Progress, TextColumn, TimeElapsedColumn

    columns = (TextColumn("training"), BarColumn(), TextColumn("{task.fields[told]}"))
    with Progress(
        *columns, TimeElapsedColumn(), console=Console(stderr=True), transient=True
    ) as bar:
        task = bar.add_task("", total=num_epochs, told="epoch 1")

        def show(look: Look) -> None:
            told = f"epoch {look.epoch}, loss {look.loss:.3f}"
            name = next((n for n in ("recall@20", "recall@10") if n in look.figures), None)
            if name is not None:
                told += f", {name} {look.figures[name]:.4f}"
            bar.update(task, completed=look.epoch, told=told)

        yield show
