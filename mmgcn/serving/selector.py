"""Selector: from the scores of all items to a list, under the options of the ranking."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Self

import numpy as np

from mmgcn.evaluation.ranking import top_k
from mmgcn.run import Run
from mmgcn.serving.diversity import Diversity, select_diverse
from mmgcn.serving.ranking_options import RankingOptions

ID_CHANNEL = "id"  # the part of an item's vector that is not content


@dataclass(frozen=True, eq=False)
class Selector:
    """Ranking options in item indices of one run.

    Args:
        allowed: the items that may be in a list; None for all.
        diversity: MMR diversity and the limit per creator; None where neither is used.

    Shapes:
        allowed: (I,) bool.
    """

    k: int
    filter_seen: bool = True
    allowed: np.ndarray | None = None
    diversity: Diversity | None = None

    @classmethod
    def of(cls, run: Run, options: RankingOptions) -> Self:
        """Return the selector for a run.

        Raises:
            ValueError: only one of creators and per_creator was given.
            UnknownIds: an item that is not in the run.
        """
        creators, per_creator = options.creators, options.per_creator
        if (creators is None) != (per_creator is None):
            lacking, present = (
                ("creators", "per_creator") if creators is None else ("per_creator", "creators")
            )
            raise ValueError(f"{present} is without effect: pass {lacking}, too")
        allowed = None
        if options.items is not None or options.exclude is not None:
            allowed = np.full(len(run.items), options.items is None)
            if options.items is not None:
                allowed[run.items.index(options.items)] = True
            if options.exclude is not None:
                allowed[run.items.index(options.exclude)] = False
        diversity = None
        if options.diversity or creators is not None:
            diversity = Diversity(
                lambda item_index: _content(run, item_index),
                options.diversity,
                None if creators is None else _creator_codes(run, creators),
                per_creator or 1,
            )
        return cls(options.k, options.filter_seen, allowed, diversity)

    def select(self, scores: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """Return the list of each row: item indices, -1 for an empty position, and scores.

        Shapes:
            scores: (B, I), changed in place; the result: (B, K) twice.
        """
        if self.allowed is not None:
            scores[:, ~self.allowed] = -np.inf
        if self.diversity is None:
            return top_k(scores, self.k)
        return select_diverse(scores, self.k, self.diversity)


def _creator_codes(run: Run, creators: Mapping[str, str]) -> np.ndarray:
    """Return a code for the creator of each item, -1 for an unknown one. Shapes: (I,)."""
    codes = np.full(len(run.items), -1, dtype=np.int64)
    item_index = run.items.get(list(creators))
    _, of_creator = np.unique(np.array(list(creators.values()), dtype=str), return_inverse=True)
    codes[item_index[item_index >= 0]] = of_creator[item_index >= 0]
    return codes


def _content(run: Run, item_index: np.ndarray) -> np.ndarray:
    """Return the sum of the modality channels that the items have. Shapes: (N,) -> (N, d).

    If the run has no modality, it is the full vector.
    """
    parts = {name: part for name, part in run.vector_parts.items() if name != ID_CHANNEL}
    if not parts:
        return np.asarray(run.item_vectors[item_index])
    return np.asarray(
        sum(part[item_index] * run.has(name, item_index)[:, None] for name, part in parts.items())
    )
