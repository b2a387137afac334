"""The commands of feature extraction: extract, store, modalities and weights."""

import typer

from extract.commands import extract, modalities, store, weights


def register(app: typer.Typer) -> None:
    """Add the commands to the app."""
    app.command()(extract.extract)
    app.add_typer(store.app, name="store")
    app.command()(modalities.modalities)
    app.add_typer(weights.app, name="weights")
