"""mmgcn inspect: what the feature store and the interactions hold."""

from __future__ import annotations

from collections import Counter
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, NamedTuple

import typer

from mmgcn.commands.data import ColumnsOption, MinRatingOption
from mmgcn.commands.output import JsonOption, console_table, print_json, print_table, tell

if TYPE_CHECKING:
    import numpy as np

    from extract.store import FeatureSet
    from mmgcn.data.features import FeatureTable
    from mmgcn.data.ids import IdMap
    from mmgcn.data.interactions import Interactions

NUM_EXAMPLES = 5
QUANTILES = (0, 0.25, 0.5, 0.75, 0.9, 0.99, 1)
BLOCK_ROWS = 10_000


def register(app: typer.Typer) -> None:
    """Add the command to the app."""
    app.command()(inspect)


def inspect(
    features: Annotated[
        list[str] | None,
        typer.Option(
            help="A feature store, or NAME=FILE.npy[,IDS.txt]. Repeatable.",
            metavar="<path>",
            show_default="./features, if it is there",
        ),
    ] = None,
    interactions: Annotated[
        Path | None,
        typer.Option(
            "--interactions",
            "-i",
            help="A table, as for fit.",
            show_default="./interactions.csv, if it is there",
        ),
    ] = None,
    columns: ColumnsOption = "",
    min_rating: MinRatingOption = None,
    json: JsonOption = False,
) -> None:
    """Show what is there, what is missing and what does not fit together.

    Coverage, shapes, zero and non-finite rows per modality, and why some items have none; users,
    items, density and duplicates of the interactions; ids that match nothing on the other side.
    """
    if features is None:
        features = ["features"] if Path("features").is_dir() else []
    if interactions is None and Path("interactions.csv").is_file():
        interactions = Path("interactions.csv")
    if not features and interactions is None:
        raise ValueError(
            "there is neither a folder ./features nor a file ./interactions.csv; name them with "
            "--features and --interactions"
        )
    found: dict[str, Any] = {"features": {}, "interactions": None, "matching": None}
    sides: dict[str, Side] = {}
    for words in features:
        for name, told, side in _tables(words):
            if name in sides:
                raise ValueError(f"two --features are called '{name}'; rename one of them")
            found["features"][name], sides[name] = told, side
    if interactions is not None:
        from mmgcn.data.table import read_interactions

        table = read_interactions(interactions, columns=columns, min_rating=min_rating)
        for note in table.notes:
            tell(f"note: {note}")
        found["interactions"] = _interactions(interactions, table)
        if sides:
            found["matching"] = _matching(table.items, sides)
    if json:
        print_json(found)
    else:
        _show(found)


class Side(NamedTuple):
    """The ids of one modality: those that were extracted, and those that have features."""

    known: IdMap
    held: IdMap


def _tables(words: str) -> list[tuple[str, dict[str, Any], Side]]:
    """Return name, figures and ids of each modality in a store, or of one file."""
    from mmgcn.data.ids import IdMap

    if "=" in words:
        from mmgcn.data.features import from_file

        table = from_file(words)
        return [(table.name, _file(table), Side(table.known, table.known))]
    from extract.store import FeatureStore

    store = FeatureStore(words)
    sets = [(name, store.feature_set(name)) for name in store.modalities()]
    found = []
    for name, held in sets:
        rows = [record.id for record in held.records.values() if record.rows]
        found.append((name, _set(held), Side(IdMap(list(held.records)), IdMap(rows))))
    return found


