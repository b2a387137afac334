"""Options that several commands share."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any

import typer

LATEST = Path("runs/latest")

MAX_SEED = 2**63 - 1  # that torch takes


def seed_option(meaning: str) -> Any:
    """Return the option of a seed. Its range, as `min` and `max`, would fill the help's lines."""
    return typer.Option(help=meaning, callback=_check_seed)


def _check_seed(seed: int) -> int:
    if not 0 <= seed <= MAX_SEED:
        raise typer.BadParameter(f"{seed} lies outside of 0 to {MAX_SEED}")
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
