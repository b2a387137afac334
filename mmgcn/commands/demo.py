"""mmgcn demo: the whole way, on clips that come with the package."""

from __future__ import annotations

import shlex
import subprocess
import sys
import time
from pathlib import Path
from typing import Annotated

import typer

from mmgcn.commands.output import console_table, print_table

USER = "42"
SOME_FAILED = 3


def register(app: typer.Typer) -> None:
    """Add the command to the app."""
    app.command()(demo)


def demo(
    out: Annotated[
        Path, typer.Option("--out", "-o", help="Where features and runs are written.")
    ] = Path("demo"),
) -> None:
    """Extract, fit, evaluate and recommend on the 72 clips that come with mmgcn.

    It runs the commands that you would type, and shows each before it runs. Needs no network: the
    encoders are those of --preset offline.
    """
    assets = find_assets()
    started = time.perf_counter()
    interactions, captions = assets / "interactions.csv", assets / "captions.csv"
    features, runs = out / "features", out / "runs"
    typer.echo(
        "72 short clips, what they show, sound like and are captioned drawn independently; 200 "
        "people\nwho watched them by taste. One clip is broken on purpose, five are silent, five "
        "have no caption."
    )
    _run(
        "1. What the videos look, sound and read like. The broken clip is reported, no more.",
        *("extract", str(assets / "videos"), "--modality", "v,a,t", "--preset", "offline"),
        *("--captions", str(captions), "--out", str(features)),
        accepted=(0, SOME_FAILED),
    )
    _run(
        "2. Train on who watched what. Each person's last two videos are withheld.",
        *("fit", "--interactions", str(interactions), "--features", str(features)),
        *("--out", str(runs)),
    )
    _run(
        "3. How well does it find the withheld videos, beside showing everybody what is popular?",
        *("evaluate", "--run", str(runs / "latest"), "--k", "5,10,20"),
    )
    _show_history(runs / "latest", captions)
    _run(
        f"4. What user {USER} should see next.",
        *("recommend", "--user", USER, "--run", str(runs / "latest")),
        *("--captions", str(captions)),
    )
    _run(
        "5. And why: what each modality contributes, and the watched videos most alike.",
        *("recommend", "--user", USER, "--run", str(runs / "latest"), "--k", "3", "--explain"),
    )
    typer.echo(
        f"Done in {time.perf_counter() - started:.0f} s. On your own data: mmgcn extract VIDEOS, "
        f"mmgcn fit, mmgcn recommend --user {USER}."
    )


def find_assets() -> Path:
    """Return the folder of the demo's data: in the package, or beside it in a checkout.

    Raises:
        FileNotFoundError: it is in neither.
    """
    package = Path(__file__).parent.parent
    for folder in (package / "_assets", package.parent / "assets"):
        if (folder / "interactions.csv").is_file():
            return folder
    raise FileNotFoundError(
        f"the demo's data is neither in {package / '_assets'} nor in {package.parent / 'assets'}; "
        "install mmgcn again"
    )


def _run(title: str, *words: str, accepted: tuple[int, ...] = (0,)) -> None:
    """Show a command, run it, and stop the demo where it fails."""
    typer.secho(f"\n{title}", bold=True)
    typer.secho(f"$ mmgcn {shlex.join(words)}", fg="cyan")
    sys.stdout.flush()
    code = subprocess.run([sys.executable, "-m", "mmgcn", *words], check=False).returncode
    if code not in accepted:
        raise typer.Exit(code if code > 0 else 1)


def _show_history(run: Path, captions: Path) -> None:
    from mmgcn.serving.item_table import ItemTable
    from mmgcn.serving.recommender import Recommender

    watched = Recommender.load(run).history(USER)
    told = ItemTable.read(captions).captions(watched)
    table = console_table(f"user {USER} watched", "caption")
    for item in watched:
        table.add_row(item, told.get(item, "(none)"))
    print_table(table)