def _set(held: FeatureSet) -> dict[str, Any]:
    records = list(held.records.values())
    rows = sorted(record.rows for record in records if record.rows)
    damaged = [record.id for record in records if not held.is_whole(record)]
    return {
        "encoder": held.manifest["encoder"],
        "where": str(held.path),
        "width": held.manifest["dim"],
        "dtype": held.manifest["dtype"],
        "items": len(records),
        "with_features": len(rows),
        "coverage": round(len(rows) / max(len(records), 1), 4),
        "statuses": dict(Counter(record.status for record in records).most_common()),
        "reasons": _reasons(records),
        "rows_per_item": [rows[0], rows[len(rows) // 2], rows[-1]] if rows else None,
        "damaged": _some(damaged),
        # What is damaged cannot be pooled; extraction redoes it.
        **(_values([], None) if damaged else _values(*held.pooled())),
    }


def _file(table: FeatureTable) -> dict[str, Any]:
    num_rows, width = table.matrix.shape
    return {
        "encoder": None,
        "where": table.source["encoder"],
        "width": width,
        "dtype": str(table.matrix.dtype),
        "items": num_rows,
        "with_features": num_rows,
        "coverage": 1.0,
        "statuses": {"done": num_rows},
        "reasons": [],
        "rows_per_item": [1, 1, 1],
        "damaged": _some([]),
        **_values(table.ids.to_list(), table.matrix),
    }


def _reasons(records: list[Any]) -> list[dict[str, Any]]:
    """Return why items have no features, or not all, the most frequent first."""
    ids: dict[tuple[str, str], list[str]] = {}
    for record in records:
        if record.status != "done":
            ids.setdefault((record.status, record.reason or "no reason given"), []).append(
                record.id
            )
    ordered = sorted(ids.items(), key=lambda entry: (-len(entry[1]), entry[0]))
    return [
        {"status": status, "reason": reason, **_some(held)} for (status, reason), held in ordered
    ]


def _values(ids: list[str], matrix: np.ndarray | None) -> dict[str, Any]:
    """Return the shape of one vector an item, and the vectors that are zero or not finite."""
    import numpy as np

    if matrix is None:
        return {"shape": None, "zero_rows": None, "non_finite_rows": None}
    zero, broken = [], []
    for start in range(0, len(matrix), BLOCK_ROWS):
        block = matrix[start : start + BLOCK_ROWS]
        zero += (start + np.flatnonzero((block == 0).all(axis=1))).tolist()
        broken += (start + np.flatnonzero(~np.isfinite(block).all(axis=1))).tolist()
    return {
        "shape": list(matrix.shape),
        "zero_rows": _some([ids[row] for row in zero]),
        "non_finite_rows": _some([ids[row] for row in broken]),
    }


def _interactions(path: Path, table: Interactions) -> dict[str, Any]:
    import numpy as np

    time = table.timestamp
    degrees = {
        f"per_{side}": [
            int(np.quantile(np.bincount(index), share, method="lower")) for share in QUANTILES
        ]
        for side, index in (("user", table.user_index), ("item", table.item_index))
    }
    of_item = np.sort(np.bincount(table.item_index))[::-1]
    return {
        "file": str(path),
        "interactions": len(table),
        "users": len(table.users),
        "items": len(table.items),
        "density": float(f"{len(table) / (len(table.users) * len(table.items)):.4g}"),
        "duplicates": table.num_duplicates,
        "quantiles": list(QUANTILES),
        **degrees,
        "share_of_top_tenth_of_items": round(
            float(of_item[: max(1, len(of_item) // 10)].sum() / len(table)), 4
        ),
        "users_below_3": int((np.bincount(table.user_index) < 3).sum()),
        "timestamps": None if time is None else [time.min().item(), time.max().item()],
        "weights": table.weight is not None,
    }


def _matching(items: IdMap, sides: dict[str, Side]) -> dict[str, Any]:
    """Compare the ids of the interactions with those that were extracted."""
    import numpy as np
    import polars as pl

    from mmgcn.data.ids import nearest_ids

    extracted = {name: side.known.get(items.ids) >= 0 for name, side in sides.items()}
    anywhere = np.logical_or.reduce(list(extracted.values()))
    strangers = items.ids.filter(pl.Series(~anywhere)).sort()
    everything = pl.concat([side.known.ids for side in sides.values()]).unique().sort()
    unwatched = everything.filter(pl.Series(items.get(everything) < 0))
    return {
        "watched_items": {
            name: {
                "extracted": int(extracted[name].sum()),
                "with_features": int((side.held.get(items.ids) >= 0).sum()),
            }
            for name, side in sides.items()
        },
        "items_never_extracted": _some(strangers.to_list()),
        "nearest_to_the_first": nearest_ids(strangers[0], everything) if len(strangers) else [],
        "items_never_watched": _some(unwatched.to_list()),
    }


def _some(ids: list[str]) -> dict[str, Any]:
    return {"count": len(ids), "examples": ids[:NUM_EXAMPLES]}


def _told(some: dict[str, Any] | None) -> str:
    """The count, with examples: 2 (a, b)."""
    if some is None:
        return "?"
    examples = ", ".join(some["examples"]) + (", ..." if some["count"] > NUM_EXAMPLES else "")
    return f"{some['count']:,}" + (f" ({examples})" if examples else "")


def _show(found: dict[str, Any]) -> None:
    if found["features"]:
        _show_features(found["features"])
    if found["interactions"] is not None:
        _show_interactions(found["interactions"])
    matching = found["matching"]
    if matching is None:
        return
    total = found["interactions"]["items"]
    table = console_table(
        "modality", "extracted", "with features", title="Of the items that were watched"
    )
    for name, counts in matching["watched_items"].items():
        shares = (f"{count:,} of {total:,} ({count / total:.1%})" for count in counts.values())
        table.add_row(name, *shares)
    print_table(table)
    strangers, unwatched = matching["items_never_extracted"], matching["items_never_watched"]
    if strangers["count"]:
        nearest = ", ".join(matching["nearest_to_the_first"])
        hint = f"; the nearest extracted ids to the first: {nearest}" if nearest else ""
        typer.echo(f"watched, and extracted in no modality: {_told(strangers)}{hint}")
    if unwatched["count"]:
        typer.echo(f"extracted, and watched by nobody: {_told(unwatched)}")


def _show_features(features: dict[str, Any]) -> None:
    table = console_table(
        *("modality", "encoder", "items", "with features", "vectors", "rows an item", "statuses"),
        title="Features",
    )
    for name, told in features.items():
        rows, shape = told["rows_per_item"], told["shape"]
        table.add_row(
            name,
            told["encoder"] or told["where"],
            f"{told['items']:,}",
            f"{told['with_features']:,} ({told['coverage']:.1%})",
            "?" if shape is None else f"{shape[0]:,} x {shape[1]:,} {told['dtype']}",
            "-" if rows is None else f"{rows[0]} to {rows[2]}, median {rows[1]}",
            ", ".join(f"{count:,} {status}" for status, count in told["statuses"].items()),
        )
    print_table(table)
    troubles = [
        (name, what, some)
        for name, told in features.items()
        for what, some in (
            *((f"{r['status']}: {r['reason']}", r) for r in told["reasons"][:NUM_EXAMPLES]),
            ("damaged files; extract again, they will be redone", told["damaged"]),
            ("vectors of zeros alone", told["zero_rows"]),
            ("vectors that are not finite", told["non_finite_rows"]),
        )
        if some is not None and some["count"]
    ]
    if troubles:
        table = console_table("modality", "what", "items", title="What to know")
        for name, what, some in troubles:
            table.add_row(name, what, _told(some))
        print_table(table)


def _show_interactions(told: dict[str, Any]) -> None:
    table = console_table(
        "each",
        *("least" if q == 0 else "most" if q == 1 else f"{q:.0%}" for q in QUANTILES),
        title=f"Interactions: {told['file']}",
    )
    for side in ("user", "item"):
        table.add_row(side, *(f"{value:,}" for value in told[f"per_{side}"]))
    print_table(table)
    typer.echo(
        f"{told['interactions']:,} interactions of {told['users']:,} users with {told['items']:,} "
        f"items, density {told['density']:.3g}; {told['duplicates']:,} duplicate pairs"
    )
    typer.echo(
        f"a tenth of the items has {told['share_of_top_tenth_of_items']:.0%} of the interactions; "
        f"{told['users_below_3']:,} users have fewer than 3, which a split leaves in training"
    )
    span = told["timestamps"]
    when = "without timestamps" if span is None else f"timestamps from {span[0]} to {span[1]}"
    typer.echo(f"{when}, {'with' if told['weights'] else 'without'} weights")
