"""mmgcn modalities: the registered modalities."""

from __future__ import annotations

from typing import Any

from extract.commands.output import Json, console_table, print_json, print_table


def modalities(json: Json = False) -> None:
    """List the modalities: their letters, packages, encoders and presets."""
    from extract.encoder import ENCODERS
    from extract.modality import MODALITIES
    from extract.registry import PluginError

    sources = {entry.name: entry.source for entry in ENCODERS.entries()}
    rows: list[dict[str, Any]] = []
    for entry in MODALITIES.entries():
        row: dict[str, Any] = {"name": entry.name, "source": entry.source}
        try:
            member = MODALITIES.get(entry.name)
        except PluginError as error:
            rows.append(row | {"error": str(error)})
            continue
        rows.append(
            row
            | {
                "letter": member.letter,
                "description": member.description,
                "encoders": {name: sources.get(name, "not found") for name in member.encoders},
                "presets": dict(member.presets),
                "pooling": member.pooling,
            }
        )
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
