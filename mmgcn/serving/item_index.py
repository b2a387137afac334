"""ItemIndex: approximate lists for many users over very many items, by an inverted file."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

import numpy as np

from extract.extras import install_command
from mmgcn.evaluation.ranking import block_users, top_k
from mmgcn.serving.list_table import list_table

if TYPE_CHECKING:
    import polars as pl

    from mmgcn.serving.recommender import Recommender

CLUSTERS_PER_ROOT = 4  # number of clusters, as a multiple of the square root of num_items
ITEMS_PER_CLUSTER = 39  # minimum of k-means in faiss
NUM_COMPARED = 1_000  # users whose lists are compared with exact ones
MAX_SEEN = 2_000  # users who watched more items are ranked exactly
BLOCK_USERS = 4_096


class ItemIndex:
    """Clusters of a run's items; users are compared only with items of their nearest clusters.

    The number of probed clusters is the smallest power of two whose lists contain the share
    `target_recall` of the exact lists, on a sample of users; `recall` is the share on another
    sample.

    Args:
        recommender: recommender of the run.
        k: length of the lists.
        target_recall: minimum share of the exact lists to find, above 0 and at most 1.
        seed: seed of the samples and of the clusters.

    Attributes:
        num_clusters, num_probes: number of clusters, and of those probed for a user.
        recall: share of the exact lists that is found.

    Raises:
        ImportError: faiss is not installed.
        ValueError: target_recall is out of range.

    Source: inverted file of Sivic, Zisserman, Video Google, ICCV 2003, as implemented by faiss
    (Douze et al., The Faiss library, 2024).
    """

    def __init__(
        self, recommender: Recommender, *, k: int = 10, target_recall: float = 0.99, seed: int = 0
    ) -> None:
        if not 0 < target_recall <= 1:
            raise ValueError(f"target_recall is {target_recall}; it must be between 0 and 1")
        try:
            import faiss
        except ImportError as error:
            raise ImportError(
                f"an index of items needs faiss; install it with: {install_command('ann')}"
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
        tuning, testing = np.array_split(drawn, 2)
        exact, _ = self._exact(tuning)
        self.num_probes = 1
        while self.num_probes < self.num_clusters and self._recall(tuning, exact) < target_recall:
            self.num_probes = min(2 * self.num_probes, self.num_clusters)
        testing = testing if len(testing) else tuning
        self.recall = self._recall(testing, self._exact(testing)[0])

    def blocks(self, *, filter_seen: bool = True) -> Iterator[pl.DataFrame]:
        """Yield the lists of all users in blocks of users, as `Recommender.blocks` does."""
        users, items = self._run.users.ids, self._run.items.ids
        for start in range(0, len(users), BLOCK_USERS):
            user_index = np.arange(start, min(start + BLOCK_USERS, len(users)))
            best, values = self.lists(user_index, filter_seen=filter_seen)
            found = best >= 0
            ranks = np.broadcast_to(np.arange(1, best.shape[1] + 1), best.shape)
            yield list_table(
                users.gather(np.repeat(user_index, found.sum(axis=1))),
                items.gather(best[found]),
                values[found],
                ranks[found],
            )

    def lists(
        self, user_index: np.ndarray, *, filter_seen: bool = True
    ) -> tuple[np.ndarray, np.ndarray]:
        """Return the best items of users among the items of the probed clusters.

        Shapes:
            user_index: (B,); the result: item_index (B, k), -1 for an empty position, and scores
            (B, k).
        """
        seen = [self._run.csr("seen"), self._run.csr("valid")] if filter_seen else []
        seen += [self._run.csr(name) for name in self._run.never_listed]
        num_seen = sum(
            (np.diff(indptr)[user_index] for indptr, _ in seen), np.zeros(len(user_index), int)
        )
        best = np.full((len(user_index), self._k), -1, dtype=np.int64)
        values = np.full((len(user_index), self._k), -np.inf, dtype=np.float32)
        many = num_seen > MAX_SEEN
        if many.any():
            exact = self._exact(user_index[many], filter_seen=filter_seen)
            width = exact[0].shape[1]
            best[many, :width], values[many, :width] = exact
        few = np.flatnonzero(~many)
        # Group users with similar numbers of watched items, whose searches have equal lengths.
        for part in np.array_split(few[np.argsort(num_seen[few])], -(-len(few) // 512) or 1):
            if len(part) == 0:
                continue
            num_neighbours = min(self._k + int(num_seen[part].max()), len(self._run.item))
            found = self._search(user_index[part], num_neighbours, seen)
            best[part, : found[0].shape[1]], values[part, : found[0].shape[1]] = found
        return best, values

    def _exact(
        self, user_index: np.ndarray, *, filter_seen: bool = True
    ) -> tuple[np.ndarray, np.ndarray]:
        """Return the exact lists, computed in blocks of users. Shapes: (B, K) twice."""
        size = block_users(len(self._run.item))
        found = [
            self._recommender.recommend_by_index(
                user_index[start : start + size], k=self._k, filter_seen=filter_seen
            )
            for start in range(0, len(user_index), size)
        ]
        items, values = zip(*found, strict=True)
        return np.concatenate(items), np.concatenate(values)

    def _search(
        self,
        user_index: np.ndarray,
        num_neighbours: int,
        seen: list[tuple[np.ndarray, np.ndarray]],
    ) -> tuple[np.ndarray, np.ndarray]:
        self._index.nprobe = self.num_probes
        user = np.ascontiguousarray(self._run.user[user_index], dtype=np.float32)
        scores, items = self._index.search(user, num_neighbours)
        scores[items < 0] = -np.inf
        for indptr, indices in seen:
            for row, index in enumerate(user_index):
                watched = indices[indptr[index] : indptr[index + 1]]
                scores[row, np.isin(items[row], watched)] = -np.inf
        positions, values = top_k(scores, self._k)
        best = np.take_along_axis(items, np.maximum(positions, 0), axis=1)
        return np.where(positions >= 0, best, -1), values

    def _recall(self, user_index: np.ndarray, exact: np.ndarray) -> float:
        """Return the share of the exact lists that is found. Shapes: exact: (B, K)."""
        found, _ = self.lists(user_index)
        hits = sum(
            len(np.intersect1d(row[row >= 0], exact_row[exact_row >= 0]))
            for row, exact_row in zip(found, exact, strict=True)
        )
        return hits / max(int((exact >= 0).sum()), 1)
