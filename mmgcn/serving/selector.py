"""Rules: what a list may hold."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Self

import numpy as np

from mmgcn.evaluation.ranking import top_k
from mmgcn.run import Run
from mmgcn.serving.diversity import Variety, select

ID_CHANNEL = "id"  # the part of an item's vector that is not content


@dataclass(frozen=True, eq=False)
class Rules:
    """What a list may hold.

    Args:
        filter_seen: leave out what the user has watched.
        variety: how items that resemble each other are held apart; None where they are not.

    Shapes:
        allowed: (I,) bool, or None for all.
    """

    k: int
    filter_seen: bool = True
    allowed: np.ndarray | None = None
    variety: Variety | None = None

    @classmethod
    def of(
        cls,
        run: Run,
        *,
        k: int,
        filter_seen: bool = True,
        items: Sequence[str] | None = None,
        exclude: Sequence[str] | None = None,
        diversity: float = 0.0,
        creators: Mapping[str, str] | None = None,
        per_creator: int = 1,
    ) -> Self:
        """Return the rules that a caller of `Recommender` has named, in rows of the run.

        Raises:
            ValueError: a number out of range.
            UnknownIds: an item that the run does not know.
        """
        if k < 1:
            raise ValueError(f"k is {k}; it must be at least 1")
        if not 0 <= diversity <= 1:
            raise ValueError(f"diversity is {diversity}; it lies from 0 to 1")
        if per_creator < 1:
            raise ValueError(f"per_creator is {per_creator}; it must be at least 1")
        allowed = None
        if items is not None or exclude is not None:
            allowed = np.full(len(run.items), items is None)
            if items is not None:
                allowed[run.items.index(items)] = True
            if exclude is not None:
                allowed[run.items.index(exclude)] = False
        variety = None
        if diversity or creators is not None:
            creator = None if creators is None else _creator_codes(run, creators)
            variety = Variety(lambda rows: _content(run, rows), diversity, creator, per_creator)
        return cls(k, filter_seen, allowed, variety)

    def choose(self, scores: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """Return the list of each row: items, -1 for an empty place, and their scores.

        Shapes:
            scores: (B, I), changed; the result: (B, K) twice.
        """
        if self.allowed is not None:
            scores[:, ~self.allowed] = -np.inf
        if self.variety is None:
            return top_k(scores, self.k)
        return select(scores, self.k, self.variety)


def _creator_codes(run: Run, creators: Mapping[str, str]) -> np.ndarray:
    """Return a number for the creator of each item, -1 where nobody is named. Shapes: (I,)."""
    codes = np.full(len(run.items), -1, dtype=np.int64)
    rows = run.items.get(list(creators))
    _, numbers = np.unique(np.array(list(creators.values()), dtype=str), return_inverse=True)
    codes[rows[rows >= 0]] = numbers[rows >= 0]
    return codes


def _content(run: Run, rows: np.ndarray) -> np.ndarray:
    """Return what items are by their modalities alone, if there are any. Shapes: (N, d)."""
    parts = [part for name, part in run.parts.items() if name != ID_CHANNEL]
    if not parts:
        return np.asarray(run.item[rows])
    return np.asarray(sum(part[rows] for part in parts))
