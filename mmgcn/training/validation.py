"""Validation: the metrics of a model in training on the validation part."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
import torch

from mmgcn.data.dataset import Dataset
from mmgcn.distributed.user_shard import UserShard
from mmgcn.evaluation.ranking import METRICS, evaluate, factor_scorer, lengths
from mmgcn.interaction_rows import InteractionRows
from mmgcn.recommender_model import Embeddings, RecommenderModel

CHOOSING_K = 20  # recall at this k, or a smaller one, ends a training and picks its epoch


class Validation:
    """The validation part of this process's users, to evaluate a model on.

    Every process must call its public methods: each sums over all of them.

    Attributes:
        metric: the name of the one that ends a training and picks its epoch.
    """

    def __init__(self, model: RecommenderModel[Any], dataset: Dataset, shard: UserShard) -> None:
        self._model, self._group = model, shard.group
        self._seen = shard.csr(dataset.train.csr())
        self._relevant = shard.csr(dataset.split.valid.csr())
        self._is_empty = len(dataset.split.valid) == 0
        self._has_unknown_users = bool((np.diff(dataset.train.csr()[0]) == 0).any())
        self._ks = lengths(model.num_items)
        self.metric = choosing_metric(model.num_items)

    def embeddings(self) -> Embeddings:
        """Return the model's embeddings; users without training interactions get the others' mean.

        Their own would be random or zero.
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
        """Rank all items for every user with a validation item; empty without such a part."""
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


def choosing_metric(num_items: int) -> str:
    """Return the metric that chooses an epoch: `recall@20`, or less for a small catalogue.

    A list of half the catalogue or more would contain most hits, whatever the model.
    """
    ks = lengths(num_items)
    most = min(CHOOSING_K, num_items // 2)
    return f"recall@{max((k for k in ks if k <= most), default=ks[0])}"
