"""mmgcn doctor: the equipment of this machine, and packages that commands lack."""

from __future__ import annotations

import os
from collections.abc import Iterable
from pathlib import Path
from typing import Any

import typer

from mmgcn.commands.output import JsonOption, console_table, print_json, print_table

GIB = 1 << 30


def register(app: typer.Typer) -> None:
    """Add the command to the app."""
    app.command()(doctor)


def doctor(context: typer.Context, json: JsonOption = False) -> None:
    """Show what this machine has, and what each command lacks, to paste into an issue.

    Versions, devices, codecs, weights and free space. Paths and file names are omitted.
    """
    from extract.diagnosis import diagnose

    root: Any = context.find_root().command
    found = diagnose()
    found["project"] = _project_error(root.commands)
    if json:
        print_json(found)
        return
    table = console_table("what", "found")
    for name, text in _lines(found):
        table.add_row(name, text)
    print_table(table)
    if not found["missing"]:
        typer.echo("every command has the packages that it needs")
        return
    missing = console_table("missing for", "packages", "remedy")
    for row in found["missing"]:
        missing.add_row(row["for"], ", ".join(row["packages"]), row["remedy"])
    print_table(missing)


def _lines(found: dict[str, Any]) -> list[tuple[str, str]]:
    system, devices = found["system"], found["devices"]
    memory = system["memory_bytes"]
    installed = [f"{name} {version}" for name, version in found["packages"].items() if version]
    return [
        ("mmgcn", f"{system['mmgcn'] or 'not installed'}, Python {system['python']}"),
        ("system", system["platform"]),
        (
            "processor",
            f"{system['processor']}, {system['usable_cores']} of {system['cores']} cores"
            + ("" if memory is None else f", {memory / GIB:.1f} GiB of memory"),
        ),
        ("instructions", _words(system["cpu_features"])),
        ("precisions", _words(devices["cpu_precisions"])),
        ("GPUs", _words(devices["cuda"])),
        ("packages", _words(installed)),
        ("codecs", _words([name for name, here in found["codecs"].items() if here])),
        ("no codecs", _words([name for name, here in found["codecs"].items() if not here])),
        ("weights", _words([name for name, here in found["weights"].items() if here])),
        ("no weights", _words([name for name, here in found["weights"].items() if not here])),
        (
            "free space",
            ", ".join(f"{size / GIB:.1f} GiB in the {name}" for name, size in _free(found)),
        ),
        ("project", found["project"]),
    ]


def _free(found: dict[str, Any]) -> list[tuple[str, int]]:
    return list(found["free_bytes"].items())


def _words(words: list[str]) -> str:
    return ", ".join(words) or "none"


def _project_error(commands: Iterable[str]) -> str:
    """Return the name of the project file, its error, or none."""
    from mmgcn.project.project import PROJECT_FILE, Project, ProjectError, find_project

    path = find_project(None, Path())
    if path is None:
        return "none"
    try:
        Project.read(path, os.environ, commands)
    except ProjectError as error:
        return str(error)
    return PROJECT_FILE
