"""mmgcn similar: the items most like one."""

from __future__ import annotations

from typing import Annotated

import typer

from mmgcn.commands.listing import show_list
from mmgcn.commands.options import LATEST, CaptionsOption, KOption, RunOption
from mmgcn.commands.output import JsonOption, print_json


def register(app: typer.Typer) -> None:
    """Add the command to the app."""
    app.command()(similar)


def similar(
    item: Annotated[str, typer.Option("--item", help="The item's id.")],
    run: RunOption = LATEST,
    k: KOption = 10,
    channel: Annotated[
        str | None,
        typer.Option(help="Compare only this channel, such as visual.", show_default=False),
    ] = None,
    captions: CaptionsOption = None,
    json: JsonOption = False,
) -> None:
    """List the items most like one, by the cosine of their trained vectors."""
    from mmgcn.serving.item_table import ItemTable
    from mmgcn.serving.recommender import Recommender

    told = ItemTable() if captions is None else ItemTable.read(captions)
    table = Recommender.load(run).similar(item, k=k, channel=channel)
    if json:
        print_json(table.to_dicts())
    else:
        show_list(table, told, score="cosine")
