"""load_dataset: the data set that DataOptions describe."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import polars as pl

from mmgcn.data.dataset import Dataset
from mmgcn.data.duplicates import duplicate_groups
from mmgcn.data.features import FeatureError, read_features
from mmgcn.data.history import read_history
from mmgcn.data.ids import examples
from mmgcn.data.interactions import Interactions, check_learnable
from mmgcn.data.options import NO_FEATURES, DataOptions
from mmgcn.data.splits import Split, given_split, split

FEATURES = Path("features")  # default source, if the folder exists


def load_dataset(options: DataOptions | None = None, *, uses_features: bool = True) -> Dataset:
    """Return the data set that the options describe.

    Args:
        options: sources and options; by default interactions.csv and, if it exists, the feature
            store ./features.
        uses_features: False for a model without features. The default ./features may then not match
            the interactions.

    Raises:
        ColumnsError, TimeError, InteractionsError, EventsError, SplitError, FeatureError: an input
            cannot be used.
    """
    options = options or DataOptions()
    parts, excluded, merged = _split(options)
    dataset = _joined(options, parts, excluded, uses_features=uses_features)
    dataset.merged = merged
    dataset.reading = {"columns": options.columns or None, "min_rating": options.min_rating}
    if options.time_format:
        dataset.reading["time_format"] = options.time_format
    return dataset


def _split(options: DataOptions) -> tuple[Split, pl.Series | None, dict[str, str]]:
    """Return the split, the ids of excluded items, and merged near-duplicates.

    Excluded are items that the k-core removed, or that were merged into others.
    """
    if options.valid is not None or options.test is not None:
        parts = given_split(
            Path(options.interactions),
            None if options.valid is None else Path(options.valid),
            None if options.test is None else Path(options.test),
            columns=options.columns,
            min_rating=options.min_rating,
            time_format=options.time_format,
        )
        parts.notes = [*parts.notes, *check_learnable(parts.train)]
        return parts, None, {}
    table = read_history(
        str(options.interactions),
        columns=options.columns,
        min_rating=options.min_rating,
        feedback=options.feedback,
        event_weights=options.event_weights,
        time_format=options.time_format,
    )
    merged: dict[str, str] = {}
    if options.merge_duplicates is not None:
        merged = _merged(options, table, min_cosine=options.merge_duplicates)
        table = table.merged(merged)
    excluded = pl.Series(list(merged), dtype=pl.String)
    if options.k_core:
        items = table.items.ids
        table = table.k_core(k_user=options.k_core, k_item=options.k_core)
        if not options.keep_removed_items:
            excluded = pl.concat([excluded, items.filter(pl.Series(table.items.get(items) < 0))])
    table.notes = [*table.notes, *check_learnable(table)]
    parts = split(table, options.split, seed=options.split_seed)
    return parts, excluded if len(excluded) else None, merged


def _merged(options: DataOptions, table: Interactions, *, min_cosine: float) -> dict[str, str]:
    """Return near-duplicates with the item that replaces each, and add a note to the table."""
    tables = read_features(sources_of(options), first_id=options.first_id or 0)
    if not tables:
        raise FeatureError("`merge_duplicates` compares features, and there are none")
    groups = duplicate_groups(tables, min_cosine=min_cosine)
    degrees = np.bincount(table.item_index, minlength=len(table.items))
    merged: dict[str, str] = {}
    for group in groups:
        rows = table.items.get(group)
        counts = np.where(rows >= 0, degrees[rows], 0)
        best = group[int(counts.argmax())]  # the first of equals
        merged |= {item_id: best for item_id in group if item_id != best}
    names = examples(list(merged))
    table.notes.append(
        f"{len(merged):,} near-duplicates (cosine of at least {min_cosine:g}) were merged into "
        f"{len(groups):,} items" + (f": {names}" if merged else "")
    )
    return merged


def sources_of(options: DataOptions) -> tuple[str, ...]:
    """Return the sources of features."""
    if options.features is None:
        return (str(FEATURES),) if FEATURES.is_dir() else ()
    return () if options.features == (NO_FEATURES,) else options.features


def _joined(
    options: DataOptions, parts: Split, removed_items: pl.Series | None, *, uses_features: bool
) -> Dataset:
    """Return the split with its features."""
    try:
        tables = read_features(sources_of(options), first_id=options.first_id or 0)
        return Dataset.build(parts, tables, missing=options.missing, excluded_items=removed_items)
    except FeatureError as error:
        if uses_features or options.features is not None:
            raise
        dataset = Dataset.build(parts)
        dataset.notes.append(f"./{FEATURES} is not used: {error}")
        return dataset
