"""Full ranking: every item is scored for every user, seen items are masked, the top K are kept."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence

import numpy as np

from mmgcn.evaluation import metrics
from mmgcn.evaluation.hits import Csr, find_hits, rows_of
from mmgcn.interaction_rows import InteractionRows

Metric = Callable[[np.ndarray, np.ndarray], np.ndarray]  # hits (U, K), num_relevant (U,) -> (U,)
Scorer = Callable[[np.ndarray], np.ndarray]  # user_index (B,) -> scores (B, I)
BLOCK_SCORES = 1_000_000  # scores in memory at once: 4 MB, which fit into the cache of a core
MIN_BLOCK_USERS = 64  # with fewer, reading the item matrix again costs more than the cache saves
SCORES_PER_PAIR = (
    2_000  # with more, counting the items ahead of a relevant one is faster than top_k
)
METRICS = ("recall", "precision", "ndcg", "hit_rate", "mrr")
KS = (5, 10, 20, 50)  # default list lengths


def list_lengths(num_items: int) -> list[int]:
    """Return the default list lengths up to the number of items, or that number if all are longer.

    >>> list_lengths(30), list_lengths(3)
    ([5, 10, 20], [3])
    """
    return [k for k in KS if k <= num_items] or [num_items]


def factor_scorer(user: np.ndarray | InteractionRows, item: np.ndarray) -> Scorer:
    """Return a scorer by inner products.

    Shapes:
        user: (U, d); item: (I, d).
    """
    return lambda user_index: user[user_index] @ item.T


def block_users(num_items: int) -> int:
    """Return how many users are ranked at once."""
    return max(MIN_BLOCK_USERS, BLOCK_SCORES // max(num_items, 1))


def blocks(user_index: np.ndarray, num_items: int) -> Iterator[np.ndarray]:
    """Yield blocks of users that are ranked at once. Shapes: user_index: (U,); each: (B,)."""
    size = block_users(num_items)
    for start in range(0, len(user_index), size):
        yield user_index[start : start + size]


def mask_seen(scores: np.ndarray, user_index: np.ndarray, seen: Sequence[Csr]) -> None:
    """Set the scores of each user's seen items to -inf, in place.

    Shapes:
        scores: (B, I) float; user_index: (B,).
    """
    for csr in seen:
        scores[rows_of(csr, user_index)] = -np.inf


def top_k(scores: np.ndarray, k: int) -> tuple[np.ndarray, np.ndarray]:
    """Return the k best items of each row, best first; equal scores by the smaller index.

    Items at -inf are replaced by -1. A k above the number of items is reduced to it.

    Shapes:
        scores: (B, I); the result: (B, K) int64 and (B, K) float, K = min(k, I).

    Raises:
        ValueError: k is less than 1, or a score is not a number.

    >>> items, _ = top_k(np.array([[1.0, 3.0, 3.0, -np.inf]]), 4)
    >>> items.tolist()
    [[1, 2, 0, -1]]
    """
    if k < 1:
        raise ValueError(f"k is {k}; it must be at least 1")
    num_rows, num_items = scores.shape
    k = min(k, num_items)
    scores = np.ascontiguousarray(scores)
    highest = np.partition(scores, num_items - k, axis=1)[:, num_items - k :]  # (B, K), unordered
    if np.isnan(highest).any():  # numpy sorts them above all numbers
        raise ValueError(
            "some scores are not numbers (NaN), as are the vectors they were computed from"
        )
    threshold = highest[:, 0]  # the k-th best
    # k positions of each row, and those that tie with the k-th
    at = np.flatnonzero(scores >= threshold[:, None])
    rows, best, values = at // num_items, at % num_items, scores.ravel()[at]
    counts = np.bincount(rows, minlength=num_rows)
    if (counts > k).any():
        # row = [5, 7, 5, 5], k = 2 -> threshold 5, of whose three positions the first is kept
        tied = values == threshold[rows]
        num_tied = np.bincount(rows[tied], minlength=num_rows)
        order_in_tie = np.cumsum(tied) - 1 - (np.cumsum(num_tied) - num_tied)[rows]
        kept = ~tied | (order_in_tie < (k - counts + num_tied)[rows])
        best, values = best[kept], values[kept]
    best, values = best.reshape(num_rows, k), values.reshape(num_rows, k)
    order = np.argsort(-values, axis=1, kind="stable")
    best = np.take_along_axis(best, order, axis=1)
    values = np.take_along_axis(values, order, axis=1)
    return np.where(values > -np.inf, best, -1), values


def rank(
    scorer: Scorer,
    user_index: np.ndarray,
    *,
    num_items: int,
    k: int,
    seen: Sequence[Csr] = (),
) -> Iterator[tuple[np.ndarray, np.ndarray, np.ndarray]]:
    """Yield the k best items of each user, by blocks of users.

    Memory does not grow with the number of users. The scorer's arrays are not changed.

    Shapes:
        user_index: (U,); each: user_index (B,), item_index (B, K) with -1 for an empty position,
        and scores (B, K).
    """
    for users in blocks(user_index, num_items):
        items, values = _lists(scorer(users), users, k, seen)
        yield users, items, values


def hits(
    scores: np.ndarray, user_index: np.ndarray, *, relevant: Csr, seen: Sequence[Csr], k: int
) -> np.ndarray:
    """Return whether the item at each rank of the users' lists is relevant. Scores are not changed.

    Shapes:
        scores: (B, I) float; user_index: (B,), without duplicates; the result: (B, K) bool.

    Raises:
        ValueError: a score is not a number.
    """
    scores = np.asarray(scores, dtype=np.float32)
    row, item = rows_of(relevant, user_index)
    if len(row) * SCORES_PER_PAIR <= scores.size and not np.isnan(scores.min()):
        return find_hits(scores, user_index, relevant=relevant, seen=seen, k=k)
    num_items = scores.shape[1]
    items, _ = _lists(scores, user_index, k, seen)
    keys = np.sort(row * num_items + item)
    ranked = np.arange(len(user_index))[:, None] * num_items + items
    at = np.searchsorted(keys, ranked).clip(max=len(keys) - 1)
    return np.asarray((keys[at] == ranked) & (items >= 0))


def evaluate(
    scorer: Scorer,
    *,
    num_items: int,
    relevant: Csr,
    seen: Sequence[Csr] = (),
    ks: Sequence[int] = KS,
    per_user: bool = False,
    more_metrics: Sequence[Metric] = (),
) -> dict[str, float] | dict[str, np.ndarray]:
    """Return each of METRICS at each k, by names such as `recall@20`.

    A value is the mean over users with at least one relevant item; with `per_user` the array of
    their values, (U,), in the order of the rows. An item that is both relevant and seen counts as
    relevant and is never a hit.

    Args:
        more_metrics: further metrics, such as those of `evaluation.metrics`: functions of hits
            (U, K) bool and num_relevant (U,) that return one value per user, (U,). A metric has the
            name of its function.

    Raises:
        ValueError: no user has a relevant item, a k is out of range, a score is not a number, or a
            further metric has no name of its own or returns another shape.
    """
    _check_names(more_metrics)
    counts = np.diff(relevant[0])
    users = np.flatnonzero(counts)
    if len(users) == 0:
        raise ValueError("no user has a relevant item: the part to evaluate on is empty")
    for k in ks:
        if not 1 <= k <= num_items:
            raise ValueError(f"k is {k}; it must be from 1 to the number of items, {num_items:,}")
    found = [
        hits(scorer(block), block, relevant=relevant, seen=seen, k=max(ks))
        for block in blocks(users, num_items)
    ]
    of_ranks, num_relevant = np.concatenate(found), counts[users]
    values: dict[str, np.ndarray] = {}
    for k in ks:
        first = of_ranks[:, :k]
        values[f"recall@{k}"] = metrics.recall(first, num_relevant)
        values[f"precision@{k}"] = metrics.precision(first)
        values[f"ndcg@{k}"] = metrics.ndcg(first, num_relevant)
        values[f"hit_rate@{k}"] = metrics.hit_rate(first)
        values[f"mrr@{k}"] = metrics.mrr(first)
        for metric in more_metrics:
            values[f"{metric.__name__}@{k}"] = _values_of(metric, first, num_relevant)
    if per_user:
        return values
    return {name: float(value.mean()) for name, value in values.items()}


def _lists(
    scores: np.ndarray, user_index: np.ndarray, k: int, seen: Sequence[Csr]
) -> tuple[np.ndarray, np.ndarray]:
    """Return the k best unseen items, and their scores. Shapes: (B, K) each."""
    scores = np.array(scores, dtype=np.float32)
    mask_seen(scores, user_index, seen)
    return top_k(scores, k)


def _check_names(more_metrics: Sequence[Metric]) -> None:
    names = [getattr(metric, "__name__", "") for metric in more_metrics]
    for name in names:
        if not name.isidentifier() or name in METRICS or names.count(name) > 1:
            raise ValueError(
                f"a further metric is called '{name}'; its function needs a name of its own, which "
                f"is not one of {', '.join(METRICS)}"
            )


def _values_of(metric: Metric, hits: np.ndarray, num_relevant: np.ndarray) -> np.ndarray:
    """Return the values of a metric. Shapes: hits: (U, K); num_relevant, the result: (U,)."""
    values = np.asarray(metric(hits, num_relevant), dtype=np.float64)
    if values.shape != num_relevant.shape:
        raise ValueError(
            f"{metric.__name__} returned the shape {values.shape}; expected one value per user, "
            f"{num_relevant.shape}"
        )
    return values
