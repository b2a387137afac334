"""mmgcn inspect: what the feature store and the interactions hold."""

from __future__ import annotations

from collections import Counter
from pathlib import Path
from typing import Annotated, Any

import typer

from mmgcn.commands.output import JsonOption, console_table, print_json, print_table

NUM_EXAMPLES = 5


def register(app: typer.Typer) -> None:
    """Add the command to the app."""
    app.command()(inspect)


def inspect(
    features: Annotated[Path, typer.Option(help="The feature store.")] = Path("features"),
    interactions: Annotated[
        Path, typer.Option("--interactions", "-i", help="The interactions.")
    ] = Path("interactions.csv"),
    json: JsonOption = False,
) -> None:
    """Show what is there, what is missing and what does not fit together.

    Coverage, shapes, zero and non-finite rows per modality; users, items, density and duplicates of
    the interactions; ids that match nothing on the other side.
    """
    found: dict[str, Any] = {"features": {}, "interactions": None, "matching": None}
    known: set[str] = set()
    if features.is_dir():
        from extract.store import FeatureStore

        store = FeatureStore(features)
        for modality in store.modalities():
            found["features"][modality], ids = _modality(store, modality)
            known |= ids
    if interactions.is_file():
        found["interactions"], watched = _interactions(interactions)
        if known:
            found["matching"] = {
                "items_without_features": _some(watched - known),
                "items_never_watched": _some(known - watched),
            }
    if not found["features"] and found["interactions"] is None:
        raise ValueError(
            f"there is neither a feature store at {features} nor interactions at {interactions}; "
            "name them with --features and --interactions"
        )
    if json:
        print_json(found)
    else:
        _show(found)


def _modality(store: Any, modality: str) -> tuple[dict[str, Any], set[str]]:
    import numpy as np

    features = store.feature_set(modality)
    records = features.records
    statuses = Counter(record.status for record in records.values())
    reasons = Counter(r.reason for r in records.values() if r.status in ("failed", "partial"))
    rows = [record.rows for record in records.values() if record.rows]
    _, matrix = features.pooled()
    told = {
        "encoder": features.manifest["encoder"],
        "folder": str(features.path),
        "width": features.manifest["dim"],
        "dtype": features.manifest["dtype"],
        "items": len(records),
        "with_features": len(rows),
        "coverage": round(len(rows) / max(len(records), 1), 4),
        "statuses": dict(statuses),
        "rows_per_item": [min(rows), float(np.median(rows)), max(rows)] if rows else None,
        "zero_rows": int((matrix == 0).all(axis=1).sum()),
        "non_finite_rows": int((~np.isfinite(matrix).all(axis=1)).sum()),
        "reasons": dict(reasons.most_common(NUM_EXAMPLES)),
    }
    return told, set(records)


def _interactions(path: Path) -> tuple[dict[str, Any], set[str]]:
    import numpy as np

    from mmgcn.data.interactions import read_interactions

    table = read_interactions(path)
    of_user = np.bincount(table.user_index, minlength=len(table.users))
    of_item = np.bincount(table.item_index, minlength=len(table.items))
    told = {
        "file": str(path),
        "interactions": len(table),
        "users": len(table.users),
        "items": len(table.items),
        "density": round(len(table) / (len(table.users) * len(table.items)), 6),
        "per_user": [int(np.quantile(of_user, q)) for q in (0, 0.5, 0.9, 1)],
        "per_item": [int(np.quantile(of_item, q)) for q in (0, 0.5, 0.9, 1)],
        "timestamps": table.timestamp is not None,
        "weights": table.weight is not None,
        "notes": table.notes,
    }
    return told, set(table.items.ids.to_list())


def _some(ids: set[str]) -> dict[str, Any]:
    return {"count": len(ids), "examples": sorted(ids)[:NUM_EXAMPLES]}


def _show(found: dict[str, Any]) -> None:
    if found["features"]:
        table = console_table(
            *("modality", "encoder", "width", "items", "with features", "rows an item"),
            *("zero", "not finite", "statuses"),
        )
        for name, told in found["features"].items():
            rows = told["rows_per_item"]
            table.add_row(
                name,
                told["encoder"],
                str(told["width"]),
                str(told["items"]),
                f"{told['with_features']} ({told['coverage']:.0%})",
                "-" if rows is None else f"{rows[0]} to {rows[2]}, median {rows[1]:g}",
                str(told["zero_rows"]),
                str(told["non_finite_rows"]),
                ", ".join(f"{count} {status}" for status, count in told["statuses"].items()),
            )
        print_table(table)
        for name, told in found["features"].items():
            for reason, count in told["reasons"].items():
                typer.echo(f"{name}: {count} x {reason}")
    told = found["interactions"]
    if told is not None:
        typer.echo(
            f"{told['file']}: {told['interactions']:,} interactions of {told['users']:,} users "
            f"with {told['items']:,} items (density {told['density']:.4%}), "
            f"{'with' if told['timestamps'] else 'without'} timestamps"
        )
        for side in ("user", "item"):
            low, median, high, most = told[f"per_{side}"]
            typer.echo(
                f"interactions a {side}: {low} to {most}, median {median}, nine of ten up to {high}"
            )
        for note in told["notes"]:
            typer.echo(f"note: {note}")
    for what, some in (found["matching"] or {}).items():
        if some["count"]:
            examples = ", ".join(some["examples"])
            typer.echo(f"{what.replace('_', ' ')}: {some['count']}, such as {examples}")
