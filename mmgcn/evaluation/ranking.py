"""Full ranking: every item is scored for every user, what is seen is masked, the best are taken."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence

import numpy as np

from mmgcn.evaluation import metrics

Csr = tuple[np.ndarray, np.ndarray]  # indptr (U + 1,), indices (E,)
Scorer = Callable[[np.ndarray], np.ndarray]  # user_index (B,) -> scores (B, I)
BLOCK_SCORES = 8_000_000  # scores in memory at once: 32 MB
METRICS = ("recall", "precision", "ndcg", "hit_rate")


def factor_scorer(user: np.ndarray, item: np.ndarray) -> Scorer:
    """Return the scorer of inner products.

    Shapes:
        user: (U, d); item: (I, d).
    """
    return lambda user_index: user[user_index] @ item.T


def mask_seen(scores: np.ndarray, user_index: np.ndarray, seen: Sequence[Csr]) -> None:
    """Set the scores of what each user has seen to -inf, in place.

    Shapes:
        scores: (B, I) float; user_index: (B,).
    """
    for indptr, indices in seen:
        starts, stops = indptr[user_index], indptr[user_index + 1]
        counts = stops - starts
        rows = np.repeat(np.arange(len(user_index)), counts)
        offsets = np.arange(counts.sum()) - np.repeat(np.cumsum(counts) - counts, counts)
        scores[rows, indices[np.repeat(starts, counts) + offsets]] = -np.inf


def top_k(scores: np.ndarray, k: int) -> tuple[np.ndarray, np.ndarray]:
    """Return the k best items of each row, best first; equal scores by the smaller index.

    Items at -inf are none: their places hold -1.

    Shapes:
        scores: (B, I); the result: (B, K) int64 and (B, K) float, K = min(k, I).
    """
    num_items = scores.shape[1]
    k = min(k, num_items)
    if k < num_items:
        best = np.argpartition(-scores, k - 1, axis=1)[:, :k]
        # Among items that tie with the last place, the partition picks any: take the first ones.
        edge = np.take_along_axis(scores, best, axis=1).min(axis=1)
        tied = (scores == edge[:, None]).sum(axis=1)
        inside = (np.take_along_axis(scores, best, axis=1) == edge[:, None]).sum(axis=1)
        for row in np.flatnonzero((tied > inside) & np.isfinite(edge)):
            order = np.lexsort((np.arange(num_items), -scores[row]))
            best[row] = order[:k]
    else:
        best = np.broadcast_to(np.arange(num_items), scores.shape).copy()
    values = np.take_along_axis(scores, best, axis=1)
    order = np.lexsort((best, -values), axis=1)
    best = np.take_along_axis(best, order, axis=1)
    values = np.take_along_axis(values, order, axis=1)
    return np.where(np.isfinite(values), best, -1), values


def rank(
    scorer: Scorer,
    user_index: np.ndarray,
    *,
    num_items: int,
    k: int,
    seen: Sequence[Csr] = (),
) -> Iterator[tuple[np.ndarray, np.ndarray, np.ndarray]]:
    """Yield blocks of users with their k best items: (user_index (B,), items (B, K), scores).

    Memory is bounded by the block, whatever the number of users.
    """
    block = max(1, BLOCK_SCORES // max(num_items, 1))
    for start in range(0, len(user_index), block):
        users = user_index[start : start + block]
        scores = np.array(scorer(users), dtype=np.float32)
        mask_seen(scores, users, seen)
        items, values = top_k(scores, k)
        yield users, items, values


def evaluate(
    scorer: Scorer,
    *,
    num_items: int,
    relevant: Csr,
    seen: Sequence[Csr] = (),
    ks: Sequence[int] = (5, 10, 20, 50),
    per_user: bool = False,
) -> dict[str, float] | dict[str, np.ndarray]:
    """Return recall, precision, NDCG and hit rate at each k, as `recall@20`.

    The mean over users with at least one relevant item; with `per_user` their (U,) values.

    Raises:
        ValueError: nobody has a relevant item, or a k is out of range.
    """
    indptr, indices = relevant
    counts = np.diff(indptr)
    users = np.flatnonzero(counts)
    if len(users) == 0:
        raise ValueError("nobody has an item to be found: the part to evaluate on is empty")
    for k in ks:
        if not 1 <= k <= num_items:
            raise ValueError(f"k is {k}; it lies from 1 to the number of items, {num_items:,}")
    rows = np.repeat(users, counts[users])
    keys = np.sort(rows.astype(np.int64) * num_items + indices)
    found = []
    for block, items, _ in rank(scorer, users, num_items=num_items, k=max(ks), seen=seen):
        wanted = block[:, None].astype(np.int64) * num_items + items
        at = np.searchsorted(keys, wanted).clip(max=len(keys) - 1)
        found.append((keys[at] == wanted) & (items >= 0))
    hits, num_relevant = np.concatenate(found), counts[users]
    values: dict[str, np.ndarray] = {}
    for k in ks:
        first = hits[:, :k]
        values[f"recall@{k}"] = metrics.recall(first, num_relevant)
        values[f"precision@{k}"] = metrics.precision(first)
        values[f"ndcg@{k}"] = metrics.ndcg(first, num_relevant)
        values[f"hit_rate@{k}"] = metrics.hit_rate(first)
    if per_user:
        return values
    return {name: float(value.mean()) for name, value in values.items()}
