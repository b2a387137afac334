"""How the commands of this half show what they have to say."""

from __future__ import annotations

import re
import sys
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager
from typing import Annotated, Any

import typer

# Control characters, and what stands for the bytes of a file name that are no text.
UNPRINTABLE = re.compile(r"[\x00-\x1f\x7f-\x9f\ud800-\udfff]")

Json = Annotated[bool, typer.Option("--json", help="Print the answer as JSON alone.")]


def print_json(value: Any) -> None:
    """Print a value as JSON on standard output."""
    from json import dumps

    text = dumps(value, indent=2, ensure_ascii=False)
    typer.echo(text.encode("utf-8", "backslashreplace").decode())


def print_table(columns: Sequence[str], rows: Iterable[Sequence[str]]) -> None:
    """Print a table on standard output."""
    from rich import box
    from rich.console import Console
    from rich.table import Table
    from rich.text import Text

    table = Table(box=box.SIMPLE_HEAD, pad_edge=False)
    for column in columns:
        table.add_column(column, overflow="fold")
    for row in rows:
        table.add_row(*(Text(printable(cell)) for cell in row))  # Text: brackets are no markup
    Console().print(table)


def tell(text: str) -> None:
    """Say something that is not the answer, on standard error."""
    typer.echo(printable(text), err=True)


def printable(text: str) -> str:
    r"""Return a line with what is no text, or would be obeyed by a terminal, written as escapes.

    Names of files may hold both.

    >>> print(printable("caf\udce9\x1b[2J\n.mp4"))
    caf\udce9\x1b[2J\n.mp4
    """
    return UNPRINTABLE.sub(lambda match: match[0].encode("unicode_escape").decode(), text)


@contextmanager
def counting(
    doing: str, *, size: bool = False
) -> Iterator[Callable[[int, int | None], None] | None]:
    """A bar on standard error for what counts how far it is, if that is a terminal.

    Args:
        size: whether bytes are counted.

    Yields:
        What is told how far it is and how far that will be, if that is known.
    """
    if not sys.stderr.isatty():
        yield None
        return
    from rich.console import Console
    from rich.progress import BarColumn, DownloadColumn, MofNCompleteColumn, Progress, TextColumn
    from rich.progress import TimeRemainingColumn as TimeLeft

    count = DownloadColumn() if size else MofNCompleteColumn()
    columns = (TextColumn("{task.description}", markup=False), BarColumn(bar_width=24), count)
    console = Console(stderr=True)
    with Progress(*columns, TimeLeft(compact=True), console=console, transient=True) as bar:
        task = bar.add_task(doing, total=None)
        yield lambda done, total: bar.update(task, completed=done, total=total)
