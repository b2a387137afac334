"""load_dataset: the data set that DataOptions describe."""

from __future__ import annotations

from pathlib import Path

import polars as pl

from mmgcn.data.dataset import Dataset
from mmgcn.data.features import FeatureError, read_features
from mmgcn.data.history import read_history
from mmgcn.data.interactions import check_learnable
from mmgcn.data.options import NO_FEATURES, DataOptions
from mmgcn.data.splits import Split, given_split, split

FEATURES = Path("features")  # used by default, if the folder exists


def load_dataset(options: DataOptions | None = None, *, uses_features: bool = True) -> Dataset:
    """Return the data set that the options describe.

    Args:
        options: by default interactions.csv and, if it exists, the feature store ./features.
        uses_features: False for a model without features. It is then no error that the default
            ./features does not match the interactions.

    Raises:
        ColumnsError, TimeError, InteractionsError, EventsError, SplitError, FeatureError: see the
            readers.
    """
    options = options or DataOptions()
    parts, removed_items = _split(options)
    dataset = _joined(options, parts, removed_items, uses_features=uses_features)
    dataset.reading = {"columns": options.columns or None, "min_rating": options.min_rating}
    if options.time_format:
        dataset.reading["time_format"] = options.time_format
    return dataset


def _split(options: DataOptions) -> tuple[Split, pl.Series | None]:
    """Return the split, and the ids of items that the k-core removed."""
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
        return parts, None
    table = read_history(
        str(options.interactions),
        columns=options.columns,
        min_rating=options.min_rating,
        feedback=options.feedback,
        event_weights=options.event_weights,
        time_format=options.time_format,
    )
    removed_items = None
    if options.k_core:
        items = table.items.ids
        table = table.k_core(k_user=options.k_core, k_item=options.k_core)
        if not options.keep_removed_items:
            removed_items = items.filter(pl.Series(table.items.get(items) < 0))
    table.notes = [*table.notes, *check_learnable(table)]
    return split(table, options.split, seed=options.split_seed), removed_items


def _joined(
    options: DataOptions, parts: Split, removed_items: pl.Series | None, *, uses_features: bool
) -> Dataset:
    """Return the split with its features."""
    features = options.features
    if features is None:
        features = (str(FEATURES),) if FEATURES.is_dir() else ()
    elif features == (NO_FEATURES,):
        features = ()
    try:
        tables = read_features(features, first_id=options.first_id or 0)
        return Dataset.build(parts, tables, missing=options.missing, excluded_items=removed_items)
    except FeatureError as error:
        if uses_features or options.features is not None:
            raise
        dataset = Dataset.build(parts)
        dataset.notes.append(f"./{FEATURES} is not used: {error}")
        return dataset
