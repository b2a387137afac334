"""mmgcn store export, publish and import: feature sets for other programs and machines."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from extract.commands.options import PushOption
from extract.commands.output import print_message

Store = Annotated[Path, typer.Option("--store", help="Feature store.")]
SET = "Digest of the set, or its beginning, as in `mmgcn store ls`; or its folder."


def register(app: typer.Typer) -> None:
    """Add the commands to the app."""
    app.command("export")(export_set)
    app.command("publish")(publish_set)
    app.command("import")(import_set)


def export_set(
    name: Annotated[str, typer.Argument(help=SET, metavar="SET")],
    out: Annotated[
        Path,
        typer.Option("--out", "-o", help="FILE.npy, with the ids as FILE.txt; or FILE.parquet."),
    ],
    store: Store = Path("features"),
) -> None:
    """Export one vector per item of a set: the rows of each item, pooled as `fit` reads them."""
    from extract.store import FeatureStore, export

    features = FeatureStore(store).find_by_name(name)
    paths = export(features, out)
    typer.echo(f"{len(features.item_ids()):,} vectors: {', '.join(map(str, paths))}")
    if len(paths) == 2:
        modality = features.manifest["modality"]
        print_message(f"to use them: mmgcn fit --features {modality}={paths[0]},{paths[1]}")


def publish_set(
    name: Annotated[str, typer.Argument(help=SET, metavar="SET")],
    out: Annotated[Path, typer.Option("--out", "-o", help="Folder to write.")] = Path("published"),
    store: Store = Path("features"),
    push: PushOption = None,
) -> None:
    """Write a set as the Hugging Face hub stores data sets: safetensors with a card."""
    from extract.publishing import push_to_hub
    from extract.store import FeatureStore, save_pretrained

    features = FeatureStore(store).find_by_name(name)
    folder = save_pretrained(features, out)
    typer.echo(f"{folder}: README.md is the card; choose a licence in it before you publish")
    if push is not None:
        typer.echo(push_to_hub(folder, push))


def import_set(
    folder: Annotated[Path, typer.Argument(help="Folder of a published set, such as a clone.")],
    store: Store = Path("features"),
) -> None:
    """Add a published set to a store, which is created. `fit` then reads it there."""
    from extract.store import FeatureStore, from_pretrained

    features = from_pretrained(folder, store)
    current = FeatureStore(store).current(features.path.parent.name)
    typer.echo(
        f"{features.name} is in {store}, with {len(features.item_ids()):,} items"
        f"{', and is the current set' if current and current.path == features.path else ''}"
    )
