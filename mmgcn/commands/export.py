"""mmgcn export: the vectors, for those who serve from their own database."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from mmgcn.commands.options import LATEST, RunOption


def register(app: typer.Typer) -> None:
    """Add the command to the app."""
    app.command()(export)


def export(
    out: Annotated[Path, typer.Option("--out", "-o", help="The folder to write to.")] = Path(
        "export"
    ),
    run: RunOption = LATEST,
) -> None:
    """Write the vectors of users and items: Parquet, .npy with ids, and CSV for pgvector.

    A score is the inner product of a user's and an item's vector.
    """
    from mmgcn.run import Run
    from mmgcn.serving.export import export_vectors

    for path in export_vectors(Run.load(run), out):
        typer.echo(str(path))
