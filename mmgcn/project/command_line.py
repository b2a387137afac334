"""Defaults of a command's options from the project, in the form that click reads."""

from __future__ import annotations

import os
from collections.abc import Iterable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from extract.commands.usage import ORIGINS
from mmgcn.project.project import Option, Project, find_project

if TYPE_CHECKING:
    import typer
    from typer._click import Command, Context, Parameter  # click, which typer contains

# Commands that read no project: they write one, diagnose a broken one, or have their own data.
WITHOUT_PROJECT = frozenset({"init", "doctor", "demo"})
# Given option -> options of a project that it excludes, and which therefore do not apply.
SAMPLING = ("num_frames", "fps", "every_nth", "keyframes")
GIVEN_PARTS = ("split", "k_core", "keep_removed_items", "feedback", "event_weights")
REPLACED = {
    **dict.fromkeys(SAMPLING, SAMPLING),
    "list_file": ("videos",),
    "valid": GIVEN_PARTS,
    "test": GIVEN_PARTS,
    "split": ("valid", "test"),
}


def read_project(given: str | None, commands: Iterable[str]) -> Project:
    """Return the project of the working folder, or a given one. Its folder becomes the working one.

    Args:
        given: value of --project: a file, a folder, `none`, or None without the option.
        commands: names of all commands.

    Raises:
        ProjectError: the project file does not exist or is malformed.
    """
    path = find_project(given, Path())
    if path is not None:
        path = path.absolute()
        os.chdir(path.parent)
    return Project.read(path, os.environ, commands)


def apply_project(
    context: Context, name: str, command: Command, project: Project, *, words: Sequence[str]
) -> None:
    """Make the project's values the defaults of a command, and record their origins.

    Args:
        context: click context of the group, whose `default_map` is replaced.
        name: name of the command.
        command: click command or group of that name.
        project: the project.
        words: command-line arguments of the command. Options of the project that they exclude do
            not apply.

    Raises:
        ProjectError: see `Project.settings`.
    """
    every = list(_commands(command))
    options = {parameter.name: option_of(parameter) for _, each in every for parameter in each}
    settings = project.settings(name, list(options.values()))
    given = {word.partition("=")[0] for word in words}
    for parameter in (parameter for _, each in every for parameter in each):
        if given & set(parameter.opts):
            for other in REPLACED.get(parameter.name, ()):
                settings.pop(other, None)
    context.meta[ORIGINS] = {key: setting.origin for key, setting in settings.items()}
    values = {key: setting.value for key, setting in settings.items()}
    context.default_map = {name: values | dict.fromkeys((n for n, _ in every if n), values)}


def option_of(parameter: Parameter) -> Option:
    """Return the option of a click parameter."""
    return Option(
        name=parameter.name,
        is_flag=bool(getattr(parameter, "is_flag", False)),
        is_repeatable=bool(getattr(parameter, "multiple", False)) or parameter.nargs == -1,
        is_run=parameter.name == "run" and str(parameter.default) == str(Path("runs/latest")),
    )


def _commands(command: Command) -> Iterator[tuple[str, list[Parameter]]]:
    """Yield the names and parameters of a group's commands, or of a command, with an empty name."""
    subcommands: Mapping[str, Command] | None = getattr(command, "commands", None)
    if subcommands is None:
        yield "", list(command.params)
        return
    for name, each in subcommands.items():
        yield name, list(each.params)


def explain_origin(error: typer.BadParameter) -> None:
    """Add the origin of a value to click's error about it, if it is not the command line."""
    context, parameter = error.ctx, error.param
    if context is None or parameter is None:
        return
    source = getattr(context.get_parameter_source(parameter.name), "name", "")
    origin = context.meta.get(ORIGINS, {}).get(parameter.name)
    if origin and source == "DEFAULT_MAP":
        error.message += f" (it is set by {origin})"
