"""Validation: the metrics of a model in training on the validation part."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
import torch

from mmgcn.data.dataset import Dataset
from mmgcn.distributed.user_shard import UserShard
from mmgcn.evaluation.ranking import METRICS, evaluate, factor_scorer, list_lengths
from mmgcn.interaction_rows import InteractionRows
from mmgcn.recommender_model import Embeddings, RecommenderModel

SELECTION_K = 20  # largest k of the recall that selects the epoch


class Validation:
    """Evaluates a model on the validation part of this process's users.

    The public methods sum over all processes, so every process must call them.

    Attributes:
        metric: name of the metric for early stopping and for the choice of the epoch.
    """

    def __init__(self, model: RecommenderModel[Any], dataset: Dataset, shard: UserShard) -> None:
        self._model, self._group = model, shard.group
        self._seen = shard.csr(dataset.train.csr())
        self._relevant = shard.csr(dataset.split.valid.csr())
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

    def metrics(self) -> dict[str, float]:
        """Return full-ranking metrics over users with a validation item; empty without any."""
        if self._is_empty:
            return {}
        embeddings = self.embeddings()
        num_users = np.count_nonzero(np.diff(self._relevant[0]))
        values: Mapping[str, Any] = {}
        if num_users:
            values = evaluate(
                factor_scorer(embeddings.user, embeddings.item),
                num_items=self._model.num_items,
                relevant=self._relevant,
                seen=[self._seen],
                ks=self._ks,
                per_user=True,
            )
        names = [f"{name}@{k}" for k in self._ks for name in METRICS]
        sums = [float(values[name].sum()) if num_users else 0.0 for name in names]
        *totals, count = self._group.sum(torch.tensor([*sums, num_users], dtype=torch.float64))
        return {name: float(t / count) for name, t in zip(names, totals, strict=True)}


def selection_metric(num_items: int) -> str:
    """Return the metric that chooses an epoch: `recall@20`, or a smaller k for a small catalogue.

    A list of half the catalogue or more would contain most hits, whatever the model.

    >>> selection_metric(5_000), selection_metric(30)
    ('recall@20', 'recall@10')
    """
    ks = list_lengths(num_items)
    most = min(SELECTION_K, num_items // 2)
    return f"recall@{max((k for k in ks if k <= most), default=ks[0])}"
