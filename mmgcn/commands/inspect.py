"""mmgcn inspect: what the feature store and the interactions hold."""

from __future__ import annotations

from collections import Counter
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, NamedTuple

import typer

from mmgcn.commands.data import ColumnsOption, MinRatingOption
from mmgcn.commands.inspect_tables import NUM_EXAMPLES, QUANTILES, show
from mmgcn.commands.output import JsonOption, print_json, tell

if TYPE_CHECKING:
    import numpy as np

    from extract.store import FeatureSet
    from mmgcn.data.features import FeatureTable
    from mmgcn.data.ids import IdMap
    from mmgcn.data.interactions import Interactions

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
        show(found)


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
    from mmgcn.data.features import open_store

    store = open_store(Path(words))
    sets = [(name, store.feature_set(name)) for name in store.modalities()]
    found = []
    for name, held in sets:
        rows = [record.id for record in held.records.values() if record.rows]
        found.append((name, _set(held), Side(IdMap(list(held.records)), IdMap(rows))))
    return found


def _set(held: FeatureSet) -> dict[str, Any]:
    records = list(held.records.values())
    rows = sorted(record.rows for record in records if record.rows)
    damaged = [record.id for record in records if not held.is_intact(record)]
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
