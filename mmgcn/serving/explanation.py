"""Explanation: the parts of a score, and the most similar watched items."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TypedDict

import numpy as np
import polars as pl

from mmgcn.channels import NEIGHBOURS
from mmgcn.run import Run


class NearestJson(TypedDict):
    """A watched item and its similarity."""

    item_id: str
    cosine: float


class ExplanationJson(TypedDict):
    """An explanation without the ids of the user and the item."""

    score: float
    parts: dict[str, float]
    nearest: dict[str, list[NearestJson]]
    missing: list[str]


@dataclass(frozen=True)
class Explanation:
    """Contribution of each channel to a score, and the most similar watched items.

    Args:
        user_id: None for a user who is not in the run.
        score: score in double precision. Lists have scores in single precision, which may differ in
            the seventh digit.
        parts: contribution of each channel that the item has; added in this order they are exactly
            the score. The last one is `neighbours` where the model infers channels that the item
            lacks from similar items and from the preferences of its viewers.
        nearest: most similar watched items by channel, as (item_id, cosine), among those that have
            the channel; empty for a channel that the item lacks.
        missing: channels that the item lacks, such as `textual` without a caption.
    """

    user_id: str | None
    item_id: str
    score: float
    parts: dict[str, float]
    nearest: dict[str, list[tuple[str, float]]]
    missing: list[str] = field(default_factory=list)

    def as_dict(self) -> ExplanationJson:
        """Return the explanation for JSON, without the ids."""
        nearest = {
            name: [NearestJson(item_id=item, cosine=value) for item, value in items]
            for name, items in self.nearest.items()
        }
        return {
            "score": self.score,
            "parts": self.parts,
            "nearest": nearest,
            "missing": self.missing,
        }


def explain(
    run: Run,
    vector: np.ndarray,
    watched: np.ndarray,
    item_index: int,
    *,
    user_id: str | None,
    num_nearest: int,
) -> Explanation:
    """Return the explanation of an item's score.

    Args:
        vector: vector of the user.
        watched: items that the user watched.
        num_nearest: number of watched items per channel.

    Shapes:
        vector: (d,); watched: (N,) item indices.
    """
    user = np.asarray(vector, dtype=np.float64)
    parts = {
        name: float(np.asarray(part[item_index], dtype=np.float64) @ user)
        for name, part in run.parts.items()
    }
    missing = [name for name in parts if not run.has(name, np.array(item_index))]
    inferred = sum(parts.pop(name) for name in missing)
    if inferred:
        parts[NEIGHBOURS] = inferred
    watched = np.asarray(watched)[np.asarray(watched) != item_index]
    nearest = {
        name: _nearest(run, part, watched[run.has(name, watched)], item_index, num_nearest)
        if name not in missing
        else []
        for name, part in run.vector_parts.items()
    }
    item_id = run.items.id(int(item_index))
    score = sum(parts.values(), start=0.0)
    return Explanation(user_id, item_id, score, parts, nearest, missing)


def with_parts(run: Run, table: pl.DataFrame) -> pl.DataFrame:
    """Return ranked lists with the contribution of each channel; see `Recommender.with_parts`."""
    users, items = run.users.get(table["user_id"]), run.items.index(table["item_id"])
    vectors = np.asarray(run.user[users], dtype=np.float64)
    known = pl.Series(users >= 0)
    masks = {n: run.has(n, items) for n in run.parts if n in run.present}
    parts = {
        name: np.einsum("nd,nd->n", np.asarray(part[items], np.float64), vectors)
        for name, part in run.parts.items()
    }
    if masks:
        lacking = [np.where(mask, 0, parts[name]) for name, mask in masks.items()]
        parts |= {name: np.where(mask, parts[name], 0) for name, mask in masks.items()}
        parts[NEIGHBOURS] = np.asarray(sum(lacking))
    score = pl.Series(sum(parts.values())).zip_with(known, table["score"].cast(pl.Float64))
    null = pl.Series([None])
    columns = [
        pl.Series(f"part_{name}", values).zip_with(
            known & pl.Series(masks.get(name, np.ones(len(items), dtype=bool))), null
        )
        for name, values in parts.items()
    ]
    return table.with_columns(score.alias("score"), *columns)


def cosine(vectors: np.ndarray, one: np.ndarray) -> np.ndarray:
    """Return the cosine of each row to one vector, 0 if either is zero.

    Shapes:
        vectors: (N, d); one: (d,); the result: (N,).
    """
    lengths = np.linalg.norm(vectors, axis=1) * np.linalg.norm(one)
    return np.asarray((vectors @ one) / np.maximum(lengths, 1e-12))


def _nearest(
    run: Run, part: np.ndarray, watched: np.ndarray, item_index: int, num_nearest: int
) -> list[tuple[str, float]]:
    vectors = np.asarray(part[watched])
    own = np.asarray(part[item_index])
    present = np.flatnonzero(vectors.any(axis=1)) if own.any() else np.zeros(0, dtype=np.int64)
    similarity = cosine(vectors[present], own)
    order = np.argsort(-similarity, kind="stable")[:num_nearest]
    ids = run.items.ids.gather(watched[present[order]]).to_list()
    return list(zip(ids, (round(float(value), 6) for value in similarity[order]), strict=True))
