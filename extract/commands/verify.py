"""mmgcn extract --verify without videos: compare the store with its records."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

import typer

from extract.commands.output import counting, print_json, printable

if TYPE_CHECKING:
    from extract.store import FeatureSet, FeatureStore

FAILED = 1


def verify_store(out: Path, *, json: bool) -> None:
    """Check all contents of a store, and exit with code 1 if something is damaged."""
    from extract.store import FeatureStore

    store = FeatureStore(out)
    stores = [store, *([store.captions] if store.captions.root.is_dir() else [])]
    found: list[dict[str, str]] = []
    num_checked = 0
    sets = [features for each in stores for features in each.all_sets()]
    num_records = sum(map(_num_records, sets))
    with counting("verifying") as show:
        for features in sets:
            modality, before = features.manifest["modality"], num_checked
            problems = features.verify(
                show and (lambda done, before=before: show(before + done, num_records))
            )
            num_checked += _num_records(features)
            found += [{"modality": modality, "id": p.id, "problem": p.what} for p in problems]
    found += [
        {"modality": modality, "id": "current", "problem": problem}
        for each in stores
        for modality, problem in _wrong_pointers(each)
    ]
    if json:
        print_json({"checked": num_checked, "problems": found})
    else:
        for row in found:
            typer.echo(printable(f"{row['modality']} of {row['id']}: {row['problem']}"))
        typer.echo(f"{num_checked:,} records checked, {len(found):,} problems")
        if found:
            typer.echo("mmgcn extract --verify VIDEOS, with the same options, extracts them again")
    if found:
        raise typer.Exit(FAILED)


def _num_records(features: FeatureSet) -> int:
    """Return the number of records; 0 if they cannot be read, which `verify` reports."""
    from extract.store import StoreError

    try:
        return len(features.records)
    except StoreError:
        return 0


def _wrong_pointers(store: FeatureStore) -> Iterator[tuple[str, str]]:
    """Yield modalities whose current set cannot be opened, and why."""
    from extract.store import StoreError

    for modality in store.modalities():
        try:
            store.feature_set(modality)
        except StoreError as error:
            yield modality, str(error)
