"""mmgcn models: the models and their settings."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Any

import typer

from mmgcn.commands.output import JsonOption, console_table, print_json, print_table

if TYPE_CHECKING:
    from mmgcn.recommender_model import RecommenderModel


def models(
    name: Annotated[
        str | None,
        typer.Argument(help="Model whose settings are listed.", metavar="NAME", show_default=False),
    ] = None,
    json: JsonOption = False,
) -> None:
    """List the models, or the settings of one with their defaults and meanings."""
    if name is None:
        _list(json)
        return
    from mmgcn.model import MODELS

    rows = _settings(MODELS.get(name))
    if json:
        print_json(rows)
        return
    if not rows:
        typer.echo(f"{name} has no settings")
        return
    table = console_table("setting", "default", "values", "meaning")
    for row in rows:
        table.add_row(row["name"], str(row["default"]), row["values"], row["meaning"])
    print_table(table)


def register(app: typer.Typer) -> None:
    """Add the command to `mmgcn`."""
    app.command()(models)


def _list(json: bool) -> None:
    from mmgcn.model import MODELS, Model

    rows = MODELS.described(
        lambda kind: {
            "description": _first_line(kind),
            "trained": issubclass(kind, Model),
            "needs_features": kind.needs_features,
        }
    )
    if json:
        print_json(rows)
        return
    table = console_table("model", "description", "features", "from")
    for row in rows:
        needs = "needed" if row.get("needs_features") else ""
        about = row["error"] if "error" in row else row["description"]
        table.add_row(row["name"], about, needs, row["source"])
    print_table(table)


def _first_line(kind: type[RecommenderModel[Any]]) -> str:
    return (kind.__doc__ or "").strip().partition("\n")[0]


def _settings(kind: type[RecommenderModel[Any]]) -> list[dict[str, Any]]:
    """Return name, default, values and meaning of each setting, the model's own settings first."""
    from typing import Literal, get_args, get_origin, get_type_hints

    from extract.commands.options import field_docs

    settings = kind.default_settings()
    rows = []
    for config in (settings.model, settings.train):
        if config is None:
            continue
        hints, meanings = get_type_hints(type(config)), field_docs(type(config))
        for name in [each for each in config.names() if each in kind.setting_names()]:
            hint = hints[name]
            values = " or ".join(get_args(hint)) if get_origin(hint) is Literal else hint.__name__
            row = {"name": name, "default": getattr(config, name), "values": values}
            rows.append(row | {"meaning": meanings.get(name, "")})
    return rows
