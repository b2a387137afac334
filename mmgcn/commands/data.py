"""The options that say which data a command learns from."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from mmgcn.commands.options import seed_option

if TYPE_CHECKING:
    from mmgcn.data.dataset import Dataset
    from mmgcn.data.source import Source

INTERACTIONS = "interactions.csv"

InteractionsOption = Annotated[
    str,
    typer.Option(
        "--interactions",
        "-i",
        help="A table with user_id and item_id, and perhaps timestamp, rating and weight "
        "(.csv .tsv .parquet .jsonl), or the feedback in a database (sqlite: or postgresql:).",
    ),
]
COLUMNS_HELP = (
    "What the columns user, item, time and rating are called: user=userId,item=movieId. Numbers "
    "are places, from 1, in a .csv or .tsv without a header."
)
MIN_RATING_HELP = "Leave out the rows with a lower rating."
ColumnsOption = Annotated[
    str, typer.Option(help=COLUMNS_HELP, show_default="user_id, item_id, timestamp, rating")
]
MinRatingOption = Annotated[
    float | None, typer.Option(help=MIN_RATING_HELP, show_default="every row counts as watched")
]
FeedbackOption = Annotated[
    str | None,
    typer.Option(help="A database that `mmgcn serve` wrote, added to the table."),
]
EventWeightsOption = Annotated[
    str,
    typer.Option(
        help="What a kind of feedback weighs. A pair of user and item counts if its weights add "
        "up to more than 0; a row of the table weighs 1.",
        show_default="impression=0,play=1,like=2,skip=-1",
    ),
]
ValidOption = Annotated[
    Path | None, typer.Option(help="Validation interactions; --interactions is then training.")
]
TestOption = Annotated[Path | None, typer.Option(help="Test interactions, withheld.")]
SplitOption = Annotated[
    str,
    typer.Option(
        help="Where no files are given: leave-last-out, temporal, random, cold-items, or none, "
        "which learns from everything."
    ),
]
SplitSeedOption = Annotated[int, seed_option("Of the split, the same for all.")]
FeaturesOption = Annotated[
    list[str] | None,
    typer.Option(
        help="A feature store, or NAME=FILE.npy[,IDS.txt] (one id a line; without it row i is "
        "item i). Repeatable, may be mixed.",
        metavar="<path>",
        show_default="./features, if it is there",
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


def refuse_without_figures(dataset: Dataset) -> None:
    """Refuse data on which trainings cannot be compared, before any of them.

    Raises:
        ValueError: neither a validation nor a test part.
    """
    if len(dataset.split.valid) == 0 and len(dataset.split.test) == 0:
        raise ValueError(
            "there is neither a validation nor a test part to compare on; pass --valid or --test, "
            "or another --split"
        )


def source_of(
    interactions: str,
    valid: Path | None,
    test: Path | None,
    split: str,
    features: list[str] | None,
    k_core: int,
    missing: Any,
    *,
    seed: int,
    columns: str = "",
    min_rating: float | None = None,
    feedback: str | None = None,
    event_weights: str = "",
) -> Source:
    """Return what the options say.

    Raises:
        typer.BadParameter: they do not go together.
    """
    from mmgcn.data.history import is_database
    from mmgcn.data.source import Source

    if missing not in ("error", "mask", "drop"):
        raise typer.BadParameter(
            f"'{missing}' is none of error, mask, drop", param_hint="--missing"
        )
    if k_core and (valid is not None or test is not None):
        raise typer.BadParameter(
            "filters one table; it does not go with --valid or --test", param_hint="--k-core"
        )
    if (valid is not None or test is not None) and (feedback or is_database(interactions)):
        raise typer.BadParameter(
            "feedback is one table, which is then divided; leave --valid and --test out",
            param_hint="--feedback",
        )
    if features is None:
        features = ["features"] if Path("features").is_dir() else []
    return Source(
        interactions,
        None if valid is None else str(valid),
        None if test is None else str(test),
        split,
        seed,
        tuple(features),
        k_core,
        missing,
        feedback,
        event_weights,
        columns,
        min_rating,
    )
