"""mmgcn modalities: what is registered."""

from __future__ import annotations

from typing import Any

from extract.commands.output import Json, print_json, print_table


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
    presets = list(dict.fromkeys(name for row in rows for name in row.get("presets", {})))
    print_table(
        ("modality", "", "what it is", "encoders", *presets, "from"),
        [_cells(row, presets) for row in rows],
    )


def _cells(row: dict[str, Any], presets: list[str]) -> list[str]:
    if "error" in row:
        return [row["name"], "", row["error"], "", *("" for _ in presets), row["source"]]
    return [
        row["name"],
        row["letter"],
        row["description"],
        ", ".join(row["encoders"]),
        *(row["presets"].get(preset, "") for preset in presets),
        row["source"],
    ]
