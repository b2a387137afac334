"""mmgcn store: the feature sets of a store, their sizes, layouts and export."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from extract.commands.output import (
    Json,
    console_table,
    counting,
    print_json,
    print_table,
)
from extract.commands.parsing import one_of
from extract.commands.store_exchange import SET, Store, register

if TYPE_CHECKING:
    from extract.store import FeatureStore

Runs = Annotated[
    list[Path] | None,
    typer.Option(
        help="Folder of runs; sets that one of them was trained on count as used. Repeatable.",
        show_default="runs",
    ),
]

app = typer.Typer(
    help="List, convert, export, publish and clean the feature sets of a store.",
    no_args_is_help=True,
)
register(app)


@app.command("ls")
def list_sets(store: Store = Path("features"), runs: Runs = None, json: Json = False) -> None:
    """List the feature sets of a store. `fit` reads the current one of each modality.

    `mmgcn store gc` removes the sets that are neither current nor used by a run.
    """
    from extract.store import FeatureStore

    opened = FeatureStore(store)
    current, trained = _current(opened), _digests_of_runs(runs)
    rows: list[dict[str, Any]] = [
        {
            "modality": features.path.parent.name,
            "encoder": features.manifest["encoder"],
            "digest": features.digest,
            "sampling": features.manifest.get("sampling"),
            "layout": features.layout,
            "items": len(features.item_ids()),
            "bytes": features.records.num_bytes(),
            "current": features.path in current,
            "runs": trained.count(features.digest),
        }
        for features in opened.all_sets()
    ]
    if json:
        print_json(rows)
        return
    table = console_table("modality", "encoder", "digest", "sampling", "items", "bytes", "used by")
    for row in rows:
        sampling = ", ".join(f"{name}={value}" for name, value in (row["sampling"] or {}).items())
        table.add_row(
            row["modality"],
            row["encoder"],
            row["digest"],
            sampling,
            f"{row['items']:,}",
            f"{row['bytes']:,}",
            ", ".join([*(["fit"] if row["current"] else []), *_runs(row["runs"])]) or "nothing",
        )
    print_table(table)


@app.command("du")
def show_usage(store: Store = Path("features"), json: Json = False) -> None:
    """Show the bytes of each set on disk: rows, records, pooled vectors, and unused ones."""
    from extract.store import FeatureStore, usage_of

    rows = [
        {"set": features.name, "layout": features.layout, "total": usage.total, **vars(usage)}
        for features in FeatureStore(store).all_sets()
        for usage in [usage_of(features)]
    ]
    if json:
        print_json(rows)
        return
    columns = ("rows", "records", "pooled", "total", "unused")
    table = console_table("set", "layout", *columns)
    for row in rows:
        table.add_row(
            str(row["set"]), str(row["layout"]), *(_size(int(row[column])) for column in columns)
        )
    print_table(table)
    if any(row["unused"] for row in rows):
        typer.echo(
            "unused: mmgcn store gc lists the files, mmgcn store convert SET --layout packed "
            "packs a set again"
        )


@app.command("gc")
def collect_garbage(
    store: Store = Path("features"),
    runs: Runs = None,
    keep: Annotated[
        list[str] | None,
        typer.Option(help="Digest of a set to keep. Repeatable.", show_default=False),
    ] = None,
    delete: Annotated[
        bool, typer.Option("--delete", help="Delete; without it, only list what would be deleted.")
    ] = False,
    json: Json = False,
) -> None:
    """List unused sets and files, and delete them with --delete.

    These are sets that are neither current nor used by a run, and files that no record names.
    """
    from extract.store import FeatureStore, remove, unused

    opened = FeatureStore(store)
    kept = {opened.find_by_name(name).digest for name in keep or ()} | {*_digests_of_runs(runs)}
    opened.modalities()  # raises without a store
    with opened.locked():
        found = list(unused(opened, keep=kept))
        if delete:
            for each in found:
                remove(each)
    if json:
        rows = [
            {"paths": [str(p) for p in f.paths], "reason": f.reason, "bytes": f.num_bytes}
            for f in found
        ]
        print_json({"deleted": delete, "unused": rows})
        return
    for each in found:
        typer.echo(f"{_size(each.num_bytes):>9}  {each.reason}")
    total = _size(sum(each.num_bytes for each in found))
    if not found:
        typer.echo(f"nothing in {store} is unused")
    elif delete:
        typer.echo(f"deleted {total}")
    else:
        typer.echo(f"{total} would be deleted; add --delete to do so")


@app.command("convert")
def convert_sets(
    names: Annotated[
        list[str] | None, typer.Argument(help=SET, metavar="[SET]...", show_default="all sets")
    ] = None,
    layout: Annotated[
        str, typer.Option(help="files (one .npy per item) or packed (few large files).")
    ] = "packed",
    store: Store = Path("features"),
) -> None:
    """Convert sets to a layout, with the same rows and digest. Packed sets are packed again."""
    one_of("layout", layout, ("files", "packed"))
    from extract.store import FeatureStore, convert

    opened = FeatureStore(store)
    chosen = [opened.find_by_name(name) for name in names] if names else list(opened.all_sets())
    with opened.locked():
        for features in chosen:
            if layout == features.layout == "files":
                typer.echo(f"{features.name} is files already")
                continue
            num_records = len(features.records)
            with counting(f"converting {features.name}") as show:
                converted = convert(
                    features,
                    layout,  # type: ignore[arg-type]
                    show and (lambda done, total=num_records: show(done, total)),
                )
            typer.echo(f"{converted.name} is {layout}, with {len(converted.item_ids()):,} items")


@app.command("use")
def use_set(
    name: Annotated[
        str,
        typer.Argument(
            help=SET,
            metavar="SET",
        ),
    ],
    store: Store = Path("features"),
) -> None:
    """Make a feature set the current one of its modality, however many items it covers."""
    from extract.store import FeatureStore

    opened = FeatureStore(store)
    features = opened.find_by_name(name)
    with opened.locked():
        opened.make_current(features)
    typer.echo(f"{features.name} is the current set, with {len(features.item_ids()):,} items")


def _current(store: FeatureStore) -> set[Path]:
    return {found.path for name in store.modalities() if (found := store.current(name))}


def _digests_of_runs(folders: list[Path] | None) -> list[str]:
    """Return the digests of the features that the runs in some folders were trained on.

    Raises:
        ValueError: a given folder does not exist, or a run cannot be read.
    """
    from json import loads

    digests = []
    for folder in folders or [Path("runs")]:
        if folders and not folder.is_dir():
            raise ValueError(f"no folder of runs at {folder}")
        for path in sorted(folder.glob("*/config.json")):
            if path.parent.is_symlink():  # `latest`
                continue
            try:
                sources = loads(path.read_text(encoding="utf-8"))["features"]
                digests += [str(source["digest"]) for source in sources.values()]
            except (OSError, ValueError, KeyError, TypeError, AttributeError) as error:
                raise ValueError(
                    f"{path} cannot be read, so what its run uses is unknown; remove that run, or "
                    "name other folders with --runs"
                ) from error
    return digests


def _runs(num_runs: int) -> list[str]:
    return [f"{num_runs:,} run{'s' if num_runs > 1 else ''}"] if num_runs else []


def _size(num_bytes: int) -> str:
    """Format a number of bytes.

    >>> _size(512), _size(73_400_000)
    ('512 B', '73.4 MB')
    """
    size = float(num_bytes)
    for unit in ("B", "kB", "MB", "GB"):
        if size < 1000:
            return f"{size:.0f} B" if unit == "B" else f"{size:.1f} {unit}"
        size /= 1000
    return f"{size:.1f} TB"
