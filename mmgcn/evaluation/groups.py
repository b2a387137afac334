"""Groups of items by their number of training interactions, and the metrics of each.

    warm   items with at least one training interaction
    head   the most popular items, which have 80 % of the interactions
    tail   the other warm items
    cold   items without a training interaction, which are ranked by their content alone

The metrics of a group are means over the users with a held-out item in it; held-out items of other
groups do not count. Lists rank the full catalogue unless only some items are candidates.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from mmgcn.evaluation.hits import Csr
from mmgcn.evaluation.ranking import KS, Scorer, evaluate

HEAD_SHARE = 0.8


@dataclass(frozen=True)
class GroupMetrics:
    """Metrics of a group.

    Args:
        num_items: number of items in the group.
        num_users: number of users with a held-out item in it.
        num_relevant: number of held-out interactions with items of the group.
        metrics: means over those users (see `ranking.evaluate`); empty if there are none.
        chance: expected recall of a list in random order, by names such as `recall@20`; empty if
            there are no such users.
    """

    num_items: int
    num_users: int
    num_relevant: int
    metrics: dict[str, float]
    chance: dict[str, float]


def item_groups(popularity: np.ndarray, *, head_share: float = HEAD_SHARE) -> dict[str, np.ndarray]:
    """Return masks of the items in `all`, `warm`, `head`, `tail` and `cold`.

    Among equally popular items those with the smaller index come first.

    Shapes:
        popularity: (I,) training interactions of each item; the result: each (I,) bool.

    >>> groups = item_groups(np.array([1, 0, 6, 3]))
    >>> {name: np.flatnonzero(members).tolist() for name, members in groups.items()}
    {'all': [0, 1, 2, 3], 'warm': [0, 2, 3], 'head': [2, 3], 'tail': [0], 'cold': [1]}
    """
    warm = popularity > 0
    order = np.argsort(-popularity, kind="stable")
    cumulative = np.cumsum(popularity[order])
    # popularity = [1, 0, 6, 3] -> cumulative = [6, 9, 10, 10], where 9 is the first >= 8
    num_head = (
        int(np.searchsorted(cumulative, head_share * cumulative[-1])) + 1 if len(cumulative) else 0
    )
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
) -> dict[str, GroupMetrics]:
    """Return the metrics of each group.

    Args:
        candidates: the items that can be in a list; by default all.

    Shapes:
        groups: each (I,) bool; candidates: (I,) bool.

    Raises:
        ValueError: see `ranking.evaluate`.
    """
    found = {}
    for name, members in groups.items():
        of_group = _only(relevant, members)
        users = np.flatnonzero(np.diff(of_group[0]))
        metrics, chance = {}, {}
        if len(users):
            allowed = np.ones_like(members) if candidates is None else candidates
            values = evaluate(
                scorer if candidates is None else _restricted(scorer, candidates),
                num_items=len(members),
                relevant=of_group,
                seen=seen,
                ks=ks,
            )
            metrics = {metric: float(value) for metric, value in values.items()}
            num_unseen = np.full(len(users), allowed.sum())
            for part in seen:
                num_unseen -= np.diff(_only(part, allowed)[0])[users]
            chance = {
                f"recall@{k}": float(np.mean(np.minimum(k / np.maximum(num_unseen, 1), 1)))
                for k in ks
            }
        found[name] = GroupMetrics(
            int(members.sum()), len(users), len(of_group[1]), metrics, chance
        )
    return found


def _only(part: Csr, members: np.ndarray) -> Csr:
    """Return the items of each user that are members."""
    indptr, indices = part
    kept = members[indices]
    return np.concatenate([[0], np.cumsum(kept)])[indptr], indices[kept]


def _restricted(scorer: Scorer, candidates: np.ndarray) -> Scorer:
    """Return a scorer with -inf for all other items."""
    return lambda user_index: np.where(candidates, scorer(user_index), -np.inf)
