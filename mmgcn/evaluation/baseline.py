"""Baseline: validation metrics of the most popular items, for comparison with a run's own."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from mmgcn.evaluation.ranking import evaluate, list_lengths
from mmgcn.run import Run

MAX_SCORES = 400_000_000  # users times items; more users than that are sampled


@dataclass(frozen=True)
class Baseline:
    """Metrics of the most popular items on the validation part.

    Args:
        num_users: number of evaluated users, who have a validation item; a random sample if there
            are very many.
        max_held_out: largest number of validation items of a user. Recall and hit rate are equal
            if it is 1.
        metrics: means over these users, by names such as `recall@20`; empty without a validation
            part.
    """

    num_users: int
    max_held_out: int
    metrics: dict[str, float]


def popular_baseline(run: Run, *, seed: int = 0) -> Baseline:
    """Return the metrics of the most popular items on a run's validation part.

    As in training, each user's training items are excluded from the list.

    Args:
        seed: seed of the sample of users.
    """
    indptr, indices = run.csr("valid")
    counts = np.diff(indptr)
    users = np.flatnonzero(counts)
    if len(users) == 0:
        return Baseline(0, 0, {})
    num_users = max(1, MAX_SCORES // len(run.items))
    users = np.sort(np.random.default_rng(seed).permutation(users)[:num_users])
    is_kept = np.zeros(len(counts), dtype=bool)
    is_kept[users] = True
    kept = np.repeat(is_kept, counts)
    relevant = np.concatenate([[0], np.cumsum(np.where(is_kept, counts, 0))]), indices[kept]
    popularity = np.asarray(run.popularity, dtype=np.float32)
    metrics = evaluate(
        lambda block: popularity[None].repeat(len(block), axis=0),
        num_items=len(run.items),
        relevant=relevant,
        seen=[run.csr("seen")],
        ks=list_lengths(len(run.items)),
    )
    values = {name: float(value) for name, value in metrics.items()}
    return Baseline(len(users), int(counts.max()), values)
