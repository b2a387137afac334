"""mmgcn models: what can be trained, and what there is to set."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Any

import typer

from mmgcn.commands.output import JsonOption, console_table, print_json, print_table

if TYPE_CHECKING:
    from mmgcn.config import Config
    from mmgcn.model import RecommenderModel


def models(
    name: Annotated[
        str | None,
        typer.Argument(help="Tell what this one has to set.", metavar="NAME", show_default=False),
    ] = None,
    json: JsonOption = False,
) -> None:
    """List the models; of one, its settings, their defaults and what they mean."""
    if name is None:
        _list(json)
        return
    from mmgcn.model import MODELS

    rows = _settings(MODELS.get(name))
    if json:
        print_json(rows)
        return
    if not rows:
        typer.echo(f"{name} has nothing to set")
        return
    table = console_table("setting", "default", "values", "what it is")
    for row in rows:
        table.add_row(row["name"], str(row["default"]), row["values"], row["meaning"])
    print_table(table)


def register(app: typer.Typer) -> None:
    """Add the command to `mmgcn`."""
    app.command()(models)


def _list(json: bool) -> None:
    from extract.registry import PluginError
    from mmgcn.model import MODELS, Model

    rows: list[dict[str, Any]] = []
    for entry in MODELS.entries():
        row: dict[str, Any] = {"name": entry.name, "source": entry.source}
        try:
            kind = MODELS.get(entry.name)
        except PluginError as error:
            rows.append(row | {"error": str(error)})
            continue
        about = {"description": _first_line(kind), "trained": issubclass(kind, Model)}
        rows.append(row | about | {"needs_features": kind.needs_features})
    if json:
        print_json(rows)
        return
    table = console_table("model", "what it is", "features", "from")
    for row in rows:
        needs = "needed" if row.get("needs_features") else ""
        about = row["error"] if "error" in row else row["description"]
        table.add_row(row["name"], about, needs, row["source"])
    print_table(table)


def _first_line(kind: type[RecommenderModel[Any]]) -> str:
    return (kind.__doc__ or "").strip().partition("\n")[0]


def _settings(kind: type[RecommenderModel[Any]]) -> list[dict[str, Any]]:
    """Return name, default, values and meaning of what a model has to set, its own first."""
    from typing import Literal, get_args, get_origin, get_type_hints

    settings = kind.default_settings()
    rows = []
    for config in (settings.model, settings.train):
        if config is None:
            continue
        hints, meanings = get_type_hints(type(config)), _meanings(type(config))
        for name in [each for each in config.names() if each in kind.setting_names()]:
            hint = hints[name]
            values = " or ".join(get_args(hint)) if get_origin(hint) is Literal else hint.__name__
            row = {"name": name, "default": getattr(config, name), "values": values}
            rows.append(row | {"meaning": meanings[name]})
    return rows


def _meanings(kind: type[Config]) -> dict[str, str]:
    """Return the text below each field of a dataclass, its own or that of a class it comes from."""
    import ast
    import inspect
    import textwrap
    from collections import defaultdict

    found: dict[str, str] = defaultdict(str)
    for each in reversed(kind.__mro__[:-1]):
        (definition,) = ast.parse(textwrap.dedent(inspect.getsource(each))).body
        assert isinstance(definition, ast.ClassDef)
        for field, below in zip(definition.body, definition.body[1:], strict=False):
            match field, below:
                case (
                    ast.AnnAssign(target=ast.Name(id=name)),
                    ast.Expr(value=ast.Constant(value=str(text))),
                ):
                    found[name] = " ".join(text.split())
    return found
