"""mmgcn extract --verify without videos: compare the store with its records."""

from __future__ import annotations

from pathlib import Path

import typer

from extract.commands.output import counting, print_json, printable

FAILED = 1


def verify_store(out: Path, *, json: bool) -> None:
    """Compare every file of a store with its hash, and leave with exit code 1 if one differs."""
    from extract.store import FeatureStore

    store = FeatureStore(out)
    found: list[dict[str, str]] = []
    num_checked = 0
    sets = list(store.all_sets())
    num_records = sum(len(features.records) for features in sets)
    with counting("verifying") as show:
        for features in sets:
            modality, before = features.manifest["modality"], num_checked
            problems = features.verify(
                show and (lambda done, before=before: show(before + done, num_records))
            )
            num_checked += len(features.records)
            found += [{"modality": modality, "id": p.id, "problem": p.what} for p in problems]
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
