"""mmgcn export: the vectors as files or Postgres tables."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from extract.commands.options import with_options
from extract.commands.usage import refuse_options
from mmgcn.commands.options import LATEST, RunOption
from mmgcn.commands.output import JsonOption, print_json


def register(app: typer.Typer) -> None:
    """Add the command to the app."""
    app.command()(export)


@with_options()
def export(
    out: Annotated[Path, typer.Option("--out", "-o", help="Output folder.")] = Path("export"),
    run: RunOption = LATEST,
    to: Annotated[
        str | None,
        typer.Option(
            help="Postgres database for tables in place of files: postgresql://USER@HOST/DATABASE.",
            show_default=False,
        ),
    ] = None,
    prefix: Annotated[
        str, typer.Option(help="Prefix of the tables PREFIX_users and PREFIX_items; needs --to.")
    ] = "mmgcn",
    json: JsonOption = False,
) -> None:
    """Write the vectors of users and items: Parquet, .npy with ids, and CSV for pgvector.

    A score is the inner product of a user's and an item's vector.
    """
    if to is None:
        refuse_options("prefix", because="it is for --to DATABASE")
    else:
        refuse_options("out", because="--to writes tables, no files")

    from mmgcn.run import Run

    if to is not None:
        from mmgcn.serving.postgres import write_tables

        counts = write_tables(Run.load(run), to, prefix=prefix)
        if json:
            print_json({"tables": counts})
            return
        for table, count in counts.items():
            typer.echo(f"{count:,} rows in {table}")
        return
    from mmgcn.serving.export import export_vectors

    paths = [str(path) for path in export_vectors(Run.load(run), out)]
    if json:
        print_json({"files": paths})
        return
    for path in paths:
        typer.echo(path)
