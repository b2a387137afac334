"""Loggers: further destinations of a training's evaluations, in addition to metrics.jsonl."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Any

from extract.extras import require
from mmgcn.training.eval_records import EvalRecord

LOGGERS = ("tensorboard", "wandb")
OnRecord = Callable[[EvalRecord], None]


def check_loggers(names: Sequence[str]) -> None:
    """Check before a training that loggers exist and are installed.

    Raises:
        ValueError: a name is unknown.
        ImportError: a logger's package is not installed.
    """
    for name in names:
        if name not in LOGGERS:
            raise ValueError(f"log is '{name}'; it must be one of {', '.join(LOGGERS)}")
        if name == "tensorboard":
            require("tensorboard", purpose="log='tensorboard'", extra="log")
        else:
            require("wandb", purpose="log='wandb'", extra="log")


@contextmanager
def open_loggers(
    names: Sequence[str], *, run: Path, settings: Mapping[str, Any]
) -> Iterator[list[OnRecord]]:
    """Yield one callback per logger, to call after each evaluation. The loggers close on exit.

    Args:
        names: names in LOGGERS.
        run: run folder. TensorBoard's events are in RUN/tensorboard, so that
            `tensorboard --logdir runs` shows all runs; the run of Weights & Biases has the
            folder's name.
        settings: settings of the model and its training, for Weights & Biases.
    """
    with ExitStack() as stack:
        functions = []
        for name in names:
            opener = _tensorboard if name == "tensorboard" else _wandb
            functions.append(stack.enter_context(opener(run, settings)))
        yield functions


def values_of(record: EvalRecord) -> dict[str, float]:
    """Return the numbers of an evaluation by their names in loggers.

    >>> values_of(EvalRecord(1, 20, 0.5, 0.25, {"recall@20": 0.75}))
    {'train/loss': 0.25, 'train/seconds': 0.5, 'train/epoch': 1, 'valid/recall@20': 0.75}
    """
    metrics = {f"valid/{name}": value for name, value in record.metrics.items()}
    return {
        "train/loss": record.loss,
        "train/seconds": record.train_seconds,
        "train/epoch": record.epoch,
    } | metrics


@contextmanager
def _tensorboard(run: Path, _settings: Mapping[str, Any]) -> Iterator[OnRecord]:
    from torch.utils.tensorboard import SummaryWriter

    writer = SummaryWriter(str(run / "tensorboard"))

    def log(record: EvalRecord) -> None:
        for name, value in values_of(record).items():
            writer.add_scalar(name, value, record.step)
        writer.flush()

    try:
        yield log
    finally:
        writer.close()


@contextmanager
def _wandb(run: Path, settings: Mapping[str, Any]) -> Iterator[OnRecord]:
    from importlib import import_module

    opened = import_module("wandb").init(
        project="mmgcn", name=run.name, dir=str(run), config=dict(settings)
    )
    try:
        yield lambda record: opened.log(values_of(record), step=record.step)
    finally:
        opened.finish()
