"""History: interactions from a table, from feedback in a database, or from both."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import polars as pl

from extract.extras import install_command
from mmgcn.data.ids import IdMap
from mmgcn.data.interactions import Interactions, InteractionsError
from mmgcn.data.options import is_database
from mmgcn.data.table import read_interactions

ROW_WEIGHT = 1.0  # weight of a row of the table, added to that of feedback on the same pair
MAX_SECONDS = 1e11  # the year 5138 in seconds since 1970, but 1973 in milliseconds


def read_history(
    source: str,
    *,
    columns: str = "",
    min_rating: float | None = None,
    feedback: str | None = None,
    event_weights: str = "",
    time_format: str = "",
) -> Interactions:
    """Return the pairs of a user and an item with a positive weight.

    The weight of a pair is the sum over its events (see `events.read_events`), plus 1 if the table
    contains the pair. So a like adds a pair, and a skip cancels a play or a row of the table. Pairs
    with a skip and no positive weight are `skipped` in the result.

    Args:
        source: a table, or the URL of a database of feedback.
        columns, min_rating, time_format: options for the table, see `read_interactions`.
        feedback: URL of a database whose feedback is added to the table.
        event_weights: weights of kinds of events that differ from the defaults, such as
            `like=3,skip=0`.

    Raises:
        ColumnsError: `columns` is malformed.
        InteractionsError: the table cannot be read, its times are not in seconds (as those of
            feedback are), an option does not apply, or no pair has a positive weight.
        EventsError: the database cannot be read.
    """
    if not is_database(source):
        if event_weights and feedback is None:
            raise InteractionsError(
                "event_weights are given without feedback; pass the URL of a database"
            )
        table = read_interactions(
            Path(source), columns=columns, min_rating=min_rating, time_format=time_format
        )
        return table if feedback is None else _joined(table, source, feedback, event_weights)
    if feedback is not None:
        raise InteractionsError(f"'{source}' is feedback already; leave `feedback` out")
    if columns or min_rating is not None or time_format:
        raise InteractionsError(
            f"'{source}' is feedback, which has columns of its own and no ratings; leave "
            "`columns`, `min_rating` and `time_format` out"
        )
    events = _events(source, event_weights)
    return _counted(events, events.height)


def _events(url: str, weights: str) -> pl.DataFrame:
    try:
        from mmgcn.data.events import parse_weights, read_events
    except ModuleNotFoundError as error:
        raise InteractionsError(
            f"a database needs {error.name}; install it with: {install_command('serve')}"
        ) from error
    return read_events(url, parse_weights(weights))


def _joined(table: Interactions, source: str, url: str, weights: str) -> Interactions:
    time = table.timestamp
    if time is not None and len(time) and float(time.max()) > MAX_SECONDS:
        raise InteractionsError(
            f"the timestamps of {source} reach {time.max():.0f}, which are not seconds since 1970 "
            "as those of feedback are; convert them, or leave the column out"
        )
    rows = pl.DataFrame(
        {
            "user_id": table.users.ids.gather(table.user_index),
            "item_id": table.items.ids.gather(table.item_index),
            "weight": np.full(len(table), ROW_WEIGHT),
            "timestamp": None if time is None else time.astype(np.float64),
        },
        schema_overrides={"timestamp": pl.Float64},
    ).with_columns(skipped=pl.lit(False))
    events = _events(url, weights)
    if time is None:  # the order of rows is then that of time, and feedback follows the table
        events = events.with_columns(timestamp=pl.lit(None, dtype=pl.Float64))
    pairs = (
        pl.concat([rows, events])
        .group_by("user_id", "item_id", maintain_order=True)
        .agg(pl.col("weight").sum(), pl.col("timestamp").min(), pl.col("skipped").any())
    )
    history = _counted(pairs, events.height)
    history.notes = [*table.notes, *history.notes]
    history.num_duplicates = table.num_duplicates
    return history


def _counted(pairs: pl.DataFrame, num_events: int) -> Interactions:
    """Return the pairs with a positive weight, ids in the order of their first appearance."""
    watched = pairs.filter(pl.col("weight") > 0)
    if watched.height == 0:
        raise InteractionsError(
            f"none of {pairs.height:,} pairs of a user and an item has a positive weight; gather "
            "more feedback, or change `event_weights`"
        )
    time = watched["timestamp"]
    users = IdMap(watched["user_id"].unique(maintain_order=True), kind="user")
    items = IdMap(watched["item_id"].unique(maintain_order=True), kind="item")
    note = f"feedback on {num_events:,} pairs of a user and an item"
    if watched.height < pairs.height:
        note += f"; {pairs.height - watched.height:,} pairs without a positive weight do not count"
    skipped = pairs.filter(pl.col("skipped") & (pl.col("weight") <= 0))
    if skipped.height:
        note += f"; {skipped.height:,} skipped items are left out of their users' lists"
    return Interactions(
        users.index(watched["user_id"]).astype(np.int32),
        items.index(watched["item_id"]).astype(np.int32),
        users,
        items,
        None if time.null_count() else time.to_numpy(),
        watched["weight"].to_numpy().astype(np.float32),
        [note],
        skipped=skipped.select("user_id", "item_id"),
    )
