"""What the commands share: JSON, tables and notes."""

from __future__ import annotations

from typing import Annotated, Any

import typer

JsonOption = Annotated[bool, typer.Option("--json", help="Print the answer as JSON alone.")]


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
    """Print a table to standard output."""
    from rich.console import Console

    Console().print(table)
