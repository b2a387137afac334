"""mmgcn demo: extract, fit, evaluate and recommend on clips in the package."""

from __future__ import annotations

import shlex
import subprocess
import sys
import time
from importlib.util import find_spec
from pathlib import Path
from typing import Annotated

import typer

from extract.extras import install_command
from mmgcn.commands.output import console_table, print_table

USER = "42"
SOME_FAILED = 3


def register(app: typer.Typer) -> None:
    """Add the command to the app."""
    app.command()(demo)


def demo(
    out: Annotated[
        Path, typer.Option("--out", "-o", help="Output folder of features and runs.")
    ] = Path("demo"),
) -> None:
    """Extract, fit, evaluate and recommend on the 72 clips that come with mmgcn.

    Prints each command before it runs. Needs no network: the encoders are those of --preset
    offline.
    """
    assets = find_assets()
    started = time.perf_counter()
    interactions, captions = assets / "interactions.csv", assets / "captions.csv"
    features, runs = out / "features", out / "runs"
    has_opencv = find_spec("cv2") is not None
    images = ("--posters", str(out / "posters"), "--sprites", str(out / "sprites"))
    typer.echo(
        "72 short clips whose images, audio and captions are drawn independently, and 200 users "
        "who\nwatch by taste. One clip is broken on purpose, five have no audio, five no caption."
    )
    _run(
        "1. Extract features of images, audio and captions. The broken clip is reported.",
        *("extract", str(assets / "videos"), "--modality", "v,a,t", "--preset", "offline"),
        *("--captions", str(captions), "--out", str(features)),
        *(images if has_opencv else ()),
        accepted=(0, SOME_FAILED),
    )
    _run(
        "2. Train on the interactions. The last two videos of each user are held out.",
        *("fit", "--interactions", str(interactions), "--features", str(features)),
        *("--out", str(runs)),
    )
    _run(
        "3. Evaluate on the held-out videos, in comparison with the most popular videos.",
        *("evaluate", "--run", str(runs / "latest"), "--k", "5,10,20"),
    )
    _show_history(runs / "latest", captions)
    _run(
        f"4. Recommend videos to user {USER}.",
        *("recommend", "--user", USER, "--run", str(runs / "latest")),
        *("--captions", str(captions)),
    )
    _run(
        "5. Explain: the contribution of each modality, and the most similar watched videos.",
        *("recommend", "--user", USER, "--run", str(runs / "latest"), "--k", "3", "--explain"),
    )
    videos = str(assets / "videos")
    if has_opencv:
        serve = ("--run", str(runs / "latest"), "--videos", videos, *images)
        typer.echo(f"\nOn a page, with the posters: mmgcn serve {shlex.join(serve)}")
    else:
        typer.echo(f"\nNo posters were drawn, without OpenCV; {install_command('posters')}")
    typer.echo(
        f"Done in {time.perf_counter() - started:.0f} s. On your own data: mmgcn extract VIDEOS, "
        f"mmgcn fit, mmgcn recommend --user {USER}."
    )


def find_assets() -> Path:
    """Return the folder of the demo's data, in the package or in the checkout.

    Raises:
        FileNotFoundError: there is no such folder.
    """
    package = Path(__file__).parent.parent
    for folder in (package / "_assets", package.parent / "assets"):
        if (folder / "interactions.csv").is_file():
            return folder
    raise FileNotFoundError(
        f"no data of the demo in {package / '_assets'} or {package.parent / 'assets'}; "
        "install mmgcn again"
    )


def _run(title: str, *arguments: str, accepted: tuple[int, ...] = (0,)) -> None:
    """Print and run a command; stop the demo if it fails."""
    typer.secho(f"\n{title}", bold=True)
    typer.secho(f"$ mmgcn {shlex.join(arguments)}", fg="cyan")
    sys.stdout.flush()
    command = [sys.executable, "-m", "mmgcn", "--project", "none", *arguments]
    code = subprocess.run(command, check=False).returncode
    if code not in accepted:
        raise typer.Exit(code if code > 0 else 1)


def _show_history(run: Path, captions: Path) -> None:
    from mmgcn.serving.item_table import ItemTable
    from mmgcn.serving.recommender import Recommender

    watched = Recommender.load(run).history(USER)
    captioned = ItemTable.read(captions).captions(watched)
    table = console_table(f"user {USER} watched", "caption")
    for item in watched:
        table.add_row(item, captioned.get(item, "(none)"))
    print_table(table)
