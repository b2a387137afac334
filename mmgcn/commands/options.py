"""Options that several commands share."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer
from typer.models import OptionInfo

if TYPE_CHECKING:
    from mmgcn.serving.item_table import ItemTable

LATEST = Path("runs/latest")

MAX_SEED = 2**63 - 1  # the largest of torch


def seed_option(meaning: str) -> OptionInfo:
    """Return the option of a seed. Its range, as `min` and `max`, would fill the help's lines."""
    option: OptionInfo = typer.Option(help=meaning, callback=_check_seed)
    return option


def out_option(meaning: str) -> OptionInfo:
    """Return the option of what a command writes."""
    option: OptionInfo = typer.Option("--out", "-o", help=meaning)
    return option


def parse_seed(text: str) -> int:
    """Return the seed that a text contains.

    Raises:
        typer.BadParameter: it is not a whole number, or out of range.
    """
    try:
        return _check_seed(int(text))
    except ValueError as error:
        raise typer.BadParameter(f"'{text}' is not a whole number") from error


def item_table(captions: str | None) -> ItemTable:
    """Return the table of --captions: TABLE, TABLE,speech or speech, which is an empty one.

    Raises:
        TableError: see `ItemTable.read`.
    """
    from extract.catalogue import caption_sources
    from mmgcn.serving.item_table import ItemTable

    table, _ = caption_sources(captions)
    return ItemTable() if table is None else ItemTable.read(table)


def _check_seed(seed: int) -> int:
    if not 0 <= seed <= MAX_SEED:
        raise typer.BadParameter(f"{seed} is not in the range of 0 to {MAX_SEED}")
    return seed


def _check_metric(metric: str) -> str:
    if metric not in METRICS:
        raise typer.BadParameter(f"'{metric}' is not one of {', '.join(METRICS)}")
    return metric


RunOption = Annotated[Path, typer.Option("--run", help="Run folder.")]
KOption = Annotated[int, typer.Option("--k", "-k", help="Number of items in each list.", min=1)]
METRICS = tuple(f"{family}@{k}" for family in ("recall", "ndcg") for k in (5, 10, 20, 50))
MetricOption = Annotated[str, typer.Option(help="recall@K or ndcg@K.", callback=_check_metric)]
CaptionsOption = Annotated[
    str | None,
    typer.Option(
        help="Table with item_id and caption or title, to show beside the items (.csv .tsv "
        ".parquet .jsonl). Transcripts of `mmgcn extract --captions speech` are shown without it.",
        show_default=False,
        metavar="TABLE",
    ),
]
PosterVideosOption = Annotated[
    Path | None,
    typer.Option(help="Videos for posters in HTML: a folder, or a table with item_id and path."),
]
