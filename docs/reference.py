"""The pages that are generated when the site is built: commands, names, notebook, security."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from mkdocs.config.defaults import MkDocsConfig
from mkdocs.structure.files import File, Files

import cli
import extract
import mmgcn

NOTEBOOK = Path(__file__).parent / "clips_to_feed.ipynb"
EXIT_CODES = (
    "Exit codes: 0 done, 1 failed, 2 wrong usage, 3 some items failed, 4 another `mmgcn run` is in "
    "progress, 130 interrupted. `--json` prints the result for a program."
)


def on_files(files: Files, config: MkDocsConfig) -> Files:
    """Add the pages to the site."""
    files.append(File.generated(config, "commands.md", content=commands()))
    files.append(File.generated(config, "api.md", content=api()))
    security = (NOTEBOOK.parent.parent / "SECURITY.md").read_text(encoding="utf-8")
    files.append(File.generated(config, "security.md", content=security))
    files.append(File.generated(config, "notebook.md", content=notebook(NOTEBOOK)))
    return files


def notebook(path: Path) -> str:
    """Return a notebook as a page: its text and its code."""
    cells = json.loads(path.read_text(encoding="utf-8"))["cells"]
    parts = []
    for cell in cells:
        source = "".join(cell["source"])
        parts.append(source if cell["cell_type"] == "markdown" else f"```python\n{source}\n```")
    parts.insert(1, f"The notebook itself: [{path.name}]({path.name}).")
    return "\n\n".join(parts) + "\n"


def api() -> str:
    """Return the page of the public names of both packages."""
    lines = [
        "# Python reference",
        "",
        "Shapes, units and errors of the names to import from `mmgcn` and `extract`.",
        "",
    ]
    for package in (mmgcn, extract):
        lines += [f"## {package.__name__}", ""]
        for name in package.__all__:
            if name in package._MODULES:
                lines += [f"::: {package._MODULES[name]}.{name}"]
                lines += ["    options:", "      heading_level: 3", ""]
    return "\n".join(lines)


def commands() -> str:
    """Return the page of the commands: a section and a table of options for each."""
    group: Any = cli.build_app()
    context = group.make_context("mmgcn", [], resilient_parsing=True)
    lines = [
        "# Commands",
        "",
        "The options of every command, as printed by `--help`.",
        "",
        EXIT_CODES,
        "",
    ]
    for name in cli.COMMANDS:
        _, command, _ = group.resolve_command(context, [name])
        lines += section(f"mmgcn {name}", command, level=2)
    return "\n".join(lines)


def section(name: str, command: Any, *, level: int) -> list[str]:
    """Return the section of a command, and those of the commands in it."""
    lines = ["#" * level + f" {name}", "", (command.help or "").replace("\b", ""), ""]
    parameters = [each for each in command.params if not getattr(each, "hidden", False)]
    if parameters:
        lines += ["| option | meaning | default |", "|---|---|---|"]
        lines += [row(each) for each in parameters]
        lines.append("")
    for inner, each in getattr(command, "commands", {}).items():
        lines += section(f"{name} {inner}", each, level=level + 1)
    return lines


def row(parameter: Any) -> str:
    """Return the row of an argument or option."""
    if parameter.param_type_name == "argument":
        names = f"`{parameter.metavar or parameter.name.upper()}`"
    else:
        names = ", ".join(f"`{each}`" for each in [*parameter.opts, *parameter.secondary_opts])
    meaning = " ".join((getattr(parameter, "help", None) or "").split())
    default = parameter.default
    # Without a default, the parameter has none or a marker of the library.
    has_default = isinstance(default, str | int | float) and not isinstance(default, bool)
    shown = f"`{default}`" if has_default and default != "" else ""
    return f"| {names} | {cell(meaning)} | {cell(shown)} |"


def cell(text: str) -> str:
    """Return text that stays in one cell of a table."""
    return text.replace("|", "\\|").replace("<", "&lt;")
