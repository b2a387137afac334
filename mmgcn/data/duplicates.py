"""Near-duplicates: items with nearly equal vectors, such as re-uploads of one video."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator, Sequence

import numpy as np
import polars as pl

from mmgcn.data.features import FeatureTable
from mmgcn.data.ids import IdMap

NOT_COMPARED = "textual"  # re-uploads have other captions, and other clips the same ones
BLOCK_VALUES = 32_000_000  # of a matrix of cosines in memory at once: 128 MB
MAX_EXACT_ITEMS = 50_000  # above, faiss searches, where it is installed
NUM_NEIGHBOURS = 16  # of each item that faiss returns


def duplicate_groups(tables: Sequence[FeatureTable], *, min_cosine: float) -> list[list[str]]:
    """Return the groups of items that are near-duplicates of each other, of two or more ids.

    Two items are near-duplicates if, in every modality that both have, the cosine of their vectors
    is at least `min_cosine`; captions are compared only where there is nothing else. The mean over
    all items is subtracted first, since vectors of unrelated items have large cosines otherwise: at
    least three items are needed. A group contains all items that pairs connect.

    With more than 50,000 items and the extra `ann`, faiss searches among the nearest 16 items of
    each, in the nearest cells of an index, and may miss some; otherwise all pairs are compared.

    Args:
        tables: features of one modality each.
        min_cosine: above 0, at most 1.

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
    links = _Links(len(items))
    for index, table in enumerate(compared):
        item_of = items.index(table.ids)  # (N,)
        for pairs in _similar_pairs(vectors[index], min_cosine):
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
            for first, second in zip(left[kept].tolist(), right[kept].tolist(), strict=True):
                links.join(first, second)
    names = items.ids.to_list()
    return sorted([sorted(names[item] for item in group) for group in links.groups()])


class _Links:
    """Connected components (union-find) of I items."""

    def __init__(self, num_items: int) -> None:
        self._parents = list(range(num_items))

    def join(self, first: int, second: int) -> None:
        self._parents[self._root(first)] = self._root(second)

    def groups(self) -> list[list[int]]:
        """Return the components of two or more."""
        found: dict[int, list[int]] = defaultdict(list)
        for item in range(len(self._parents)):
            found[self._root(item)].append(item)
        return [group for group in found.values() if len(group) > 1]

    def _root(self, item: int) -> int:
        while self._parents[item] != item:
            self._parents[item] = self._parents[self._parents[item]]
            item = self._parents[item]
        return item


def _centred(matrix: np.ndarray) -> np.ndarray:
    """Return the rows less their mean, of length 1 or 0. Shapes: (N, D) -> (N, D) float32."""
    vectors = np.asarray(matrix, dtype=np.float32)
    vectors = vectors - vectors.mean(axis=0, dtype=np.float64).astype(np.float32)
    lengths = np.linalg.norm(vectors, axis=1, keepdims=True)
    return np.asarray(vectors / np.where(lengths > 0, lengths, 1))


def _similar_pairs(vectors: np.ndarray, min_cosine: float) -> Iterator[np.ndarray]:
    """Yield pairs of rows with at least that cosine, the smaller row first.

    Shapes:
        vectors: (N, D), of length 1; each result: (P, 2) int64.
    """
    if len(vectors) > MAX_EXACT_ITEMS:
        try:
            import faiss
        except ImportError:
            pass
        else:
            yield _pairs_of_faiss(faiss, vectors, min_cosine)
            return
    step = max(1, BLOCK_VALUES // max(len(vectors), 1))
    for start in range(0, len(vectors), step):
        cosines = vectors[start : start + step] @ vectors[start:].T  # (B, D) @ (D, N) -> (B, N)
        left, right = np.nonzero(cosines >= min_cosine)
        pairs = np.stack([left, right], axis=1)[right > left] + start
        yield pairs.astype(np.int64)


def _pairs_of_faiss(faiss: object, vectors: np.ndarray, min_cosine: float) -> np.ndarray:
    num_items, width = vectors.shape
    num_cells = int(num_items**0.5)
    index = faiss.index_factory(width, f"IVF{num_cells},Flat", faiss.METRIC_INNER_PRODUCT)  # type: ignore[attr-defined]
    index.train(vectors[:: max(1, num_items // (64 * num_cells))])
    index.add(vectors)
    index.nprobe = 8
    cosines, found = index.search(vectors, NUM_NEIGHBOURS)  # (N, k), (N, k)
    left = np.arange(num_items)[:, None]
    near = (cosines >= min_cosine) & (found > left)
    return np.stack([np.broadcast_to(left, near.shape)[near], found[near]], axis=1)
