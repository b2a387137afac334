"""Options that several commands share."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

LATEST = Path("runs/latest")

MAX_SEED = 2**63 - 1  # that torch takes

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
