"""mmgcn map: a run's items in two dimensions, for the page and the report."""

from __future__ import annotations

from typing import Annotated

import typer

from mmgcn.commands.options import LATEST, RunOption
from mmgcn.commands.output import JsonOption, print_json, print_message


def register(app: typer.Typer) -> None:
    """Add the command to the app."""
    app.command(name="map")(item_map)


def item_map(
    run: RunOption = LATEST,
    seed: Annotated[int, typer.Option(help="Seed of positions and clusters.", min=0)] = 0,
    json: JsonOption = False,
) -> None:
    """Compute maps of a run's items, by all channels and by each modality, for page and report.

    The maps are stored in the run folder. Without this command, the page computes a map when it is
    opened; a map of 5,000 items, the maximum, takes about a minute. Needs the extra `map`.
    """
    from mmgcn.run import Run
    from mmgcn.serving.item_map import MapError, map_channels, store_map

    opened = Run.load(run)
    stored = []
    for channel in map_channels(opened):
        try:
            found = store_map(opened, channel, seed=seed)
        except MapError as error:
            if channel is None:  # a modality that no item has does not prevent the other maps
                raise
            print_message(f"no map by {channel}: {error}")
            continue
        stored.append({"channel": channel, "num_items": len(found.item_index)})
        if not json:
            print_message(f"map by {channel or 'all channels'}: {len(found.item_index):,} items")
    if json:
        print_json({"run": str(opened.path), "maps": stored})
