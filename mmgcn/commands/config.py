"""mmgcn config: the settings in effect."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Protocol

import typer

from extract.commands.usage import ORIGINS
from mmgcn.commands.output import JsonOption, console_table, print_json, print_table
from mmgcn.project.command_line import apply_project, option_of
from mmgcn.project.project import DATA, DATA_KEYS, SHARED, Project

if TYPE_CHECKING:
    from typer._click import Command, Context  # click, which typer contains

SHARED_DEFAULTS = {"features": "features", "runs": "runs"}
SOURCES = {"COMMANDLINE": "option", "ENVIRONMENT": "environment"}

app = typer.Typer(help="Show the settings in effect, with their origins.", no_args_is_help=True)


def register(parent: typer.Typer) -> None:
    """Add the command to the app."""
    parent.add_typer(app, name="config")


@app.command("show", context_settings={"ignore_unknown_options": True, "allow_extra_args": True})
def show(
    context: typer.Context,
    command: Annotated[
        str | None,
        typer.Argument(
            help="Command whose options are shown. Its options may follow.",
            metavar="COMMAND",
            show_default=False,
        ),
    ] = None,
    json: JsonOption = False,
) -> None:
    """Show the settings in effect, with their origins.

    Options take precedence over MMGCN_* variables, these over mmgcn.toml, and that over defaults.
    Without COMMAND, shows the settings of the file and the variables; with COMMAND, all its
    options, such as `mmgcn config show fit --model mf`.
    """
    root = context.find_root()
    group: CommandGroup = root.command  # type: ignore[assignment]  # the group of cli.py
    project: Project = context.obj
    rows = (
        _of_project(group, project)
        if command is None
        else _of_command(root, group, command, project, context.args)
    )
    if json:
        print_json({"project": str(project.path) if project.path else None, "settings": rows})
        return
    typer.echo(f"project file: {project.path or 'none; write one with: mmgcn init'}")
    table = console_table("option" if command else "setting", "value", "from")
    for row in rows:
        value = row["value"]
        table.add_row(row["name"], "" if value is None else str(value), row["from"])
    print_table(table)
    if command is None:
        typer.echo("mmgcn config show COMMAND lists every option of a command")


class CommandGroup(Protocol):
    """The group of all commands, which are imported by `load`."""

    commands: Mapping[str, Command]

    def load(self, name: str) -> Command:
        """Import a command."""


def _of_project(group: CommandGroup, project: Project) -> list[dict[str, Any]]:
    """Return the shared paths and all settings in the file and the environment."""
    rows = []
    for key in SHARED:
        setting = project.get("", key)
        value = SHARED_DEFAULTS.get(key) if setting is None else setting.value
        rows.append(_row(key, value, "default" if setting is None else setting.origin))
    checked: dict[tuple[str, str], None] = {}
    for name in group.commands:
        prefix = f"MMGCN_{name.upper()}_"
        if name in project.tables or any(each.startswith(prefix) for each in project.environment):
            options = [option_of(each) for each in getattr(group.load(name), "params", ())]
            project.settings(name, options)  # refuses unknown keys
            checked |= {(name, option.name): None for option in options}
    checked |= {(DATA, key): None for key in DATA_KEYS}
    for table, key in sorted(checked, key=lambda each: each[0] != DATA):
        setting = project.get(table, key)
        if setting is not None:
            rows.append(_row(f"[{table}] {key}", setting.value, setting.origin))
    return rows


def _of_command(
    root: Context, group: CommandGroup, name: str, project: Project, words: list[str]
) -> list[dict[str, Any]]:
    """Return all options of a command, with the values that the command would read."""
    if name not in group.commands:
        raise typer.BadParameter(f"no command is called '{name}'", param_hint="COMMAND")
    command = group.load(name)
    if hasattr(command, "commands"):
        raise typer.BadParameter(
            f"{name} is a group of commands, which has no table in a project file",
            param_hint="COMMAND",
        )
    apply_project(root, name, command, project, words=words)
    context = command.make_context(name, list(words), parent=root)
    rows = []
    for parameter in command.params:
        if parameter.name == "context" or parameter.name not in context.params:
            continue
        source = getattr(context.get_parameter_source(parameter.name), "name", "")
        origin = SOURCES.get(source, "default")
        if source == "DEFAULT_MAP":
            origin = context.meta[ORIGINS][parameter.name]
        label = next((opt for opt in parameter.opts if opt.startswith("--")), parameter.name)
        rows.append(_row(label, _plain(context.params[parameter.name]), origin))
    return rows


def _row(name: str, value: object, origin: str) -> dict[str, Any]:
    return {"name": name, "value": value, "from": origin}


def _plain(value: object) -> object:
    """Return a value that JSON can express."""
    if isinstance(value, list | tuple):
        return [_plain(each) for each in value]
    return str(value) if isinstance(value, Path) else value
