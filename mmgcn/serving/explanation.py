"""Explanation: what a score is made of, and what the user has watched that is like it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

from mmgcn.run import Run


@dataclass(frozen=True)
class Explanation:
    """Why an item has the score it has.

    Args:
        user_id: None for somebody who is not in the data.
        score: in full precision; the ranking's own, in single precision, may differ in the seventh
            digit.
        parts: by channel, what each contributes; added in this order they are the score, exactly.
        nearest: the watched items that are most alike, by channel: (item_id, cosine similarity).
            A channel in which the item, or all that was watched, is blank has none.
    """

    user_id: str | None
    item_id: str
    score: float
    parts: dict[str, float]
    nearest: dict[str, list[tuple[str, float]]]

    def as_dict(self) -> dict[str, Any]:
        """Return it without the ids, as JSON takes it."""
        near = {
            name: [{"item_id": item, "cosine": value} for item, value in items]
            for name, items in self.nearest.items()
        }
        return {"score": self.score, "parts": self.parts, "nearest": near}


def explain(
    run: Run,
    vector: np.ndarray,
    watched: np.ndarray,
    item: int,
    *,
    user_id: str | None,
    num_nearest: int,
) -> Explanation:
    """Return why a user of that vector, who has watched those items, gets an item.

    Shapes:
        vector: (d,); watched: (N,) rows of items; item: a row.
    """
    user = np.asarray(vector, dtype=np.float64)
    parts = {
        name: float(np.asarray(part[item], dtype=np.float64) @ user)
        for name, part in run.parts.items()
    }
    watched = np.asarray(watched)[np.asarray(watched) != item]
    nearest = {
        name: _nearest(run, part, watched, item, num_nearest) for name, part in run.parts.items()
    }
    return Explanation(user_id, run.items.id(int(item)), sum(parts.values()), parts, nearest)


def cosine(vectors: np.ndarray, one: np.ndarray) -> np.ndarray:
    """Return the cosine of each row with one vector, 0 where either is zero.

    Shapes:
        vectors: (N, d); one: (d,); the result: (N,).
    """
    lengths = np.linalg.norm(vectors, axis=1) * np.linalg.norm(one)
    return np.asarray((vectors @ one) / np.maximum(lengths, 1e-12))


def _nearest(
    run: Run, part: np.ndarray, watched: np.ndarray, item: int, num_nearest: int
) -> list[tuple[str, float]]:
    rows = np.asarray(part[watched])
    own = np.asarray(part[item])
    there = np.flatnonzero(rows.any(axis=1)) if own.any() else np.zeros(0, dtype=np.int64)
    alike = cosine(rows[there], own)
    order = np.argsort(-alike, kind="stable")[:num_nearest]
    ids = run.items.ids.gather(watched[there[order]]).to_list()
    return list(zip(ids, (round(float(value), 6) for value in alike[order]), strict=True))
