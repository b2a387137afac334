"""The training of `mmgcn fit`: in this process, in new ones, or under torchrun."""

from __future__ import annotations

import os
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import typer

from mmgcn.commands.data import show_notes
from mmgcn.commands.output import print_message
from mmgcn.commands.settings import Settings
from mmgcn.data.options import DataOptions
from mmgcn.training.progress_bar import progress_bar, status_of

if TYPE_CHECKING:
    from mmgcn.training.eval_records import EvalRecord
    from mmgcn.training.fit import FitResult
    from mmgcn.training.recipe_trials import Trial

LINE_SECONDS = 60  # between lines of progress, where standard error is no terminal


@dataclass(frozen=True)
class FitOptions:
    """Arguments of `training.fit` without the data set; see there."""

    model: str
    out: Path
    settings: Settings
    epochs: int | None
    recipe: str
    seed: int
    device: str
    budget_seconds: float | None
    resume: bool
    log: tuple[str, ...]


@dataclass(frozen=True)
class Trained:
    """What the training processes return to the command."""

    result: FitResult
    header: str
    selection: dict[str, Any] | None = None
    """With --final: the run that chose the recipe, and its metrics."""


def run_training(
    data: DataOptions, options: FitOptions, num_workers: int, *, final: bool
) -> Trained:
    """Train in this process, in new ones, or as one of torchrun's.

    Raises:
        BadParameter: another number of processes than torchrun started.
    """
    started = int(os.environ.get("WORLD_SIZE", "1"))
    if started > 1:
        if num_workers not in (1, started):
            raise typer.BadParameter(
                f"{num_workers}, but torchrun started {started} processes; leave the option out",
                param_hint="--num-workers",
            )
        from torch.distributed.elastic.multiprocessing.errors import record

        return record(_train)(data, options, final=final)  # type: ignore[return-value]  # no SystemExit in it
    if num_workers == 1:
        return _train(data, options, final=final)
    from mmgcn.distributed.launcher import launch

    arguments = {"data": data, "options": options, "final": final}
    result: Trained = launch(_train, arguments, num_workers)
    return result


def _train(data: DataOptions, options: FitOptions, *, final: bool) -> Trained:
    """Load the data set and train."""
    from mmgcn.data.loading import load_dataset
    from mmgcn.model import MODELS
    from mmgcn.training.final import fit_final
    from mmgcn.training.fit import fit as train
    from mmgcn.training.folder import has_run_folders
    from mmgcn.training.memory import keep_freed_memory

    kind = MODELS.get(options.model)
    dataset = load_dataset(data, uses_features=kind.uses_features)
    if is_main():
        show_notes(dataset.notes)
        if options.resume and not has_run_folders(options.out):
            print_message(
                f"note: there is no training in {options.out} to resume; a new one begins"
            )
    keep_freed_memory()
    settings = kind.parse_settings(options.settings)
    num_epochs = options.epochs or (settings.train.epochs if settings.train else 0)
    with _progress(num_epochs) as (progress, on_trial):
        arguments = {**vars(options), "progress": progress, "on_trial": on_trial}
        selection = None
        if final:
            on_stage = print_message if is_main() else None
            final_result = fit_final(dataset, **arguments, on_stage=on_stage)
            result, selection = final_result.final, final_result.selection
        else:
            result = train(dataset, **arguments)
    for note in result.notes:
        print_message(f"note: {note}")
    num_training = len(dataset.train) if selection is None else dataset.num_interactions
    header = (
        f"{options.model}: {len(dataset.users):,} users, {len(dataset.items):,} items, "
        f"{num_training:,} training interactions, "
        f"modalities: {', '.join(dataset.features) or 'none'}"
    )
    return Trained(result, header, selection)


def is_main() -> bool:
    """Return whether this is the main process of those that torchrun started."""
    return os.environ.get("RANK", "0") == "0"


Callbacks = tuple["Callable[[EvalRecord], None] | None", "Callable[[Trial], None] | None"]


@contextmanager
def _progress(num_epochs: int) -> Iterator[Callbacks]:
    """Show progress on standard error: a bar in a terminal, otherwise a line a minute."""
    if not is_main():
        yield None, None
    elif sys.stderr.isatty():
        with progress_bar(num_epochs) as callbacks:
            yield callbacks
    else:
        last = time.monotonic()

        def write(text: str) -> None:
            nonlocal last
            if time.monotonic() - last > LINE_SECONDS:
                last = time.monotonic()
                print_message(text)

        yield (
            lambda record: write(f"training: {status_of(record)}"),
            lambda trial: write(f"choosing a recipe: {trial.name}, {trial.value:.4f}"),
        )
