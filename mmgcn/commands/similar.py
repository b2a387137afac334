"""mmgcn similar: the items most like one."""

from __future__ import annotations

from typing import Annotated

import typer

from mmgcn.commands.output import JsonOption, console_table, print_json, print_table
from mmgcn.commands.recommend import LATEST, KOption, RunOption


def register(app: typer.Typer) -> None:
    """Add the command to the app."""
    app.command()(similar)


def similar(
    item: Annotated[str, typer.Option("--item", help="The item's id.")],
    run: RunOption = LATEST,
    k: KOption = 10,
    channel: Annotated[
        str | None, typer.Option(help="Compare only this channel, such as visual.")
    ] = None,
    json: JsonOption = False,
) -> None:
    """List the items most like one, by the cosine of their trained vectors."""
    from mmgcn.serving.recommender import Recommender

    table = Recommender.load(run).similar(item, k=k, channel=channel)
    if json:
        print_json(table.to_dicts())
        return
    shown = console_table("rank", "item", "cosine")
    for row in table.to_dicts():
        shown.add_row(str(row["rank"]), row["item_id"], f"{row['score']:.4f}")
    print_table(shown)
