"""Further metrics of a run's lists: MAP, MRR, coverage, novelty, diversity, and recall by group.

    few, many    users with at most the median number of training interactions, or with more
    warm, cold   held-out items with and without a training interaction

Recall of a group of items is a mean over the users with a held-out item in it, in lists of the full
catalogue, as in `groups`.
"""

from __future__ import annotations

import warnings
from collections.abc import Mapping

import numpy as np

from mmgcn.evaluation import metrics
from mmgcn.evaluation.ranking import factor_scorer, list_lengths, rank
from mmgcn.run import Run

FURTHER_METRICS = ("map", "mrr", "coverage", "novelty", "popularity_lift", "diversity")
GROUPS = ("few", "many", "warm", "cold")


def list_details(
    run: Run, part: str, *, content: Mapping[str, np.ndarray] | None = None
) -> dict[str, float]:
    """Return further metrics of the lists of users with an item in a part, at each k.

    Keys are those of FURTHER_METRICS, such as `map@20`, and of GROUPS, such as `recall@20 few`.
    Undefined values are omitted, such as diversity without content, or recall of cold items if none
    is held out.

    `popularity_lift` is the mean popularity of the items in the lists divided by that of the items
    in the users' histories, minus 1: at 0.5, items in lists are 50 % more popular.

    Args:
        part: valid or test.
        content: features by modality, the same for all compared models.

    Shapes:
        content: (I, D) each, zero where an item has none.

    Source: popularity lift of Abdollahpouri et al., The Unfairness of Popularity Bias in
    Recommendation, 2019.
    """
    indptr, indices = run.csr(part)
    users = np.flatnonzero(np.diff(indptr))
    if not len(users):
        return {}
    num_items = len(run.items)
    seen = [run.csr("seen")] + ([run.csr("valid")] if part == "test" else [])
    ks = list_lengths(num_items)
    vectors = None if not content else _unit_vectors(content)
    num_relevant = np.diff(indptr)[users]
    rows = np.repeat(users, num_relevant)
    relevant = np.sort(rows.astype(np.int64) * num_items + indices)
    lists, hits = [], []
    diversity: dict[int, list[np.ndarray]] = {k: [] for k in ks}
    scorer = factor_scorer(run.user, run.item)
    for block, items, _ in rank(scorer, users, num_items=num_items, k=max(ks), seen=seen):
        keys = block[:, None].astype(np.int64) * num_items + items
        at = np.searchsorted(relevant, keys).clip(max=len(relevant) - 1)
        lists.append(items)
        hits.append((relevant[at] == keys) & (items >= 0))
        if vectors is not None:
            for k in ks:
                diversity[k].append(metrics.intra_list_diversity(items[:, :k], vectors))
    found: dict[str, float] = {}
    ranked, hit = np.concatenate(lists), np.concatenate(hits)
    is_cold = np.asarray(run.popularity) == 0
    cold_relevant = np.bincount(rows[is_cold[indices]], minlength=len(run.users))[users]
    group_relevant = {"warm": num_relevant - cold_relevant, "cold": cold_relevant}
    degree = np.diff(run.csr("seen")[0])[users]
    few = degree <= np.median(degree)
    history = _history_popularity(run, users)
    for k in ks:
        items, first = ranked[:, :k], hit[:, :k]
        found[f"map@{k}"] = float(metrics.average_precision(first, num_relevant).mean())
        found[f"mrr@{k}"] = float(metrics.mrr(first).mean())
        found[f"coverage@{k}"] = metrics.coverage(items, num_items=num_items)
        novelty = metrics.novelty(items, run.popularity, num_users=len(run.users))
        found[f"novelty@{k}"] = _mean(novelty)
        popularity = _mean(metrics.mean_popularity(items, run.popularity))
        found[f"popularity_lift@{k}"] = popularity / history - 1 if history else np.nan
        if vectors is not None:
            found[f"diversity@{k}"] = _mean(np.concatenate(diversity[k]))
        recall = metrics.recall(first, num_relevant)
        for name, members in (("few", few), ("many", ~few)):
            found[f"recall@{k} {name}"] = _mean(recall[members])
        cold_hits = first & is_cold[items]
        for name, group_hits in (("warm", first & ~cold_hits), ("cold", cold_hits)):
            some = group_relevant[name] > 0
            found[f"recall@{k} {name}"] = _mean(
                metrics.recall(group_hits[some], group_relevant[name][some])
            )
    return {name: value for name, value in found.items() if not np.isnan(value)}


def _history_popularity(run: Run, users: np.ndarray) -> float:
    """Return the mean over users of the mean popularity of their training items."""
    indptr, indices = run.csr("seen")
    popularity = np.concatenate([[0], np.cumsum(np.asarray(run.popularity)[indices])])
    count = np.diff(indptr)[users]
    total = (popularity[indptr[1:]] - popularity[indptr[:-1]])[users]
    return _mean(total[count > 0] / count[count > 0])


def _unit_vectors(content: Mapping[str, np.ndarray]) -> np.ndarray:
    """Return the standardised modalities side by side, in rows of length one. Shapes: (I, D)."""
    blocks = []
    for values in content.values():
        has = values.any(axis=1)
        known = values[has].astype(np.float32)
        deviation = known.std(axis=0) if len(known) else np.ones(values.shape[1])
        rows = np.zeros(values.shape, dtype=np.float32)
        if len(known):
            rows[has] = (known - known.mean(axis=0)) / np.where(deviation > 1e-6, deviation, np.inf)
        length = np.linalg.norm(rows, axis=1, keepdims=True)
        blocks.append(rows / np.maximum(length, 1e-12))
    joined = np.concatenate(blocks, axis=1)
    length = np.linalg.norm(joined, axis=1, keepdims=True)
    return np.asarray(joined / np.maximum(length, 1e-12))


def _mean(values: np.ndarray) -> float:
    """Return the mean without NaN; NaN if nothing remains."""
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", message="Mean of empty slice", category=RuntimeWarning)
        return float(np.nanmean(values)) if len(values) else np.nan
