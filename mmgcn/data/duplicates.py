"""Near-duplicates: items with nearly equal vectors, such as re-uploads of one video."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import numpy as np
import polars as pl

from mmgcn.data.features import FeatureTable
from mmgcn.data.ids import IdMap
from mmgcn.data.similar_pairs import connected_groups, similar_pairs

NOT_COMPARED = "textual"  # re-uploads have different captions, and unrelated clips equal ones


def duplicate_groups(tables: Sequence[FeatureTable], *, min_cosine: float) -> list[list[str]]:
    """Return groups of two or more items that are near-duplicates of each other.

    Two items are near-duplicates if the cosine of their vectors is at least `min_cosine` in every
    modality that both have; captions are compared only if there is no other modality. The mean over
    all items is subtracted first, since vectors of unrelated items have large cosines otherwise, so
    at least three items are needed. A group contains all items that are connected by pairs.

    With more than 50,000 items the search may be approximate; see `similar_pairs`.

    Args:
        tables: features of one modality each.
        min_cosine: smallest cosine of near-duplicates, above 0 and at most 1.

    Raises:
        ValueError: `min_cosine` is out of range.

    Shapes:
        the result: groups in the order of their first ids, each sorted.
    """
    if not 0 < min_cosine <= 1:
        raise ValueError(f"min_cosine is {min_cosine}; it must be above 0 and at most 1")
    compared = [table for table in tables if table.name != NOT_COMPARED] or list(tables)
    if not compared:
        return []
    items = IdMap(pl.concat([table.ids for table in compared]).unique().sort(), kind="item")
    rows = [table.find(items) for table in compared]  # (I,) each, -1 where absent
    vectors = [_centred(table.matrix) for table in compared]  # (N, D) each
    names = items.ids.to_list()
    groups = connected_groups(len(items), _pairs(items, compared, rows, vectors, min_cosine))
    return sorted([sorted(names[item] for item in group) for group in groups])


def _pairs(
    items: IdMap,
    compared: Sequence[FeatureTable],
    rows: Sequence[np.ndarray],
    vectors: Sequence[np.ndarray],
    min_cosine: float,
) -> Iterator[np.ndarray]:
    """Yield the pairs of items that are similar in every modality that both have.

    Shapes:
        rows: (I,) for each modality, -1 for absent items; vectors: (N, D) for each modality; the
        result: (P, 2) each.
    """
    for index, table in enumerate(compared):
        item_of = items.index(table.ids)  # (N,)
        for pairs in similar_pairs(vectors[index], min_cosine):
            left, right = item_of[pairs[:, 0]], item_of[pairs[:, 1]]
            kept = np.ones(len(pairs), dtype=bool)
            for other in range(len(compared)):
                a, b = rows[other][left], rows[other][right]
                both = (a >= 0) & (b >= 0)
                if other < index:
                    kept &= ~both  # compared in that modality already
                elif other > index:
                    at = np.flatnonzero(kept & both)
                    cosines = np.einsum(
                        "nd,nd->n", vectors[other][a[at]], vectors[other][b[at]]
                    )  # (P, D), (P, D) -> (P,)
                    kept[at] = cosines >= min_cosine
            yield np.stack([left[kept], right[kept]], axis=1)


def _centred(matrix: np.ndarray) -> np.ndarray:
    """Return the centred rows, scaled to length 1 (or 0). Shapes: (N, D) -> (N, D) float32."""
    vectors = np.asarray(matrix, dtype=np.float32)
    vectors = vectors - vectors.mean(axis=0, dtype=np.float64).astype(np.float32)
    lengths = np.linalg.norm(vectors, axis=1, keepdims=True)
    return np.asarray(vectors / np.where(lengths > 0, lengths, 1))
