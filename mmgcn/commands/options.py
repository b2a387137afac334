"""Options that several commands share."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer
from typer.models import OptionInfo

LATEST = Path("runs/latest")

MAX_SEED = 2**63 - 1  # the largest of torch


def seed_option(meaning: str) -> OptionInfo:
    """Return the option of a seed. Its range, as `min` and `max`, would fill the help's lines."""
    option: OptionInfo = typer.Option(help=meaning, callback=_check_seed)
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


def _check_seed(seed: int) -> int:
    if not 0 <= seed <= MAX_SEED:
        raise typer.BadParameter(f"{seed} is not in the range of 0 to {MAX_SEED}")
    return seed


RunOption = Annotated[Path, typer.Option("--run", help="The run folder.")]
KOption = Annotated[int, typer.Option("--k", "-k", help="How many.", min=1)]
CaptionsOption = Annotated[
    Path | None,
    typer.Option(
        help="A table with item_id and caption or title, to show beside the items (.csv .tsv "
        ".parquet .jsonl).",
        show_default=False,
    ),
]
