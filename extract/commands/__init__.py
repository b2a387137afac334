"""The commands of this half: extract, modalities, weights. Each file is one of them."""

import typer

from extract.commands import extract, modalities, weights


def register(app: typer.Typer) -> None:
    """Add the commands to the app."""
    app.command()(extract.extract)
    app.command()(modalities.modalities)
    app.add_typer(weights.app, name="weights")
