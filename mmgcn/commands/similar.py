"""mmgcn similar: the nearest neighbours of an item."""

from __future__ import annotations

from typing import Annotated

import typer

from extract.commands.options import Flag, with_options
from extract.commands.usage import refuse_options
from mmgcn.commands.listing import show_list
from mmgcn.commands.options import LATEST, CaptionsOption, RunOption, item_table
from mmgcn.commands.output import JsonOption, print_json
from mmgcn.commands.ranking import K_FLAG, PER_CREATOR_FLAG, with_creators
from mmgcn.serving.ranking_options import RankingOptions


def register(app: typer.Typer) -> None:
    """Add the command to the app."""
    app.command()(similar)


@with_options(
    options={
        "k": K_FLAG,
        "filter_seen": None,
        "items": None,
        "exclude": None,
        "diversity": Flag(min=0, max=1),
        "creators": None,
        "per_creator": PER_CREATOR_FLAG,
        "unknown_users": None,
    }
)
def similar(
    item: Annotated[str, typer.Option("--item", help="Item id.")],
    options: RankingOptions,
    run: RunOption = LATEST,
    channel: Annotated[
        str | None, typer.Option(help="Channel to compare, such as visual; by default all.")
    ] = None,
    captions: CaptionsOption = None,
    json: JsonOption = False,
) -> None:
    """List the items most similar to a given one, by the cosine of item vectors."""
    if json and options.per_creator is None:
        refuse_options("captions", because="captions are printed; --json has none")

    from mmgcn.serving.recommender import Recommender

    table = item_table(captions)
    recommender = Recommender.load(run)
    found = recommender.similar(item, with_creators(options, table), channel=channel)
    if json:
        print_json(found.to_dicts())
    else:
        show_list(found, table, recommender.run, score="cosine")
