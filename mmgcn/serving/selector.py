"""Selector: the list from the scores of all items, under the ranking options."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Self

import numpy as np

from mmgcn.evaluation.ranking import top_k
from mmgcn.run import Run
from mmgcn.serving.diversity import Diversity, select_diverse
from mmgcn.serving.ranking_options import RankingOptions

ID_CHANNEL = "id"  # the part of item vectors that is not content


@dataclass(frozen=True, eq=False)
class Selector:
    """Ranking options with the item indices of one run.

    Args:
        k: maximum length of a list.
        filter_seen: whether seen items are left out; the caller masks their scores.
        allowed: mask of the items that may be in a list; None for all.
        diversity: MMR diversity and the limit per creator; None if neither is used.

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
            UnknownIds: an item is not in the run.
        """
        creators, per_creator = options.creators, options.per_creator
        if (creators is None) != (per_creator is None):
            lacking, present = (
                ("creators", "per_creator") if creators is None else ("per_creator", "creators")
            )
            raise ValueError(f"{present} has no effect without {lacking}; pass both")
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
    """Return a code for the creator of each item, -1 if unknown. Shapes: (I,)."""
    codes = np.full(len(run.items), -1, dtype=np.int64)
    item_index = run.items.get(list(creators))
    _, code = np.unique(np.array(list(creators.values()), dtype=str), return_inverse=True)
    codes[item_index[item_index >= 0]] = code[item_index >= 0]
    return codes


def _content(run: Run, item_index: np.ndarray) -> np.ndarray:
    """Return the sum of the modality channels that the items have. Shapes: (N,) -> (N, d).

    In a run without modalities, the full vectors.
    """
    parts = {name: part for name, part in run.vector_parts.items() if name != ID_CHANNEL}
    if not parts:
        return np.asarray(run.item_vectors[item_index])
    return np.asarray(
        sum(part[item_index] * run.has(name, item_index)[:, None] for name, part in parts.items())
    )
