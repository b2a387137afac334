"""mmgcn fit: train a model."""

from __future__ import annotations

import os
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from extract.commands.options import with_options
from mmgcn.commands.data import DATA_FLAGS, show_notes
from mmgcn.commands.options import seed_option
from mmgcn.commands.output import JsonOption, console_table, print_json, print_table, tell
from mmgcn.commands.settings import TRAINING_FLAGS, Settings, TrainingOptions
from mmgcn.data.options import DataOptions

if TYPE_CHECKING:
    from mmgcn.training.eval_records import EvalRecord
    from mmgcn.training.fit import FitResult

DEFAULT_MODEL = "linear_mmgcn"


@dataclass(frozen=True)
class FitOptions:
    """Arguments of `training.fit` beside the data set; see there."""

    model: str
    out: Path
    settings: Settings
    epochs: int | None
    seed: int
    device: str
    resume: bool


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
            help="Model: linear_mmgcn, mmgcn, mmgcn_official, lightgcn, vbpr, mf, ease, itemknn, "
            "popularity, or one of a plug-in.",
        ),
    ] = DEFAULT_MODEL,
    out: Annotated[Path, typer.Option("--out", "-o", help="Folder of runs.")] = Path("runs"),
    seed: Annotated[int, seed_option("Seed of every random draw.")] = 0,
    training: TrainingOptions,
    compat: Annotated[
        str | None,
        typer.Option(help="official: mmgcn as in its published code, for comparison."),
    ] = None,
    resume: Annotated[
        bool, typer.Option("--resume", help="Resume the last training that did not end.")
    ] = False,
    num_workers: Annotated[
        int,
        typer.Option(
            help="Number of processes on this machine among which the users are divided; each uses "
            "a GPU, or a share of the cores. For several machines start it with torchrun.",
            min=1,
        ),
    ] = 1,
    json: JsonOption = False,
) -> None:
    """Train a model on interactions and features of the items.

    Writes a run folder under --out, to which the link `latest` points. The epoch with the best
    ranking of the validation part is kept.
    """
    settings = training.of_models([model])[model]
    if compat is not None:
        if compat != "official" or model not in ("mmgcn", DEFAULT_MODEL):
            raise typer.BadParameter(
                "the only one is official, for --model mmgcn", param_hint="--compat"
            )
        model = "mmgcn_official"
    data = replace(data, split_seed=seed)
    options = FitOptions(
        model=model,
        out=out,
        settings=settings,
        epochs=training.epochs,
        seed=seed,
        device=training.device,
        resume=resume,
    )
    try:
        result, header = _run(data, options, num_workers)
    except KeyboardInterrupt:
        if _is_main():
            tell("interrupted; `mmgcn fit --resume` with the same options resumes it")
        raise
    if not _is_main():
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


def _run(data: DataOptions, options: FitOptions, num_workers: int) -> tuple[FitResult, str]:
    """Train in this process, in new ones, or as one of those that torchrun started."""
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
    from mmgcn.distributed.launcher import launch

    result: tuple[FitResult, str] = launch(_train, {"data": data, "options": options}, num_workers)
    return result


def _train(data: DataOptions, options: FitOptions) -> tuple[FitResult, str]:
    """Read the data and train. Returns the result, and a line on the data."""
    from mmgcn.data.loading import load_dataset
    from mmgcn.model import MODELS
    from mmgcn.training.fit import fit as train
    from mmgcn.training.memory import keep_freed_memory

    kind = MODELS.get(options.model)
    dataset = load_dataset(data, uses_features=kind.uses_features)
    if _is_main():
        show_notes(dataset.notes)
    keep_freed_memory()
    settings = kind.parse_settings(options.settings)
    num_epochs = options.epochs or (settings.train.epochs if settings.train else 0)
    with _progress(num_epochs) as show:
        result = train(dataset, **vars(options), progress=show)
    for note in result.notes:
        tell(f"note: {note}")
    return result, (
        f"{options.model}: {len(dataset.users):,} users, {len(dataset.items):,} items, "
        f"{len(dataset.train):,} training interactions, "
        f"modalities: {', '.join(dataset.features) or 'none'}"
    )


def _is_main() -> bool:
    """Return whether this is the main process of those that torchrun started."""
    return os.environ.get("RANK", "0") == "0"


def _ks(metrics: dict[str, float]) -> list[str]:
    return [name.partition("@")[2] for name in metrics if name.startswith("recall@")]


@contextmanager
def _progress(num_epochs: int) -> Iterator[Callable[[EvalRecord], None] | None]:
    """Show the last evaluation in a line on standard error, if that is a terminal."""
    if not (sys.stderr.isatty() and _is_main()):
        yield None
        return
    from rich.console import Console
    from rich.progress import BarColumn, Progress, TextColumn, TimeElapsedColumn

    columns = (TextColumn("training"), BarColumn(), TextColumn("{task.fields[status]}"))
    with Progress(
        *columns, TimeElapsedColumn(), console=Console(stderr=True), transient=True
    ) as bar:
        task = bar.add_task("", total=num_epochs, status="epoch 1")

        def show(record: EvalRecord) -> None:
            status = f"epoch {record.epoch}, loss {record.loss:.3f}"
            name = next((n for n in ("recall@20", "recall@10") if n in record.metrics), None)
            if name is not None:
                status += f", {name} {record.metrics[name]:.4f}"
            bar.update(task, completed=record.epoch, status=status)

        yield show
