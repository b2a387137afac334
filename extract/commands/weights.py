"""mmgcn weights: list, fetch and verify the weights of the encoders."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

import typer

from extract.commands.output import (
    Json,
    console_table,
    counting,
    print_json,
    print_message,
    print_table,
)

if TYPE_CHECKING:
    from extract.weights import Weights

app = typer.Typer(help="List, fetch and verify the weights of the encoders.", no_args_is_help=True)


@app.command("list")
def list_weights(json: Json = False) -> None:
    """List the weights that encoders name, and whether they are on this machine."""
    from extract.diagnosis import published_weights

    rows = [
        {
            "name": weights.name,
            "encoder": encoder,
            "path": str(path) if (path := weights.locate()) else None,
            "from": weights.where,
            "sha256": weights.sha256,
            "licence": weights.licence,
        }
        for encoder, weights in published_weights()
    ]
    if json:
        print_json(rows)
        return
    table = console_table("weights", "encoder", "licence", "here", "from")
    for row in rows:
        here = "yes" if row["path"] else "no"
        cells = (str(row[name]) for name in ("name", "encoder", "licence"))
        table.add_row(*cells, here, _host(str(row["from"])))
    print_table(table)


@app.command("fetch")
def fetch_weights(
    names: Annotated[
        list[str] | None,
        typer.Argument(
            help="Names from `mmgcn weights list`, OWNER/NAME of a model of the hub, or "
            "FAMILY:NAME as for --encoder.",
            metavar="NAMES",
            show_default="those of --preset paper",
        ),
    ] = None,
    json: Json = False,
) -> None:
    """Download weights into this machine's cache, and print their paths."""
    from extract.diagnosis import published_weights
    from extract.download import reporting_downloads

    known = {weights.name: weights for _, weights in published_weights()}
    chosen = [_named(name, known) for name in names or _of_preset("paper")]
    rows = []
    for weights in chosen:
        if weights.locate() is None:
            with reporting_downloads(print_message), counting(weights.name, size=True) as show:
                weights.fetch(show)
        rows.append({"name": weights.name, "path": str(weights.resolve())})
    if json:
        print_json(rows)
        return
    for row in rows:
        typer.echo(f"{row['name']}: {row['path']}")


@app.command("verify")
def verify_weights(json: Json = False) -> None:
    """Compare the weights on this machine with their published hashes.

    Exit code 1 if one differs.
    """
    from extract.diagnosis import published_weights
    from extract.weights import WrongWeights

    rows = []
    for _, weights in published_weights():
        path = weights.locate()
        if path is None:
            continue
        status = "as published" if weights.sha256 else "no hash is published"
        ok = True
        try:
            weights.verify(path)
        except WrongWeights as error:
            ok, status = False, str(error)
        rows.append({"name": weights.name, "path": str(path), "ok": ok, "found": status})
    if json:
        print_json(rows)
    else:
        for row in rows:
            typer.echo(f"{row['name']}: {row['found']}")
        if not rows:
            typer.echo("there are no weights on this machine")
    if not all(row["ok"] for row in rows):
        raise typer.Exit(1)


def _host(where: str) -> str:
    """Return the host, the package or the model on the hub, short enough for a table.

    >>> _host("https://example.org/a.pth"), _host("a-package:a/b.pth"), _host("owner/name")
    ('example.org', 'a-package', 'owner/name')
    """
    if "://" in where:
        return where.split("/")[2]
    return where.partition(":")[0]


def _named(name: str, known: dict[str, Weights]) -> Weights:
    from extract.family import FAMILIES
    from extract.registry import UnknownName
    from extract.weights import HUB_NAME, Weights

    if name not in known:
        if name.partition(":")[0] in FAMILIES.names():
            return _of_family(name)
        if HUB_NAME.fullmatch(name):
            return Weights.of_hub(name)
        raise UnknownName("set of weights", name, tuple(known))
    return known[name]


def _of_family(spec: str) -> Weights:
    """Return the published weights of a model of a family, FAMILY:NAME.

    Raises:
        LookupError: the library has no such model.
        typer.BadParameter: it is a path, or a model without published weights.
    """
    from extract.family import FAMILIES, UnknownModel, encoder_named

    problem: UnknownModel | None = None
    for reads in FAMILIES.get(spec.partition(":")[0]).reads:
        try:
            published = encoder_named(spec, reads=reads).published
        except UnknownModel as error:  # the model may read something else
            problem = problem or error
            continue
        if published is None:
            raise typer.BadParameter(f"no weights are published for {spec}", param_hint="NAMES")
        return published
    assert problem is not None, "a family reads something"
    raise problem


def _of_preset(preset: str) -> list[str]:
    from extract.encoder import ENCODERS
    from extract.modality import MODALITIES

    encoders = [
        MODALITIES.get(name).presets.get(preset, "").partition(":")[0]
        for name in MODALITIES.names()
    ]
    published = [ENCODERS.get(name).weights for name in encoders if name]
    return [weights.name for weights in published if weights is not None]
