"""Progress of a training: a bar in a terminal or a notebook, and callbacks."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from mmgcn.training.eval_records import EvalRecord
    from mmgcn.training.recipe_trials import Trial

OnRecord = Callable[["EvalRecord"], None]
OnTrial = Callable[["Trial"], None]


@contextmanager
def progress_bar(num_epochs: int) -> Iterator[tuple[OnRecord, OnTrial]]:
    """Show a bar of the epochs, on standard error or in the cell of a notebook.

    Yields:
        Functions to call after each evaluation, and after each trial of a recipe.
    """
    from rich.console import Console
    from rich.progress import BarColumn, Progress, TextColumn, TimeElapsedColumn

    columns = (TextColumn("training"), BarColumn(), TextColumn("{task.fields[status]}"))
    with Progress(
        *columns, TimeElapsedColumn(), console=Console(stderr=True), transient=True
    ) as bar:
        task = bar.add_task("", total=num_epochs, status="starting")

        def show(record: EvalRecord) -> None:
            total = max(num_epochs, record.epoch)
            bar.update(task, total=total, completed=record.epoch, status=status_of(record))

        def show_trial(trial: Trial) -> None:
            bar.update(task, status=f"choosing a recipe: {trial.name}, {trial.value:.4f}")

        yield show, show_trial


def status_of(record: EvalRecord) -> str:
    """Return an evaluation as short text."""
    status = f"epoch {record.epoch}, loss {record.loss:.3f}"
    name = next((name for name in ("recall@20", "recall@10") if name in record.metrics), None)
    return status if name is None else f"{status}, {name} {record.metrics[name]:.4f}"


@contextmanager
def notifier(
    progress: OnRecord | bool | None,
    callbacks: Sequence[OnRecord],
    on_trial: OnTrial | None,
    *,
    num_epochs: int,
) -> Iterator[tuple[OnRecord, OnTrial | None]]:
    """Yield a function that calls `progress` and all callbacks, and the one for trials.

    Args:
        progress: a function, or True for `progress_bar`.
        callbacks: functions that are called after `progress`, in this order.
        on_trial: function for trials; by default that of the progress bar, if it is shown.
    """
    if progress is True:
        with progress_bar(num_epochs) as (show, show_trial):
            yield _all_of([show, *callbacks]), on_trial or show_trial
    else:
        yield _all_of([*([progress] if callable(progress) else []), *callbacks]), on_trial


def check_callbacks(callbacks: Sequence[OnRecord]) -> None:
    """Refuse a single function in place of a list of them.

    Raises:
        TypeError: `callbacks` is not a list of functions.
    """
    if callable(callbacks) or not all(map(callable, callbacks)):
        raise TypeError(
            f"callbacks is {callbacks!r}; expected a list of functions of an EvalRecord"
        )


def _all_of(functions: Sequence[OnRecord]) -> OnRecord:
    def notify(record: EvalRecord) -> None:
        for function in functions:
            function(record)

    return notify
