"""How commands show what they have to say: as those of extract do, and blocks as they come."""

from __future__ import annotations

import sys
import time
from collections.abc import Iterable, Iterator
from typing import TypeVar

from extract.commands.output import Json as JsonOption
from extract.commands.output import console_table, print_json, print_table, tell

__all__ = ["JsonOption", "console_table", "print_json", "print_table", "tell", "with_progress"]

QUIET_SECONDS = 1.0  # work that takes no longer needs no bar
T = TypeVar("T")


def with_progress(blocks: Iterable[T], *, total: int, doing: str) -> Iterator[T]:
    """Yield blocks that have a length, and show how far they are, if standard error is a terminal.

    Args:
        total: the sum of their lengths.
        doing: what is being done to them.
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
