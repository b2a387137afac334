"""Output of commands: JSON, tables, notes and progress."""

from __future__ import annotations

import re
import sys
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Annotated

import typer

# Control characters, and surrogates for the bytes of a file name that are not text.
UNPRINTABLE = re.compile(r"[\x00-\x1f\x7f-\x9f\ud800-\udfff]")
# Words up to this number of characters are not broken in a table; the second is for a narrow one.
LONGEST_WORD, LONGEST_WORD_IF_NARROW = 24, 12
PROSE_WIDTH = 8  # minimum width of a column of prose, in characters

Json = Annotated[bool, typer.Option("--json", help="Print only the result, as JSON.")]


def print_json(value: object) -> None:
    """Print a value as JSON on standard output."""
    from json import dumps

    text = dumps(value, indent=2, ensure_ascii=False)
    typer.echo(text.encode("utf-8", "backslashreplace").decode())


@dataclass
class Table:
    """Rows of text below column titles."""

    columns: tuple[str, ...]
    title: str | None = None
    rows: list[tuple[str, ...]] = field(default_factory=list)

    def add_row(self, *cells: str) -> None:
        """Add a row with one cell per column. A cell may have several lines."""
        self.rows.append(cells)


def console_table(*columns: str, title: str | None = None) -> Table:
    """Return an empty table with these columns."""
    return Table(columns, title)


def print_table(table: Table) -> None:
    """Print a table on standard output; brackets and colons in it are text, not markup.

    Names and numbers are not broken, so that they can be read and copied: columns of prose shrink
    first, and then lines are longer than the terminal is wide.
    """
    from rich import box
    from rich.console import Console
    from rich.table import Table as Drawn

    rows = [[_printable_lines(cell) for cell in row] for row in (table.columns, *table.rows)]
    console = Console(markup=False, emoji=False, highlight=False)
    between = 3 * len(table.columns) - 1  # three between two columns, one at each end
    widths = _widths(list(zip(*rows, strict=True)), console.width - between)
    console.width = max(console.width, sum(widths) + between)
    drawn = Drawn(box=box.SIMPLE_HEAD, pad_edge=False, title=table.title, title_justify="left")
    for title, width in zip(rows[0], widths, strict=True):
        drawn.add_column(title, overflow="fold", width=width)
    for row in rows[1:]:
        drawn.add_row(*row)
    console.print(drawn)


def _printable_lines(cell: str) -> str:
    return "\n".join(printable(line) for line in cell.split("\n"))


def _widths(columns: Sequence[Sequence[str]], room: int) -> list[int]:
    """Return the width of each column, including its title: its full width if there is space."""
    from rich.cells import cell_len

    word_widths = [
        max((cell_len(w) for cell in each for w in cell.split()), default=0) for each in columns
    ]
    line_widths = [
        max(cell_len(line) for cell in each for line in cell.split("\n")) for each in columns
    ]
    widths = list(word_widths)
    for longest in (LONGEST_WORD, LONGEST_WORD_IF_NARROW):
        limits = [
            word if line == word <= longest else PROSE_WIDTH
            for word, line in zip(word_widths, line_widths, strict=True)
        ]
        widths = list(map(min, word_widths, limits))
        if sum(widths) <= room:
            break
    while sum(widths) < min(room, sum(line_widths)):
        short = [column for column, line in enumerate(line_widths) if widths[column] < line]
        widths[min(short, key=widths.__getitem__)] += 1
    return widths


def print_message(text: str) -> None:
    """Print a note on standard error."""
    typer.echo(printable(text), err=True)


def printable(text: str) -> str:
    r"""Return a line with control characters and undecodable bytes as escapes.

    Names of files may contain both.

    >>> print(printable("caf\udce9\x1b[2J\n.mp4"))
    caf\udce9\x1b[2J\n.mp4
    """
    return UNPRINTABLE.sub(lambda match: match[0].encode("unicode_escape").decode(), text)


@contextmanager
def counting(
    doing: str, *, size: bool = False
) -> Iterator[Callable[[int, int | None], None] | None]:
    """Show a progress bar on standard error, if that is a terminal.

    Args:
        size: whether the count is in bytes.

    Yields:
        A function of the count so far and the total, if known; None if no bar is shown.
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
