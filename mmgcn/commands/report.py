"""mmgcn report: a run in one file of HTML."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from mmgcn.commands.options import LATEST, CaptionsOption, RunOption
from mmgcn.commands.output import JsonOption, print_json, tell

if TYPE_CHECKING:
    from mmgcn.run import Run

NUM_EXAMPLES = 3
LIST_LENGTH = 8


def register(app: typer.Typer) -> None:
    """Add the command to the app."""
    app.command()(report)


def report(
    run: RunOption = LATEST,
    out: Annotated[Path, typer.Option("--out", "-o", help="The file.")] = Path("report.html"),
    user: Annotated[
        list[str] | None,
        typer.Option(
            "--user",
            "-u",
            help="Whose lists to show. Repeatable.",
            metavar="<str>",
            show_default="three drawn users",
        ),
    ] = None,
    videos: Annotated[
        Path | None,
        typer.Option(
            help="For posters: a folder of videos, or a table with item_id and path.",
            show_default=False,
        ),
    ] = None,
    captions: CaptionsOption = None,
    json: JsonOption = False,
) -> None:
    """Write a run into one file of HTML: figures, curves, modality worth, settings, some lists.

    It needs nothing else: no server, no network, no script. Figures of the test part stand beside
    what the most popular items would reach; modality worth is there after `mmgcn ablate`.
    """
    from mmgcn.commands.document import Shown, lists_of
    from mmgcn.evaluation.withheld import Withheld
    from mmgcn.report.document import write_document
    from mmgcn.report.run_report import run_document
    from mmgcn.serving.item_table import ItemTable
    from mmgcn.serving.recommender import Recommender

    recommender = Recommender.load(run)
    shown = Shown(videos, ItemTable() if captions is None else ItemTable.read(captions))
    users = user or _drawn(recommender.run)
    recommender.run.users.index(users)  # an unknown one is an error before anything is drawn
    table = recommender.recommend(users, k=LIST_LENGTH)
    part = Withheld.own(recommender.run)
    text = run_document(
        recommender.run,
        test={name: part.figures(name) for name in part.scorers()} if len(part) else {},
        lists=lists_of(recommender, table, [None] * table.height),
        captions=shown.captions,
        pictures=shown.pictures,
    )
    write_document(out, text)
    shown.tell_failures()
    if json:
        print_json({"path": str(out), "num_bytes": len(text.encode())})
    else:
        tell(f"{out}: {len(text.encode()) / 1e6:.1f} MB")


def _drawn(run: Run) -> list[str]:
    """Return some users who have watched something, the same ones for the same run."""
    import numpy as np

    indptr, _ = run.csr("seen")
    rows = np.flatnonzero(np.diff(indptr))
    chosen = np.random.default_rng(0).permutation(rows)[:NUM_EXAMPLES]
    return run.users.ids.gather(np.sort(chosen)).to_list()
