"""mmgcn store: the feature sets of a store, and which of them are current."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any

import typer

from extract.commands.output import Json, console_table, print_json, print_table

Store = Annotated[Path, typer.Option("--store", help="The feature store.")]

app = typer.Typer(
    help="List the feature sets of a store, and choose which are current.", no_args_is_help=True
)


@app.command("ls")
def list_sets(store: Store = Path("features"), json: Json = False) -> None:
    """List the feature sets of a store. `fit` reads the current one of each modality."""
    from extract.store import FeatureStore

    opened = FeatureStore(store)
    paths = {current.path for name in opened.modalities() if (current := opened.current(name))}
    rows: list[dict[str, Any]] = [
        {
            "modality": features.path.parent.name,
            "encoder": features.manifest["encoder"],
            "digest": features.digest,
            "sampling": features.manifest.get("sampling"),
            "items": len(features.item_ids()),
            "bytes": sum(record.num_bytes for record in features.records.values()),
            "current": features.path in paths,
        }
        for features in opened.all_sets()
    ]
    if json:
        print_json(rows)
        return
    table = console_table("modality", "encoder", "digest", "sampling", "items", "bytes", "current")
    for row in rows:
        sampling = ", ".join(f"{name}={value}" for name, value in (row["sampling"] or {}).items())
        table.add_row(
            row["modality"],
            row["encoder"],
            row["digest"],
            sampling,
            f"{row['items']:,}",
            f"{row['bytes']:,}",
            "yes" if row["current"] else "",
        )
    print_table(table)


@app.command("use")
def use_set(
    name: Annotated[
        str,
        typer.Argument(
            help="Digest of the set, or its beginning, as in `mmgcn store ls`; or its folder.",
            metavar="SET",
        ),
    ],
    store: Store = Path("features"),
) -> None:
    """Make a feature set the current one of its modality, whatever items it covers."""
    from extract.store import FeatureStore

    opened = FeatureStore(store)
    features = opened.find_by_name(name)
    with opened.locked():
        opened.make_current(features)
    typer.echo(f"{features.name} is the current set, with {len(features.item_ids()):,} items")
