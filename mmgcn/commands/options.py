"""Options that several commands share."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer
from typer.models import OptionInfo

if TYPE_CHECKING:
    from mmgcn.serving.item_table import ItemTable

LATEST = Path("runs/latest")

MAX_SEED = 2**63 - 1  # limit of torch


def seed_option(text: str) -> OptionInfo:
    """Return the option of a seed. With `min` and `max`, its range would fill lines of the help."""
    option: OptionInfo = typer.Option(help=text, callback=_check_seed)
    return option


def out_option(text: str) -> OptionInfo:
    """Return the option of a command's output path."""
    option: OptionInfo = typer.Option("--out", "-o", help=text)
    return option


def parse_seed(text: str) -> int:
    """Return a seed from text.

    Raises:
        typer.BadParameter: the text is not a whole number, or the seed is out of range.
    """
    try:
        return _check_seed(int(text))
    except ValueError as error:
        raise typer.BadParameter(f"'{text}' is not a whole number") from error


def item_table(captions: str | None) -> ItemTable:
    """Return the table of --captions: TABLE, TABLE,speech or speech; empty for the latter.

    Raises:
        TableError: the table cannot be read.
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
MetricOption = Annotated[
    str, typer.Option(help="Metric: recall@K or ndcg@K.", callback=_check_metric)
]
CaptionsOption = Annotated[
    str | None,
    typer.Option(
        help="Table with item_id and caption or title, to show with the items (.csv .tsv "
        ".parquet .jsonl). Transcripts of `mmgcn extract --captions speech` are always shown.",
        show_default=False,
        metavar="TABLE",
    ),
]
PosterVideosOption = Annotated[
    Path | None,
    typer.Option(help="Videos for posters in HTML: a folder, or a table with item_id and path."),
]
