"""Coverage and bias: how uneven the interactions are, and which items the lists contain."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import Any

import numpy as np

from mmgcn.evaluation.groups import item_groups
from mmgcn.evaluation.metrics import coverage
from mmgcn.evaluation.ranking import factor_scorer, rank
from mmgcn.run import Run

LIST_LENGTH = 20
MAX_USERS = 2_000  # users whose lists are counted
MAX_SCORES = 400_000_000  # users times items; more users than that are sampled
NUM_STEPS = 50  # segments of the Lorenz curve
TOP_SHARES = (0.01, 0.1, 0.5)
GROUPS = ("head", "tail", "cold")
ID_CHANNEL = "id"


@dataclass(frozen=True)
class PopularitySkew:
    """How unevenly interactions are spread over items.

    Args:
        num_interactions: sum of the counts.
        num_cold: items with a count of 0.
        gini: Gini coefficient: 0 if all items have the same count, near 1 if one item has all.
        top: share of the interactions that concern the most popular 1 %, 10 % and 50 % of the
            items, at least one item each; keys "0.01", "0.1" and "0.5".
        lorenz: points of the Lorenz curve, from (0, 0) to (1, 1): share of the items, the least
            popular first, and their share of the interactions.
    """

    num_items: int
    num_interactions: int
    num_cold: int
    gini: float
    top: dict[str, float]
    lorenz: list[tuple[float, float]]


@dataclass(frozen=True)
class GroupShares:
    """Shares of a group of items (see `groups.item_groups`).

    Args:
        items: share of the catalogue.
        interactions: share of the training interactions.
        lists: share of the positions in the lists.
    """

    items: float
    interactions: float
    lists: float


@dataclass(frozen=True)
class RunCoverage:
    """Coverage and bias of a run.

    Args:
        popularity: skew of the training interactions.
        modalities: share of the items with a vector, by modality.
        groups: shares of the head, the tail and the cold items.
        list_length: K.
        num_users: number of users whose lists are counted; a random sample if there are many.
        catalogue_coverage: share of the items that are in at least one of these lists.
        exposure_gini: Gini coefficient of the items' number of positions in the lists.
        history_quantiles: number of training interactions of a user: minimum, quartiles, maximum.
    """

    popularity: PopularitySkew
    modalities: dict[str, float]
    groups: dict[str, GroupShares]
    list_length: int
    num_users: int
    catalogue_coverage: float
    exposure_gini: float
    history_quantiles: list[int]

    def as_dict(self) -> dict[str, Any]:
        """Return the fields as JSON values."""
        return asdict(self)


def popularity_skew(counts: np.ndarray) -> PopularitySkew:
    """Return how unevenly interactions are spread over items.

    Args:
        counts: number of interactions of each item.

    Shapes:
        counts: (I,) non-negative integers.

    Raises:
        ValueError: there are no items.

    >>> skew = popularity_skew(np.array([0, 0, 0, 8]))
    >>> skew.gini, skew.num_cold, skew.top["0.1"]
    (0.75, 3, 1.0)
    """
    if len(counts) == 0:
        raise ValueError("the counts are empty; at least one item is needed")
    ascending = np.sort(np.asarray(counts, dtype=np.int64))
    total = int(ascending.sum())
    cumulative = np.concatenate([[0], np.cumsum(ascending)])  # (I + 1,)
    num_items = len(ascending)
    top = {}
    for share in TOP_SHARES:
        number = max(1, round(share * num_items))
        top[f"{share:g}"] = _ratio(total - int(cumulative[num_items - number]), total)
    at = np.unique(np.linspace(0, num_items, min(num_items, NUM_STEPS) + 1).round().astype(int))
    lorenz = [(_rounded(index / num_items), _ratio(int(cumulative[index]), total)) for index in at]
    return PopularitySkew(
        num_items=num_items,
        num_interactions=total,
        num_cold=int((ascending == 0).sum()),
        gini=gini(counts),
        top=top,
        lorenz=lorenz,
    )


def gini(counts: np.ndarray) -> float:
    """Return the Gini coefficient of counts: 0 if all are equal, 1 - 1/I if one item has all.

    Shapes:
        counts: (I,), at least 0.

    >>> gini(np.array([3, 3, 3])), gini(np.array([0, 0]))
    (0.0, 0.0)
    """
    ascending = np.sort(np.asarray(counts, dtype=np.float64))
    total = ascending.sum()
    if total == 0:
        return 0.0
    num_items = len(ascending)
    ranks = np.arange(1, num_items + 1)
    return _rounded(float(((2 * ranks - num_items - 1) * ascending).sum() / (num_items * total)))


def run_coverage(run: Run, *, k: int = LIST_LENGTH, seed: int = 0) -> RunCoverage:
    """Return the coverage and the bias of a run and of its lists.

    Lists are those of `Recommender.recommend`, without the items of the training and validation
    parts.

    Args:
        k: length of the lists, at most that of the catalogue.
        seed: seed of the sample of users.
    """
    indptr, indices = run.csr("seen")
    users = sampled_users(run, seed=seed)
    exposure = list_exposure(run, users, k=k)
    listed = np.flatnonzero(exposure)
    groups = item_groups(run.popularity)
    interactions = np.bincount(indices, minlength=len(run.items))
    degrees = np.diff(indptr)
    return RunCoverage(
        popularity=popularity_skew(interactions),
        modalities=modality_coverage(run),
        groups={
            name: GroupShares(
                items=_ratio(int(groups[name].sum()), len(run.items)),
                interactions=_ratio(int(interactions[groups[name]].sum()), len(indices)),
                lists=_ratio(int(exposure[groups[name]].sum()), int(exposure.sum())),
            )
            for name in GROUPS
        },
        list_length=min(k, len(run.items)),
        num_users=len(users),
        catalogue_coverage=_rounded(coverage(listed, num_items=len(run.items))),
        exposure_gini=gini(exposure),
        history_quantiles=[
            int(np.quantile(degrees, share, method="lower")) for share in (0, 0.25, 0.5, 0.75, 1)
        ],
    )


def sampled_users(run: Run, *, seed: int = 0) -> np.ndarray:
    """Return the indices of the users whose lists are counted, ascending. Shapes: (N,)."""
    num_users = min(MAX_USERS, max(1, MAX_SCORES // len(run.items)))
    drawn = np.random.default_rng(seed).permutation(len(run.users))[:num_users]
    return np.sort(drawn)


def list_exposure(run: Run, user_index: np.ndarray, *, k: int) -> np.ndarray:
    """Return the number of lists that contain each item.

    Shapes:
        user_index: (N,); the result: (I,) int64.
    """
    exposure = np.zeros(len(run.items), dtype=np.int64)
    lists = rank(
        factor_scorer(run.user, np.asarray(run.item)),
        user_index,
        num_items=len(run.items),
        k=k,
        seen=[run.csr("seen"), run.csr("valid")],
    )
    for _, items, _ in lists:
        exposure += np.bincount(items[items >= 0], minlength=len(exposure))
    return exposure


def modality_coverage(run: Run) -> dict[str, float]:
    """Return the share of the items with features of their own, by modality."""
    items = np.arange(len(run.items))
    return {
        name: _rounded(float((np.asarray(part).any(axis=1) & run.has(name, items)).mean()))
        for name, part in run.vector_parts.items()
        if name != ID_CHANNEL
    }


def _ratio(part: int, total: int) -> float:
    return _rounded(part / total) if total else 0.0


def _rounded(value: float) -> float:
    """Return a share with six digits; more would be noise in JSON."""
    return round(value, 6)
