"""Validation: what a look at a model in training sees."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
import torch

from mmgcn.data.dataset import Dataset
from mmgcn.evaluation.ranking import METRICS, evaluate, factor_scorer, lengths
from mmgcn.model import Embeddings, Model
from mmgcn.training.part import Part

CHOSEN_BY = 20  # validation recall at this k, at most, ends the training and picks the epoch


class Validation:
    """The validation part of this process's users, and the model that is asked about it.

    Every process has to call what is public here: each adds up over all of them.

    Attributes:
        figure: the name of the one that ends a training and picks its epoch.
    """

    def __init__(self, model: Model, dataset: Dataset, part: Part) -> None:
        self._model, self._ranks = model, part.ranks
        self._seen = part.csr(dataset.train.csr())
        self._relevant = part.csr(dataset.split.valid.csr())
        self._is_there = len(dataset.split.valid) > 0
        self._has_strangers = bool((np.diff(dataset.train.csr()[0]) == 0).any())
        self._ks = lengths(model.num_items)
        most = min(CHOSEN_BY, model.num_items // 2)  # a list of all holds every hit, always
        chosen_k = max((k for k in self._ks if k <= most), default=self._ks[0])
        self.figure = f"recall@{chosen_k}"

    def embeddings(self) -> Embeddings:
        """Read out the model; who has no training interactions gets the mean of the other users.

        What a model has for them is what it was drawn as, or nothing.
        """
        made = self._model.embeddings()
        if not self._has_strangers:
            return made
        strange = np.diff(self._seen[0]) == 0
        others = torch.from_numpy(made.user[~strange]).double()
        *total, count = self._ranks.sum(torch.cat([others.sum(0), torch.tensor([len(others)])]))
        user = made.user.copy()
        user[strange] = torch.stack(total) / count
        return Embeddings(user, made.item_parts)

    def figures(self) -> dict[str, float]:
        """Rank all items for every user with a validation item; empty without such a part."""
        if not self._is_there:
            return {}
        embeddings = self.embeddings()
        num_asked = np.count_nonzero(np.diff(self._relevant[0]))
        values: Mapping[str, Any] = {}
        if num_asked:
            values = evaluate(
                factor_scorer(embeddings.user, embeddings.item),
                num_items=self._model.num_items,
                relevant=self._relevant,
                seen=[self._seen],
                ks=self._ks,
                per_user=True,
            )
        names = [f"{name}@{k}" for k in self._ks for name in METRICS]
        sums = [float(values[name].sum()) if num_asked else 0.0 for name in names]
        *totals, count = self._ranks.sum(torch.tensor([*sums, num_asked], dtype=torch.float64))
        return {name: float(t / count) for name, t in zip(names, totals, strict=True)}
