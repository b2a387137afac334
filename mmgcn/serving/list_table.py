"""Ranked lists as a table."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import polars as pl


def list_table(
    users: Sequence[str] | pl.Series,
    items: Sequence[str] | pl.Series,
    scores: Sequence[float] | np.ndarray,
    ranks: Sequence[int] | np.ndarray,
) -> pl.DataFrame:
    """Return ranked lists as a table of user_id, item_id, score, rank. Shapes: (N,) each."""
    return pl.DataFrame(
        {
            "user_id": pl.Series(users, dtype=pl.String),
            "item_id": pl.Series(items, dtype=pl.String),
            "score": pl.Series(scores, dtype=pl.Float32),
            "rank": pl.Series(ranks, dtype=pl.Int64),
        }
    )


def item_table(ids: pl.Series, items: np.ndarray, scores: np.ndarray) -> pl.DataFrame:
    """Return one ranked list as a table of item_id, score, rank.

    Args:
        ids: ids of all items.
        items: item indices, -1 for an empty position.

    Shapes:
        ids: (I,); items, scores: (K,).
    """
    found = items >= 0
    listed = ids.gather(items[found])
    ranks = np.arange(1, len(listed) + 1)
    return list_table([""] * len(listed), listed, scores[found], ranks).drop("user_id")
