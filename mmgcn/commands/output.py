"""Output of commands: functions shared with extract, and a progress bar over blocks."""

from __future__ import annotations

import sys
import time
from collections.abc import Iterable, Iterator
from typing import TypeVar

from extract.commands.output import Json as JsonOption
from extract.commands.output import console_table, print_json, print_message, print_table

__all__ = [
    "JsonOption",
    "console_table",
    "print_json",
    "print_message",
    "print_table",
    "with_progress",
]

QUIET_SECONDS = 1.0  # before a progress bar is shown
T = TypeVar("T")


def with_progress(blocks: Iterable[T], *, total: int, doing: str) -> Iterator[T]:
    """Yield blocks, with a progress bar if standard error is a terminal.

    Args:
        blocks: blocks of any length.
        total: sum of the lengths.
        doing: label of the bar.
    """
    if not sys.stderr.isatty():
        yield from blocks
        return
    from rich.console import Console
    from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn
    from rich.progress import TimeRemainingColumn as TimeLeft

    columns = (TextColumn(doing), BarColumn(), MofNCompleteColumn(), TimeLeft(compact=True))
    bar = Progress(*columns, console=Console(stderr=True), transient=True)
    task = bar.add_task("", total=total)
    started = time.monotonic()
    try:
        for block in blocks:
            if not bar.live.is_started and time.monotonic() - started > QUIET_SECONDS:
                bar.start()
            yield block
            bar.advance(task, len(block))  # type: ignore[arg-type]
    finally:
        bar.stop()
