"""Validation: the metrics of a model in training on the validation part."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
import torch

from mmgcn.data.dataset import Dataset
from mmgcn.distributed.user_shard import UserShard
from mmgcn.evaluation.hits import Csr
from mmgcn.evaluation.ranking import METRICS, evaluate, factor_scorer, list_lengths
from mmgcn.interaction_rows import InteractionRows
from mmgcn.recommender_model import Embeddings, RecommenderModel

SELECTION_K = 20  # largest k of the recall that selects the epoch
MAX_USERS = 10_000  # size of the sample of validation users that is evaluated during training


class Validation:
    """Evaluates a model on the validation part of this process's users.

    The public methods sum over all processes, so every process must call them.

    Attributes:
        is_sampled: whether a sample of the validation users is evaluated during training.
        metric: name of the metric for early stopping and for the choice of the epoch.
    """

    def __init__(self, model: RecommenderModel[Any], dataset: Dataset, shard: UserShard) -> None:
        self._model, self._group = model, shard.group
        self._seen = shard.csr(dataset.train.csr())
        relevant = dataset.split.valid.csr()
        self._relevant = self._sample = shard.csr(relevant)
        users = sample_users(relevant, MAX_USERS)
        self.is_sampled = len(users) < np.count_nonzero(np.diff(relevant[0]))
        if self.is_sampled:
            self._sample = shard.csr(_only(users, relevant))
        self._is_empty = len(dataset.split.valid) == 0
        self._has_unknown_users = bool((np.diff(dataset.train.csr()[0]) == 0).any())
        self._ks = list_lengths(model.num_items)
        self.metric = selection_metric(model.num_items)

    def embeddings(self) -> Embeddings:
        """Return the model's embeddings, with the mean vector for users unknown in training.

        The own vectors of users without training interactions would be random or zero.
        """
        embeddings = self._model.embeddings()
        if not self._has_unknown_users or isinstance(embeddings.user, InteractionRows):
            return embeddings
        unknown = np.diff(self._seen[0]) == 0
        others = torch.from_numpy(embeddings.user[~unknown]).double()
        *total, count = self._group.sum(torch.cat([others.sum(0), torch.tensor([len(others)])]))
        user = embeddings.user.copy()
        user[unknown] = torch.stack(total) / count
        return Embeddings(user, embeddings.item_parts)

    def metrics(self, *, sample: bool = False) -> dict[str, float]:
        """Return full-ranking metrics over users with a validation item; empty without any.

        Args:
            sample: whether to evaluate at most MAX_USERS of them.
        """
        if self._is_empty:
            return {}
        embeddings = self.embeddings()
        relevant = self._sample if sample else self._relevant
        num_users = np.count_nonzero(np.diff(relevant[0]))
        values: Mapping[str, Any] = {}
        if num_users:
            values = evaluate(
                factor_scorer(embeddings.user, embeddings.item),
                num_items=self._model.num_items,
                relevant=relevant,
                seen=[self._seen],
                ks=self._ks,
                per_user=True,
            )
        names = [f"{name}@{k}" for k in self._ks for name in METRICS]
        sums = [float(values[name].sum()) if num_users else 0.0 for name in names]
        *totals, count = self._group.sum(torch.tensor([*sums, num_users], dtype=torch.float64))
        return {name: float(t / count) for name, t in zip(names, totals, strict=True)}


def sample_users(relevant: Csr, size: int, *, seed: int = 0) -> np.ndarray:
    """Return the users with a relevant item in ascending order, or a random sample of `size`.

    Shapes:
        the result: (V,).
    """
    users = np.flatnonzero(np.diff(relevant[0]))
    if len(users) <= size:
        return users
    return np.sort(np.random.default_rng(seed).permutation(users)[:size])


def count_users(dataset: Dataset) -> dict[str, int]:
    """Return the number of validation users, and of those that training evaluates."""
    total = int(np.count_nonzero(np.diff(dataset.split.valid.csr()[0])))
    return {"total": total, "in_training": min(total, MAX_USERS)}


def _only(users: np.ndarray, csr: Csr) -> Csr:
    """Return the matrix with the rows of all other users empty."""
    indptr, indices = csr
    is_kept = np.zeros(len(indptr) - 1, dtype=bool)
    is_kept[users] = True
    counts = np.diff(indptr)
    kept = indices[np.repeat(is_kept, counts)]
    return np.concatenate([[0], np.cumsum(counts * is_kept)]), kept


def selection_metric(num_items: int) -> str:
    """Return the metric that chooses an epoch: `recall@20`, or a smaller k for a small catalogue.

    A list of half the catalogue or more would contain most hits, whatever the model.

    >>> selection_metric(5_000), selection_metric(30)
    ('recall@20', 'recall@10')
    """
    ks = list_lengths(num_items)
    most = min(SELECTION_K, num_items // 2)
    return f"recall@{max((k for k in ks if k <= most), default=ks[0])}"
