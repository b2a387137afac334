"""mmgcn modalities: the registered modalities, and the models that can be named for them."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING, Annotated, Any

import typer

from extract.commands.output import Json, console_table, print_json, print_message, print_table

if TYPE_CHECKING:
    from extract.family import Listing
    from extract.modality import Modality


def modalities(
    search: Annotated[
        str | None,
        typer.Option(
            help="List the models whose names contain a word, of every library: what --encoder "
            "can name. Nothing is downloaded.",
            metavar="WORD",
            show_default=False,
        ),
    ] = None,
    json: Json = False,
) -> None:
    """List the modalities: their letters, packages, encoders and presets."""
    if search is not None:
        _print_search(search, json=json)
        return
    from extract.encoder import ENCODERS
    from extract.family import FAMILIES
    from extract.modality import MODALITIES

    members = (*FAMILIES.entries(), *ENCODERS.entries())
    sources = {entry.name: entry.source for entry in members}

    def describe(modality: Modality) -> dict[str, Any]:
        return {
            "letter": modality.letter,
            "description": modality.description,
            "encoders": {name: sources.get(name, "not found") for name in modality.encoders},
            "presets": dict(modality.presets),
            "pooling": modality.pooling,
        }

    rows = MODALITIES.described(describe)
    if json:
        print_json(rows)
        return
    table = console_table("modality", "", "description", "encoders", "from")
    for row in rows:
        description = row["error"] if "error" in row else row["description"]
        table.add_row(
            row["name"], row.get("letter", ""), description, _encoders(row), row["source"]
        )
    print_table(table)


def _print_search(word: str, *, json: bool) -> None:
    rows = [
        {
            "encoder": f"{family}:{found.name}",
            "modality": modality,
            "width": found.width,
            "megabytes": None if found.megabytes is None else round(found.megabytes, 1),
            "licence": found.licence,
            "here": found.here,
        }
        for family, found in _found(word)
        for modality in _modalities_that_read(found.reads)
    ]
    if json:
        print_json(rows)
        return
    if not rows:
        typer.echo(
            f"no known model is called '{word}'; hf: and st: take any model of the "
            "hub, OWNER/NAME, and local folders"
        )
        return
    # Names are last, since they are long: a table of the terminal's width would cut them.
    typer.echo(f"{'width':>5}  {'MB':>7}  {'here':4}  {'licence':14}  --encoder")
    for row in rows:
        width, megabytes = row["width"] or "", row["megabytes"]
        size = "" if megabytes is None else f"{megabytes:,.0f}"
        here, licence = "yes" if row["here"] else "no", str(row["licence"] or "")
        name = f"{row['modality']}={row['encoder']}"
        typer.echo(f"{width:>5}  {size:>7}  {here:4}  {licence[:14]:14}  {name}")
    typer.echo("hf: and st: take any other model of the hub, OWNER/NAME, and local folders, too")


def _found(word: str) -> Iterator[tuple[str, Listing]]:
    """Yield models with the family of each; a library that is not installed is reported."""
    from extract.family import FAMILIES

    for family in FAMILIES.names():
        try:
            for listing in FAMILIES.get(family).search(word):
                yield family, listing
        except ImportError as error:
            print_message(f"note: {error}")


def _modalities_that_read(reads: str) -> list[str]:
    from extract.family import kind_of
    from extract.modality import MODALITIES

    members = [MODALITIES.get(name) for name in MODALITIES.names()]
    return [m.name for m in members if kind_of(m) == reads]


def _encoders(row: dict[str, Any]) -> str:
    """Return a line for each encoder, with the presets that use it.

    >>> presets = {"paper": "sentence", "offline": "sentence:package"}
    >>> print(_encoders({"encoders": ["sentence", "other"], "presets": presets}))
    sentence (paper)
    sentence:package (offline)
    other
    """
    lines = []
    for encoder in row.get("encoders", ()):
        presets: dict[str, list[str]] = {}
        for preset, chosen in row["presets"].items():
            if chosen.partition(":")[0] == encoder:
                presets.setdefault(chosen, []).append(preset)
        lines += [f"{chosen} ({', '.join(names)})" for chosen, names in presets.items()]
        lines += [] if presets else [encoder]
    return "\n".join(lines)
