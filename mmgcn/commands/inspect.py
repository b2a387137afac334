"""mmgcn inspect: content of the feature store and of the interactions."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, NamedTuple

import typer

from extract.commands.options import with_options
from extract.commands.usage import configured_options, refuse_options
from mmgcn.commands.data import data_flags, show_notes
from mmgcn.commands.inspect_tables import NUM_EXAMPLES, QUANTILES, show
from mmgcn.commands.options import CaptionsOption, PosterVideosOption
from mmgcn.commands.output import JsonOption, print_json
from mmgcn.data.options import NO_FEATURES, DataOptions

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


@with_options(
    data=data_flags(
        *("interactions", "columns", "min_rating", "time_format", "features", "first_id")
    )
)
def inspect(
    *,
    data: DataOptions,
    html: Annotated[
        Path | None,
        typer.Option(
            help="Output file in HTML, self-contained: degrees, popularity, coverage, items with "
            "the same content, nearest neighbours, and anomalies with remedies.",
        ),
    ] = None,
    videos: PosterVideosOption = None,
    captions: CaptionsOption = None,
    duplicates: Annotated[
        float | None,
        typer.Option(
            help="Smallest cosine of near-duplicates, such as 0.9. Lists items with nearly equal "
            "features, which `mmgcn fit --merge-duplicates` merges.",
            show_default=False,
        ),
    ] = None,
    json: JsonOption = False,
) -> None:
    """Show the content of features and interactions, and mismatches between them.

    Coverage, shapes, and zero and non-finite rows of each modality, with the reasons for missing
    features; users, items, density and duplicates of the interactions; ids without a match.
    """
    if html is None:
        refuse_options("videos", "captions", because="it needs --html")
    features = data.features
    if features is None:
        features = ("features",) if Path("features").is_dir() else ()
    elif features == (NO_FEATURES,):
        features = ()
    has_table = "interactions" in configured_options() or Path(data.interactions).is_file()
    if not features and not has_table:
        raise ValueError(
            "there is neither a folder ./features nor a file ./interactions.csv; name them with "
            "`features` and `interactions`"
        )
    if duplicates is not None and not features:
        raise ValueError("duplicates are found by `features`, and there are none")
    found: dict[str, Any] = {"features": {}, "interactions": None, "matching": None}
    sides: dict[str, Side] = {}
    table: Interactions | None = None
    for source in features:
        for name, content, side in _tables(source, data.first_id or 0):
            if name in sides:
                raise ValueError(f"two `features` have the name '{name}'; rename one of them")
            found["features"][name], sides[name] = content, side
    if has_table:
        from mmgcn.data.table import read_interactions

        interactions = Path(data.interactions)
        table = read_interactions(
            interactions,
            columns=data.columns,
            min_rating=data.min_rating,
            time_format=data.time_format,
        )
        show_notes(table.notes)
        found["interactions"] = _interactions(interactions, table)
        if sides:
            found["matching"] = _matching(table.items, sides)
    if html is not None:
        from mmgcn.commands.inspect_card import write_card

        write_card(
            html,
            found,
            sources=features,
            first_id=data.first_id or 0,
            interactions=table,
            videos=videos,
            captions=captions,
        )
    if duplicates is not None:
        found["duplicates"] = _duplicates(features, data.first_id or 0, min_cosine=duplicates)
    if json:
        print_json(found)
    else:
        show(found)


class Side(NamedTuple):
    """The ids of one modality: all extracted ids, and the ids with features."""

    extracted: IdMap
    with_features: IdMap


def _tables(source: str, first_id: int) -> list[tuple[str, dict[str, Any], Side]]:
    """Return name, statistics and ids of each modality in a store, or of a single file."""
    from mmgcn.data.ids import IdMap

    if "=" in source:
        from mmgcn.data.features import from_file

        table = from_file(source, first_id=first_id)
        return [(table.name, _file(table), Side(table.known, table.known))]
    from mmgcn.data.features import open_store

    store = open_store(Path(source))
    sets = [(name, store.feature_set(name)) for name in store.modalities()]
    found = []
    for name, feature_set in sets:
        side = Side(IdMap(list(feature_set.records)), IdMap(feature_set.item_ids()))
        found.append((name, _set(feature_set), side))
    return found


def _set(feature_set: FeatureSet) -> dict[str, Any]:
    records = list(feature_set.records.sorted())
    rows = sorted(record.rows for record in records if record.rows)
    damaged = [record.id for record in records if not feature_set.is_intact(record)]
    return {
        "encoder": feature_set.manifest["encoder"],
        "where": str(feature_set.path),
        "width": feature_set.manifest["dim"],
        "dtype": feature_set.manifest["dtype"],
        "items": len(records),
        "with_features": len(rows),
        "coverage": round(len(rows) / max(len(records), 1), 4),
        "statuses": dict(Counter(record.status for record in records).most_common()),
        "reasons": _reasons(records),
        "rows_per_item": [rows[0], rows[len(rows) // 2], rows[-1]] if rows else None,
        "damaged": _some(damaged),
        # A set with damaged files cannot be pooled; the next extraction writes them again.
        **(_values([], None) if damaged else _values(*feature_set.pooled())),
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


def _duplicates(features: Sequence[str], first_id: int, *, min_cosine: float) -> dict[str, Any]:
    from mmgcn.data.duplicates import duplicate_groups
    from mmgcn.data.features import read_features

    tables = read_features(features, first_id=first_id)
    groups = duplicate_groups(tables, min_cosine=min_cosine)
    return {"min_cosine": min_cosine, "groups": groups}


def _reasons(records: list[Any]) -> list[dict[str, Any]]:
    """Return the reasons for missing or incomplete features, the most frequent first."""
    ids: dict[tuple[str, str], list[str]] = {}
    for record in records:
        if record.status != "done":
            ids.setdefault((record.status, record.reason or "no reason given"), []).append(
                record.id
            )
    ordered = sorted(ids.items(), key=lambda entry: (-len(entry[1]), entry[0]))
    return [
        {"status": status, "reason": reason, **_some(each)} for (status, reason), each in ordered
    ]


def _values(ids: list[str], matrix: np.ndarray | None) -> dict[str, Any]:
    """Return the shape of the matrix, and the items with zero or non-finite vectors."""
    import numpy as np

    if matrix is None:
        return {"shape": None, "zero_rows": None, "non_finite_rows": None}
    zero, not_finite = [], []
    for start in range(0, len(matrix), BLOCK_ROWS):
        block = matrix[start : start + BLOCK_ROWS]
        zero += (start + np.flatnonzero((block == 0).all(axis=1))).tolist()
        not_finite += (start + np.flatnonzero(~np.isfinite(block).all(axis=1))).tolist()
    return {
        "shape": list(matrix.shape),
        "zero_rows": _some([ids[row] for row in zero]),
        "non_finite_rows": _some([ids[row] for row in not_finite]),
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
    item_degrees = np.sort(np.bincount(table.item_index))[::-1]
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
            float(item_degrees[: max(1, len(item_degrees) // 10)].sum() / len(table)), 4
        ),
        "users_below_3": int((np.bincount(table.user_index) < 3).sum()),
        "timestamps": None if time is None else [time.min().item(), time.max().item()],
        "weights": table.weight is not None,
    }


def _matching(items: IdMap, sides: dict[str, Side]) -> dict[str, Any]:
    """Compare the ids of the interactions with the extracted ones."""
    import numpy as np
    import polars as pl

    from mmgcn.data.ids import nearest_ids

    extracted = {name: side.extracted.get(items.ids) >= 0 for name, side in sides.items()}
    anywhere = np.logical_or.reduce(list(extracted.values()))
    unmatched = items.ids.filter(pl.Series(~anywhere)).sort()
    all_extracted = pl.concat([side.extracted.ids for side in sides.values()]).unique().sort()
    without_interactions = all_extracted.filter(pl.Series(items.get(all_extracted) < 0))
    return {
        "watched_items": {
            name: {
                "extracted": int(extracted[name].sum()),
                "with_features": int((side.with_features.get(items.ids) >= 0).sum()),
            }
            for name, side in sides.items()
        },
        "items_never_extracted": _some(unmatched.to_list()),
        "nearest_to_the_first": nearest_ids(unmatched[0], all_extracted) if len(unmatched) else [],
        "items_never_watched": _some(without_interactions.to_list()),
    }


def _some(ids: list[str]) -> dict[str, Any]:
    return {"count": len(ids), "examples": ids[:NUM_EXAMPLES]}
