"""ItemIndex: lists for many users without a look at every item."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

import numpy as np

from mmgcn.evaluation.ranking import block_users, top_k

if TYPE_CHECKING:
    import polars as pl

    from mmgcn.serving.recommender import Recommender

CLUSTERS_PER_ROOT = 4  # clusters are this many times the root of the number of items
ITEMS_PER_CLUSTER = 39  # the least that k-means learns a cluster from
NUM_COMPARED = 1_000  # users whose lists are compared with the exact ones
MAX_SEEN = 2_000  # who has watched more is ranked exactly
BLOCK_USERS = 4_096


class ItemIndex:
    """The items of a run in clusters; a user is compared with those of the nearest clusters alone.

    As many clusters are looked at as it takes for `wanted_recall` of what the exact lists of some
    users hold; `recall` is what that came to, of users drawn apart from those.

    Args:
        k: the length of the lists.

    Raises:
        ImportError: faiss is not installed.
        ValueError: wanted_recall is not between 0 and 1.

    Source: inverted file of Sivic, Zisserman, Video Google, ICCV 2003, as faiss does it (Douze et
    al., The Faiss library, 2024).
    """

    def __init__(
        self, recommender: Recommender, *, k: int = 10, wanted_recall: float = 0.99, seed: int = 0
    ) -> None:
        if not 0 < wanted_recall <= 1:
            raise ValueError(f"wanted_recall is {wanted_recall}; it lies between 0 and 1")
        try:
            import faiss
        except ImportError as error:
            raise ImportError(
                "an index of items needs faiss; install it with: pip install 'mmgcn[ann]'"
            ) from error
        self._recommender, self._run, self._k = recommender, recommender.run, k
        item = np.ascontiguousarray(self._run.item, dtype=np.float32)
        num_items, width = item.shape
        root = int(CLUSTERS_PER_ROOT * num_items**0.5)
        self.num_clusters = max(1, min(root, num_items // ITEMS_PER_CLUSTER))
        coarse = faiss.IndexFlatIP(width)
        self._index: Any = faiss.IndexIVFFlat(
            coarse, width, self.num_clusters, faiss.METRIC_INNER_PRODUCT
        )
        self._index.cp.seed = seed
        self._index.train(item)
        self._index.add(item)
        rng = np.random.default_rng(seed)
        drawn = rng.permutation(len(self._run.users))[: 2 * NUM_COMPARED]
        chosen_by, told_by = np.array_split(drawn, 2)
        exact, _ = self._exact(chosen_by)
        self.num_probes = 1
        while (
            self.num_probes < self.num_clusters and self._recall(chosen_by, exact) < wanted_recall
        ):
            self.num_probes = min(2 * self.num_probes, self.num_clusters)
        told_by = told_by if len(told_by) else chosen_by
        self.recall = self._recall(told_by, self._exact(told_by)[0])

    def blocks(self, *, filter_seen: bool = True) -> Iterator[pl.DataFrame]:
        """Yield the lists of all users, a block of users at a time: see `Recommender.blocks`."""
        from mmgcn.serving.recommender import list_table

        users, items = self._run.users.ids, self._run.items.ids
        for start in range(0, len(users), BLOCK_USERS):
            rows = np.arange(start, min(start + BLOCK_USERS, len(users)))
            best, values = self.lists(rows, filter_seen=filter_seen)
            there = best >= 0
            ranks = np.broadcast_to(np.arange(1, best.shape[1] + 1), best.shape)
            yield list_table(
                users.gather(np.repeat(rows, there.sum(axis=1))),
                items.gather(best[there]),
                values[there],
                ranks[there],
            )

    def lists(self, rows: np.ndarray, *, filter_seen: bool = True) -> tuple[np.ndarray, np.ndarray]:
        """Return the best items of some users, as far as the clusters that are looked at have them.

        Shapes:
            rows: (B,); the result: rows of items (B, k), -1 for an empty place, and scores (B, k).
        """
        seen = [self._run.csr("seen"), self._run.csr("valid")] if filter_seen else []
        num_seen = sum((np.diff(indptr)[rows] for indptr, _ in seen), np.zeros(len(rows), int))
        best = np.full((len(rows), self._k), -1, dtype=np.int64)
        values = np.full((len(rows), self._k), -np.inf, dtype=np.float32)
        many = num_seen > MAX_SEEN
        if many.any():
            exact = self._exact(rows[many], filter_seen=filter_seen)
            width = exact[0].shape[1]
            best[many, :width], values[many, :width] = exact
        few = np.flatnonzero(~many)
        # Users who have watched about as much, together: their searches are equally long.
        for part in np.array_split(few[np.argsort(num_seen[few])], -(-len(few) // 512) or 1):
            if len(part) == 0:
                continue
            asked = self._k + int(num_seen[part].max())
            found = self._searched(rows[part], min(asked, len(self._run.item)), seen)
            best[part, : found[0].shape[1]], values[part, : found[0].shape[1]] = found
        return best, values

    def _exact(
        self, rows: np.ndarray, *, filter_seen: bool = True
    ) -> tuple[np.ndarray, np.ndarray]:
        """Return the exact lists, a block of users at a time. Shapes: (B, K) twice."""
        size = block_users(len(self._run.item))
        found = [
            self._recommender.recommend_rows(
                rows[start : start + size], k=self._k, filter_seen=filter_seen
            )
            for start in range(0, len(rows), size)
        ]
        items, values = zip(*found, strict=True)
        return np.concatenate(items), np.concatenate(values)

    def _searched(
        self, rows: np.ndarray, num_asked: int, seen: list[tuple[np.ndarray, np.ndarray]]
    ) -> tuple[np.ndarray, np.ndarray]:
        self._index.nprobe = self.num_probes
        user = np.ascontiguousarray(self._run.user[rows], dtype=np.float32)
        scores, items = self._index.search(user, num_asked)
        scores[items < 0] = -np.inf
        for indptr, indices in seen:
            for place, row in enumerate(rows):
                watched = indices[indptr[row] : indptr[row + 1]]
                scores[place, np.isin(items[place], watched)] = -np.inf
        places, values = top_k(scores, self._k)
        best = np.take_along_axis(items, np.maximum(places, 0), axis=1)
        return np.where(places >= 0, best, -1), values

    def _recall(self, rows: np.ndarray, exact: np.ndarray) -> float:
        """Return how much of exact lists is found."""
        found, _ = self.lists(rows)
        hits = sum(
            len(np.intersect1d(ours[ours >= 0], theirs[theirs >= 0]))
            for ours, theirs in zip(found, exact, strict=True)
        )
        return hits / max(int((exact >= 0).sum()), 1)
