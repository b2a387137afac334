"""The options that say which data a command learns from."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

if TYPE_CHECKING:
    from mmgcn.data.source import Source

INTERACTIONS = Path("interactions.csv")

InteractionsOption = Annotated[
    Path,
    typer.Option(
        "--interactions",
        "-i",
        help="A table with user_id and item_id, and perhaps timestamp and weight "
        "(.csv .tsv .parquet .jsonl).",
    ),
]
ValidOption = Annotated[
    Path | None, typer.Option(help="Validation interactions; --interactions is then training.")
]
TestOption = Annotated[Path | None, typer.Option(help="Test interactions, withheld.")]
SplitOption = Annotated[
    str,
    typer.Option(help="leave-last-out, temporal, random or cold-items, where no files are given."),
]
FeaturesOption = Annotated[
    list[str] | None,
    typer.Option(
        help="A feature store, or NAME=FILE.npy[,IDS.txt] (one id a line; without it row i is "
        "item i). Repeatable, may be mixed.",
        show_default="./features if it is there",
    ),
]
KCoreOption = Annotated[
    int,
    typer.Option(
        help="Keep the part in which every user and item has this many interactions.", min=0
    ),
]
MissingOption = Annotated[
    str,
    typer.Option(help="Where a watched item was never extracted: error, mask or drop."),
]
DeviceOption = Annotated[str, typer.Option(help="auto, cpu, cuda or cuda:N.")]


def source_of(
    interactions: Path,
    valid: Path | None,
    test: Path | None,
    split: str,
    features: list[str] | None,
    k_core: int,
    missing: Any,
    *,
    seed: int,
) -> Source:
    """Return what the options say.

    Raises:
        typer.BadParameter: they do not go together.
    """
    from mmgcn.data.source import Source

    if missing not in ("error", "mask", "drop"):
        raise typer.BadParameter(
            f"'{missing}' is none of error, mask, drop", param_hint="--missing"
        )
    if k_core and (valid is not None or test is not None):
        raise typer.BadParameter(
            "filters one table; it does not go with --valid or --test", param_hint="--k-core"
        )
    if features is None:
        features = ["features"] if Path("features").is_dir() else []
    return Source(
        str(interactions),
        None if valid is None else str(valid),
        None if test is None else str(test),
        split,
        seed,
        tuple(features),
        k_core,
        missing,
    )
