"""mmgcn report: a run as one HTML file."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from mmgcn.commands.options import LATEST, CaptionsOption, PosterVideosOption, RunOption, item_table
from mmgcn.commands.output import JsonOption, print_json, print_message

if TYPE_CHECKING:
    from mmgcn.run import Run

NUM_EXAMPLES = 3
LIST_LENGTH = 8


def register(app: typer.Typer) -> None:
    """Add the command to the app."""
    app.command()(report)


def report(
    run: RunOption = LATEST,
    out: Annotated[Path, typer.Option("--out", "-o", help="Output file.")] = Path("report.html"),
    user: Annotated[
        list[str] | None,
        typer.Option(
            "--user",
            "-u",
            help="User of an example list. Repeatable.",
            metavar="<str>",
            show_default="three random users",
        ),
    ] = None,
    k: Annotated[
        int, typer.Option("--k", "-k", help="Number of items in an example list.", min=1)
    ] = LIST_LENGTH,
    videos: PosterVideosOption = None,
    captions: CaptionsOption = None,
    json: JsonOption = False,
) -> None:
    """Write a run as one HTML file: metrics, curves, modality worth, settings, example lists.

    The file needs no server, no network and no script. Metrics on the test part are compared with
    those of the most popular items. The worth of modalities is included after `mmgcn ablate --run`,
    maps of the items after `mmgcn map`.
    """
    from mmgcn.commands.html_output import MediaForHtml, lists_of
    from mmgcn.evaluation.held_out import HeldOut
    from mmgcn.report.document import write_document
    from mmgcn.report.run_report import run_document
    from mmgcn.serving.recommender import Recommender
    from mmgcn.serving.spoken_captions import stores_of

    recommender = Recommender.load(run)
    media = MediaForHtml(videos, item_table(captions), stores=stores_of(recommender.run))
    users = user or _random_users(recommender.run)
    recommender.run.users.index(users)  # refuse unknown users before posters are drawn
    table = recommender.recommend(users, k=k)
    part = HeldOut.own(recommender.run)
    text = run_document(
        recommender.run,
        test={name: part.metrics(name) for name in part.scorers()} if len(part) else {},
        lists=lists_of(recommender, table, [None] * table.height),
        captions=media.captions,
        posters=media.posters,
    )
    write_document(out, text)
    media.report_failures()
    if json:
        print_json({"path": str(out), "num_bytes": len(text.encode())})
    else:
        print_message(f"{out}: {len(text.encode()) / 1e6:.1f} MB")


def _random_users(run: Run) -> list[str]:
    """Return random users with training interactions, always the same for a run."""
    import numpy as np

    indptr, _ = run.csr("seen")
    users = np.flatnonzero(np.diff(indptr))
    drawn = np.random.default_rng(0).permutation(users)[:NUM_EXAMPLES]
    return run.users.ids.gather(np.sort(drawn)).to_list()
