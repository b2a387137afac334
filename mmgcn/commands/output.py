"""What the commands share: JSON, tables, notes and progress."""

from __future__ import annotations

import sys
import time
from collections.abc import Iterable, Iterator
from typing import Annotated, Any, TypeVar

import typer

JsonOption = Annotated[bool, typer.Option("--json", help="Print the answer as JSON alone.")]
QUIET_SECONDS = 1.0  # work that takes no longer needs no bar
T = TypeVar("T")


def print_json(value: Any) -> None:
    """Print JSON to standard output."""
    from json import dumps

    typer.echo(dumps(value, indent=2, ensure_ascii=False))


def tell(text: str) -> None:
    """Print a line for a person to standard error."""
    typer.echo(text, err=True)


def console_table(*columns: str, title: str | None = None) -> Any:
    """Return an empty table with those columns."""
    from rich import box
    from rich.table import Table

    table = Table(box=box.SIMPLE_HEAD, pad_edge=False, title=title, title_justify="left")
    for column in columns:
        table.add_column(column, overflow="fold")
    return table


def print_table(table: Any) -> None:
    """Print a table to standard output. Brackets and colons in it are text, not markup."""
    from rich.console import Console

    Console(markup=False, emoji=False, highlight=False).print(table)


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
