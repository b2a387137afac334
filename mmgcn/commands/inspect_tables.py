"""Tables of `mmgcn inspect`."""

from __future__ import annotations

from typing import Any

import typer

from extract.commands.output import printable
from mmgcn.commands.output import console_table, print_table

NUM_EXAMPLES = 5  # number of shown ids and reasons
NUM_GROUPS = 20  # number of shown groups of near-duplicates
QUANTILES = (0, 0.25, 0.5, 0.75, 0.9, 0.99, 1)


def show(found: dict[str, Any]) -> None:
    """Print facts about features, interactions, and the match between them."""
    if found["features"]:
        _show_features(found["features"])
    if found["interactions"] is not None:
        _show_interactions(found["interactions"])
    if "duplicates" in found:
        _show_duplicates(found["duplicates"])
    matching = found["matching"]
    if matching is None:
        return
    total = found["interactions"]["items"]
    table = console_table(
        "modality", "extracted", "with features", title="Coverage of items with interactions"
    )
    for name, counts in matching["watched_items"].items():
        shares = (f"{count:,} of {total:,} ({count / total:.1%})" for count in counts.values())
        table.add_row(name, *shares)
    print_table(table)
    unmatched, unwatched = matching["items_never_extracted"], matching["items_never_watched"]
    if unmatched["count"]:
        nearest = ", ".join(matching["nearest_to_the_first"])
        hint = f"; the nearest extracted ids to the first: {nearest}" if nearest else ""
        typer.echo(
            f"items with interactions, extracted in no modality: {_examples(unmatched)}{hint}"
        )
    if unwatched["count"]:
        typer.echo(f"extracted items without interactions: {_examples(unwatched)}")


def _show_duplicates(duplicates: dict[str, Any]) -> None:
    groups = duplicates["groups"]
    num_items = sum(map(len, groups))
    typer.echo(
        f"near-duplicates (cosine of at least {duplicates['min_cosine']}): {num_items:,} items in "
        f"{len(groups):,} groups"
    )
    for group in groups[:NUM_GROUPS]:
        more = f", and {len(group) - NUM_EXAMPLES:,} more" if len(group) > NUM_EXAMPLES else ""
        typer.echo(printable(f"  {', '.join(group[:NUM_EXAMPLES])}{more}"))
    if len(groups) > NUM_GROUPS:
        typer.echo(f"  ... and {len(groups) - NUM_GROUPS:,} more groups; --json lists all")


def _show_features(features: dict[str, Any]) -> None:
    table = console_table(
        *("modality", "encoder", "items", "with features", "vectors", "rows/item", "statuses"),
        title="Features",
    )
    for name, facts in features.items():
        rows, shape = facts["rows_per_item"], facts["shape"]
        table.add_row(
            name,
            facts["encoder"] or facts["where"],
            f"{facts['items']:,}",
            f"{facts['with_features']:,} ({facts['coverage']:.1%})",
            "?" if shape is None else f"{shape[0]:,} x {shape[1]:,} {facts['dtype']}",
            "-" if rows is None else f"{rows[0]} to {rows[2]}, median {rows[1]}",
            ", ".join(f"{count:,} {status}" for status, count in facts["statuses"].items()),
        )
    print_table(table)
    problems = [
        (name, what, some)
        for name, facts in features.items()
        for what, some in (
            *((f"{r['status']}: {r['reason']}", r) for r in facts["reasons"][:NUM_EXAMPLES]),
            ("damaged files, which the next extraction replaces", facts["damaged"]),
            ("zero vectors", facts["zero_rows"]),
            ("vectors that are not finite", facts["non_finite_rows"]),
        )
        if some is not None and some["count"]
    ]
    if problems:
        table = console_table("modality", "problem", "items", title="Problems")
        for name, what, some in problems:
            table.add_row(name, what, _examples(some))
        print_table(table)


def _show_interactions(facts: dict[str, Any]) -> None:
    table = console_table(
        "per",
        *("min" if q == 0 else "max" if q == 1 else f"{q:.0%}" for q in QUANTILES),
        title=f"Interactions: {facts['file']}",
    )
    for side in ("user", "item"):
        table.add_row(side, *(f"{value:,}" for value in facts[f"per_{side}"]))
    print_table(table)
    typer.echo(
        f"{facts['interactions']:,} interactions of {facts['users']:,} users with "
        f"{facts['items']:,} items, density {facts['density']:.3g}; "
        f"{facts['duplicates']:,} duplicate pairs"
    )
    typer.echo(
        f"a tenth of the items has {facts['share_of_top_tenth_of_items']:.0%} of the interactions; "
        f"{facts['users_below_3']:,} users have fewer than 3, which a split leaves in training"
    )
    span = facts["timestamps"]
    when = "without timestamps" if span is None else f"timestamps from {span[0]} to {span[1]}"
    typer.echo(f"{when}, {'with' if facts['weights'] else 'without'} weights")


def _examples(some: dict[str, Any] | None) -> str:
    """Return the count with examples: 2 (a, b)."""
    if some is None:
        return "?"
    examples = ", ".join(some["examples"]) + (", ..." if some["count"] > NUM_EXAMPLES else "")
    return f"{some['count']:,}" + (f" ({examples})" if examples else "")
