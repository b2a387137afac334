"""mmgcn import: convert a data set of another tool into files that `mmgcn fit` reads."""

from __future__ import annotations

import shlex
from pathlib import Path
from typing import Annotated

import typer

from extract.commands.options import with_options
from extract.commands.usage import refuse_options
from mmgcn.commands.output import JsonOption, console_table, print_json, print_message, print_table

PRETRAINED = "pretrained"


def register(app: typer.Typer) -> None:
    """Add the command to the app."""
    app.command("import")(import_data)


@with_options()
def import_data(
    words: Annotated[
        list[str] | None,
        typer.Argument(
            metavar="[FORMAT] PATH",
            help="Name of the format, and the folder or file. Without both, lists the formats.",
            show_default=False,
        ),
    ] = None,
    out: Annotated[Path, typer.Option("--out", "-o", help="Output folder.")] = Path("imported"),
    detect: Annotated[
        bool, typer.Option("--detect", help="Only print the formats that PATH may have.")
    ] = False,
    overwrite: Annotated[
        bool, typer.Option("--overwrite", help="Replace an earlier import in --out.")
    ] = False,
    allow_pickle: Annotated[
        bool,
        typer.Option(
            "--allow-pickle",
            help="Read pickles, in a process without access to files and network. Only for files "
            "whose source you trust: a pickle can run any code.",
        ),
    ] = False,
    num_users: Annotated[
        int | None,
        typer.Option(
            help="Number of users of a data set of MMGCN whose files do not contain it.",
            min=1,
            show_default=False,
        ),
    ] = None,
    json: JsonOption = False,
) -> None:
    """Convert a data set of another tool into tables and arrays for `mmgcn fit`.

    With PATH alone, the format is recognised by its files. Prints what was read and dropped, with
    reasons, and commands that train and recommend. `mmgcn import pretrained FOLDER` writes a
    published run as a run folder.
    """
    from mmgcn.content import ContentError
    from mmgcn.data_folder import check_folder, write_data_folder
    from mmgcn.format import FORMATS, ImportOptions

    if not words:
        refuse_options("detect", "out", "overwrite", because="there is no PATH")
        _list_formats(json)
        return
    if len(words) > 2:
        raise typer.BadParameter(f"FORMAT and PATH are expected, not {len(words)} words")
    path = Path(words[-1])
    if detect:
        if len(words) != 1:
            raise typer.BadParameter("--detect takes only PATH")
        refuse_options("out", "overwrite", "allow_pickle", "num_users", because="--detect reads")
        _print_detected(path, json)
        return
    if words[0] == PRETRAINED and len(words) == 2:
        refuse_options(
            "overwrite", "allow_pickle", "num_users", because="a pretrained run is one folder"
        )
        _import_pretrained(path, out, json)
        return
    name = words[0] if len(words) == 2 else _only_format(path)
    kind = FORMATS.get(name)
    if not path.exists():
        raise ContentError(f"there is no file and no folder {path}")
    check_folder(out, overwrite=overwrite)
    if allow_pickle:
        from mmgcn.formats._pickles import DANGER

        print_message(f"warning: {DANGER}")
    content = kind.read(path, ImportOptions(allow_pickle=allow_pickle, num_users=num_users))
    source = {"format": kind.name, "path": str(path)}
    written = write_data_folder(content, out, source=source, overwrite=overwrite)
    if json:
        print_json(
            {
                **source,
                "found": content.found,
                "dropped": content.dropped,
                "notes": written.notes,
                "files": [str(file) for file in written.files],
                "commands": written.commands,
            }
        )
        return
    for line in content.found:
        typer.echo(f"found: {line}")
    for line in content.dropped:
        typer.echo(f"dropped: {line}")
    for line in written.notes:
        print_message(f"note: {line}")
    typer.echo(f"written: {', '.join(file.name for file in written.files)} in {out}")
    typer.echo("next:")
    for line in written.commands:
        typer.echo(f"  {line}")


def _import_pretrained(path: Path, out: Path, json: bool) -> None:
    from mmgcn.pretrained import from_pretrained

    run = from_pretrained(path, out=out)
    if json:
        print_json({"run": str(out)})
        return
    typer.echo(f"written: {out}")
    typer.echo("next:")
    command = ["mmgcn", "recommend", "--run", str(out), "--user", run.users.id(0)]
    typer.echo(f"  {shlex.join(command)}")


def _list_formats(json: bool) -> None:
    from mmgcn.format import FORMATS, WritableFormat

    formats = [FORMATS.get(name) for name in FORMATS.names()]
    if json:
        print_json(
            [
                {
                    "name": each.name,
                    "title": each.title,
                    "layout": each.layout,
                    "export": isinstance(each, WritableFormat),
                }
                for each in formats
            ]
        )
        return
    table = console_table("format", "of", "files", "export")
    for each in formats:
        table.add_row(
            each.name, each.title, each.layout, "yes" if isinstance(each, WritableFormat) else ""
        )
    print_table(table)


def _only_format(path: Path) -> str:
    """Return the format of a path, if exactly one recognises it."""
    from mmgcn.format import FORMATS, FormatError, detect

    if str(path) in FORMATS.names() and not path.exists():
        raise typer.BadParameter(f"a PATH is missing: mmgcn import {path} PATH")
    found = detect(path)
    if not found:
        raise FormatError(
            f"{path} has none of the known layouts; `mmgcn import` lists them. `mmgcn fit -i FILE` "
            "reads any table with one row per interaction"
        )
    if len(found) > 1:
        raise FormatError(
            f"{path} may be {' or '.join(found)}; name one of them: mmgcn import "
            f"{next(iter(found))} {path}"
        )
    name = next(iter(found))
    print_message(f"note: the format is {name}: {found[name]}")
    return name


def _print_detected(path: Path, json: bool) -> None:
    from mmgcn.format import detect

    found = detect(path)
    if json:
        print_json(found)
        return
    if not found:
        typer.echo(f"{path} has none of the known layouts")
        raise typer.Exit(1)
    for name, evidence in found.items():
        typer.echo(f"{name}: {evidence}")
