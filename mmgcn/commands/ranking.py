"""Shared by commands with ranked lists: flags of ranking options, files of ids, creators."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import typer

from extract.commands.options import Flag
from mmgcn.serving.ranking_options import RankingOptions

if TYPE_CHECKING:
    from mmgcn.serving.item_table import ItemTable

K_FLAG = Flag(("--k", "-k"), help="Number of items in a list.", min=1)
PER_CREATOR_FLAG = Flag(
    help="Maximum number of items of one creator in a list; needs --captions with a column "
    "creator.",
    min=1,
)


def ids_in_file(path: Path | str, column: str) -> list[str]:
    """Return the ids in a file: one per line, or the column of a table."""
    from mmgcn.serving.table_file import read_ids

    return read_ids(Path(path), column)


def with_creators(options: RankingOptions, table: ItemTable) -> RankingOptions:
    """Return the options with creators from a table, if there is a limit per creator.

    Raises:
        typer.BadParameter: there is a limit per creator and no table.
    """
    if options.per_creator is None:
        return options
    if table.rows.is_empty():
        raise typer.BadParameter(
            "it needs --captions FILE, a table with item_id and creator", param_hint="--per-creator"
        )
    return options.changed(creators=table.creators())
