"""Weighting: lists by a weighted sum of the channels' contributions to a score."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np

from mmgcn.evaluation.ranking import mask_seen, top_k
from mmgcn.run import Run
from mmgcn.serving.user_facts import ranks_of

MAX_WEIGHT = 10.0


class WeightError(ValueError):
    """A weight that cannot be used; the message says why."""


@dataclass(frozen=True)
class WeightedItem:
    """An item of a weighted list.

    Args:
        rank: rank in this list, from 1.
        rank_before: rank in the full list with all weights 1.
        parts: contribution of each channel, without weights.
    """

    item_id: str
    rank: int
    score: float
    rank_before: int
    parts: dict[str, float]


def weighted_list(
    run: Run,
    user_id: str,
    weights: Mapping[str, float],
    *,
    k: int = 10,
    filter_seen: bool = True,
) -> list[WeightedItem]:
    """Return the k best items of a user by the weighted sum of the channels.

    With all weights 1 the ranks are those of `Recommender.recommend`.

    Args:
        weights: weight of each channel, by name; 1 for the others.
        filter_seen: whether to leave out the items of the training and validation parts.

    Raises:
        UnknownIds: the user is not in the run.
        WeightError: a channel does not exist, or a weight is not from 0 to 10.
    """
    _check(run, weights)
    (user,) = run.users.index([user_id])
    vector = np.asarray(run.user[user], dtype=np.float32)
    parts = {name: np.asarray(part) @ vector for name, part in run.parts.items()}  # (I,) each
    scores = sum(weights.get(name, 1.0) * part for name, part in parts.items())
    before = np.asarray(run.item) @ vector
    rows = np.stack([np.asarray(scores, dtype=np.float32), before])
    if filter_seen:
        mask_seen(rows, np.array([user, user]), [run.csr("seen"), run.csr("valid")])
    (items,), (values,) = top_k(rows[:1], k)
    kept = items >= 0
    items, values = items[kept], values[kept]
    return [
        WeightedItem(
            item_id=run.items.id(int(item)),
            rank=position,
            score=float(value),
            rank_before=int(rank),
            parts={name: float(part[item]) for name, part in parts.items()},
        )
        for position, (item, value, rank) in enumerate(
            zip(items, values, ranks_of(rows[1], items), strict=True), start=1
        )
    ]


def parse_weights(texts: list[str]) -> dict[str, float]:
    """Return the weight of each channel from texts such as `visual:0.5`.

    >>> parse_weights(["visual:0.5", "id:0"])
    {'visual': 0.5, 'id': 0.0}

    Raises:
        WeightError: a text is malformed.
    """
    weights = {}
    for text in texts:
        channel, _, number = text.rpartition(":")
        try:
            weights[channel] = float(number)
        except ValueError:
            channel = ""
        if not channel:
            raise WeightError(
                f"the weight is '{text}'; it must be a channel and a number, such as visual:2"
            )
    return weights


def _check(run: Run, weights: Mapping[str, float]) -> None:
    for name, weight in weights.items():
        if name not in run.parts:
            known = ", ".join(run.parts)
            raise WeightError(f"the run has no channel '{name}'; it has: {known}")
        if not (math.isfinite(weight) and 0 <= weight <= MAX_WEIGHT):
            raise WeightError(
                f"the weight of {name} is {weight:g}; it must be from 0 to {MAX_WEIGHT:g}"
            )
