"""mmgcn fit: train a model."""

from __future__ import annotations

import os
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from mmgcn.commands.data import (
    INTERACTIONS,
    ColumnsOption,
    DeviceOption,
    EventWeightsOption,
    FeaturesOption,
    FeedbackOption,
    InteractionsOption,
    KCoreOption,
    MinRatingOption,
    MissingOption,
    SplitOption,
    TestOption,
    ValidOption,
    source_of,
)
from mmgcn.commands.options import seed_option
from mmgcn.commands.output import JsonOption, console_table, print_json, print_table, tell
from mmgcn.commands.settings import ConfigOption, EpochsOption, settings_of_models

if TYPE_CHECKING:
    from mmgcn.data.source import Source
    from mmgcn.training.eval_records import EvalRecord
    from mmgcn.training.fit import FitResult

DEFAULT_MODEL = "linear_mmgcn"


def register(app: typer.Typer) -> None:
    """Add the command to the app."""
    app.command()(fit)


def fit(
    interactions: InteractionsOption = INTERACTIONS,
    columns: ColumnsOption = "",
    min_rating: MinRatingOption = None,
    feedback: FeedbackOption = None,
    event_weights: EventWeightsOption = "",
    valid: ValidOption = None,
    test: TestOption = None,
    split: SplitOption = "leave-last-out",
    features: FeaturesOption = None,
    model: Annotated[
        str,
        typer.Option(
            "--model",
            help="linear_mmgcn, mmgcn, mmgcn_official, lightgcn, vbpr, mf, ease, itemknn, "
            "popularity, or one of a plug-in.",
        ),
    ] = DEFAULT_MODEL,
    out: Annotated[Path, typer.Option("--out", "-o", help="The folder of runs.")] = Path("runs"),
    epochs: EpochsOption = None,
    seed: Annotated[int, seed_option("Of every random draw.")] = 0,
    device: DeviceOption = "auto",
    setting: Annotated[
        list[str] | None,
        typer.Option("--set", help="A setting of the model. Repeatable.", metavar="NAME=VALUE"),
    ] = None,
    config: ConfigOption = None,
    compat: Annotated[
        str | None,
        typer.Option(help="official: mmgcn as its published code does it, for comparison."),
    ] = None,
    k_core: KCoreOption = 0,
    missing: MissingOption = "error",
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
    settings = settings_of_models([model], config, setting or [])[model]
    if compat is not None:
        if compat != "official" or model not in ("mmgcn", DEFAULT_MODEL):
            raise typer.BadParameter(
                "the only one is official, for --model mmgcn", param_hint="--compat"
            )
        model = "mmgcn_official"
    source = source_of(
        interactions,
        valid,
        test,
        split,
        features,
        k_core,
        missing,
        seed=seed,
        columns=columns,
        min_rating=min_rating,
        feedback=feedback,
        event_weights=event_weights,
    )
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
        result, header = _trained(source, options, num_workers)
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
    if result.best_epoch == 0:
        how = "solved"
    elif result.metrics:
        how = f"best epoch {result.best_epoch}"
    else:
        how = f"{result.best_epoch} epochs"
    typer.echo(f"{how}, {result.seconds:.1f} s of training: {result.run}")


def _trained(source: Source, options: dict[str, Any], num_workers: int) -> tuple[FitResult, str]:
    """Train here, on new processes, or as one of those that torchrun started."""
    started = int(os.environ.get("WORLD_SIZE", "1"))
    if started > 1:
        if num_workers not in (1, started):
            raise typer.BadParameter(
                f"torchrun started {started} processes; leave it out", param_hint="--num-workers"
            )
        from torch.distributed.elastic.multiprocessing.errors import record

        return record(_train)(source, options)  # type: ignore[return-value]  # no SystemExit in it
    if num_workers == 1:
        return _train(source, options)
    from mmgcn.distributed.launcher import launch

    made: tuple[FitResult, str] = launch(
        _train, {"source": source, "options": options}, num_workers
    )
    return made


def _train(source: Source, options: dict[str, Any]) -> tuple[FitResult, str]:
    """Read the data and train. Returns the result, and a line on the data."""
    dataset = source.dataset()
    for note in dataset.notes if _leads() else ():
        tell(f"note: {note}")

    from mmgcn.model import MODELS
    from mmgcn.training.fit import fit as train
    from mmgcn.training.memory import keep_freed_memory

    keep_freed_memory()
    settings = MODELS.get(options["model"]).parse_settings(options["settings"])
    num_epochs = options["epochs"] or (settings.train.epochs if settings.train else 0)
    with _progress(num_epochs) as show:
        result = train(dataset, **options, progress=show)
    for note in result.notes:
        tell(f"note: {note}")
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


@contextmanager
def _progress(num_epochs: int) -> Iterator[Callable[[EvalRecord], None] | None]:
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

        def show(record: EvalRecord) -> None:
            told = f"epoch {record.epoch}, loss {record.loss:.3f}"
            name = next((n for n in ("recall@20", "recall@10") if n in record.metrics), None)
            if name is not None:
                told += f", {name} {record.metrics[name]:.4f}"
            bar.update(task, completed=record.epoch, told=told)

        yield show
