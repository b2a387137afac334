"""Groups of items by how well training knows them, and how well each is ranked.

    warm   the items with at least one training interaction
    head   of those the fewest, most watched first, that together hold 80 % of the interactions
    tail   the other warm ones
    cold   the items without a training interaction: ranked by their content alone

A group's figures are of the users who have a withheld item in it; what they have withheld in
other groups neither helps nor harms. Every list is of the whole catalogue unless only some items
are candidates.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from mmgcn.evaluation.ranking import KS, Csr, Scorer, evaluate

HEAD_SHARE = 0.8


@dataclass(frozen=True)
class GroupFigures:
    """How well a group is ranked.

    Args:
        num_items: in the group.
        num_users: who have a withheld item in it; of them are the figures.
        num_relevant: withheld interactions with the group's items.
        figures: see `ranking.evaluate`; empty where there are no such users.
        chance: recall of a list in random order, `recall@20`; empty like the figures.
    """

    num_items: int
    num_users: int
    num_relevant: int
    figures: dict[str, float]
    chance: dict[str, float]


def item_groups(popularity: np.ndarray, *, head_share: float = HEAD_SHARE) -> dict[str, np.ndarray]:
    """Return who is in `all`, `warm`, `head`, `tail` and `cold`.

    Among equally watched items those of the smaller index come first.

    Shapes:
        popularity: (I,) training interactions of each item; the result: each (I,) bool.

    >>> groups = item_groups(np.array([1, 0, 6, 3]))
    >>> {name: np.flatnonzero(members).tolist() for name, members in groups.items()}
    {'all': [0, 1, 2, 3], 'warm': [0, 2, 3], 'head': [2, 3], 'tail': [0], 'cold': [1]}
    """
    warm = popularity > 0
    order = np.argsort(-popularity, kind="stable")
    held = np.cumsum(popularity[order])
    # popularity = [1, 0, 6, 3] -> held = [6, 9, 10, 10], of which 9 is the first at 8 or above
    num_head = int(np.searchsorted(held, head_share * held[-1])) + 1 if len(held) else 0
    head = np.zeros(len(popularity), dtype=bool)
    head[order[:num_head]] = True
    head &= warm
    return {
        "all": np.ones(len(popularity), dtype=bool),
        "warm": warm,
        "head": head,
        "tail": warm & ~head,
        "cold": ~warm,
    }


def evaluate_groups(
    scorer: Scorer,
    *,
    groups: Mapping[str, np.ndarray],
    relevant: Csr,
    seen: Sequence[Csr] = (),
    ks: Sequence[int] = KS,
    candidates: np.ndarray | None = None,
) -> dict[str, GroupFigures]:
    """Return the figures of each group.

    Args:
        candidates: the items that may stand in a list; by default all.

    Shapes:
        groups: each (I,) bool; candidates: (I,) bool.

    Raises:
        ValueError: see `ranking.evaluate`.
    """
    found = {}
    for name, members in groups.items():
        wanted = _only(relevant, members)
        users = np.flatnonzero(np.diff(wanted[0]))
        figures, chance = {}, {}
        if len(users):
            allowed = np.ones_like(members) if candidates is None else candidates
            told = evaluate(
                scorer if candidates is None else _among(scorer, candidates),
                num_items=len(members),
                relevant=wanted,
                seen=seen,
                ks=ks,
            )
            figures = {metric: float(value) for metric, value in told.items()}
            num_open = np.full(len(users), allowed.sum())
            for part in seen:
                num_open -= np.diff(_only(part, allowed)[0])[users]
            chance = {
                f"recall@{k}": float(np.mean(np.minimum(k / np.maximum(num_open, 1), 1)))
                for k in ks
            }
        found[name] = GroupFigures(int(members.sum()), len(users), len(wanted[1]), figures, chance)
    return found


def _only(part: Csr, members: np.ndarray) -> Csr:
    """Return each user's items that are members."""
    indptr, indices = part
    kept = members[indices]
    return np.concatenate([[0], np.cumsum(kept)])[indptr], indices[kept]


def _among(scorer: Scorer, candidates: np.ndarray) -> Scorer:
    """Return a scorer that leaves all others out."""
    return lambda user_index: np.where(candidates, scorer(user_index), -np.inf)
