"""Content of a catalogue: neighbours and duplicates of items by the vectors of one modality."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import polars as pl

from mmgcn.data.similar_pairs import connected_groups, similar_pairs

SAME = 1 - 1e-4  # minimum cosine of two items with the same content, up to encoding noise
MAX_COMPARED = 20_000  # items whose pairs are all compared: 2 minutes on one core


@dataclass(frozen=True)
class Content:
    """Near-duplicates and nearest neighbours of items, by the vectors of one modality.

    Args:
        duplicates: groups of two or more items with the same content, the largest group first.
        neighbours: nearest items of some example items, as (item_id, cosine), nearest first.
        num_compared: number of items that were compared with each other: all, or a random sample.
    """

    duplicates: list[list[str]]
    neighbours: dict[str, list[tuple[str, float]]]
    num_compared: int


def content_of(
    ids: pl.Series | list[str],
    matrix: np.ndarray,
    *,
    num_examples: int = 5,
    num_neighbours: int = 5,
    seed: int = 0,
) -> Content:
    """Return duplicates and the neighbours of some items, by the cosine of their vectors.

    Zero vectors neither have nor are neighbours. Of more than MAX_COMPARED items a random sample is
    compared.

    Args:
        num_examples: number of randomly drawn items whose neighbours are returned.
        num_neighbours: number of neighbours of each example.
        seed: seed of the sample and of the examples.

    Shapes:
        ids: (N,); matrix: (N, D).

    >>> found = content_of(["a", "b", "c"], np.array([[1.0, 0], [0, 1], [2, 0]]), num_neighbours=1)
    >>> found.duplicates, found.neighbours["a"]
    ([['a', 'c']], [('c', 1.0)])
    """
    generator = np.random.default_rng(seed)
    rows = np.flatnonzero(np.asarray(matrix).any(axis=1))
    if len(rows) > MAX_COMPARED:
        rows = np.sort(generator.choice(rows, MAX_COMPARED, replace=False))
    vectors = np.asarray(matrix[rows], dtype=np.float32)
    vectors /= np.maximum(np.linalg.norm(vectors, axis=1, keepdims=True), 1e-30)
    names = [str(ids[int(row)]) for row in rows]
    num_examples = min(num_examples, len(rows))
    shown = set(generator.choice(len(rows), num_examples, replace=False)) if num_examples else set()
    neighbours = {}
    for row in sorted(shown):
        cosine = vectors @ vectors[row]  # (N,)
        cosine[row] = -np.inf
        nearest = np.argsort(-cosine, kind="stable")[: min(num_neighbours, len(rows) - 1)]
        neighbours[names[row]] = [
            (names[other], round(min(float(cosine[other]), 1.0), 4)) for other in nearest
        ]
    groups = [
        sorted(names[row] for row in group)
        for group in connected_groups(len(rows), similar_pairs(vectors, SAME))
    ]
    return Content(sorted(groups, key=lambda each: (-len(each), each)), neighbours, len(rows))
