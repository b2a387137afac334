"""Metrics by hand, and full ranking against sorting everything."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from mmgcn.evaluation import metrics
from mmgcn.evaluation.ranking import evaluate, factor_scorer, rank, top_k


def test_recall_precision_and_hit_rate_by_hand():
    hits = np.array([[True, False, True], [False, False, False]])
    assert metrics.recall(hits, np.array([4, 1])).tolist() == [0.5, 0]
    assert metrics.precision(hits).tolist() == [2 / 3, 0]
    assert metrics.hit_rate(hits).tolist() == [1, 0]


def test_ndcg_by_hand():
    hits = np.array([[False, True, True]])
    gained = 1 / np.log2(3) + 1 / np.log2(4)
    best = 1 / np.log2(2) + 1 / np.log2(3)
    assert metrics.ndcg(hits, np.array([2])) == pytest.approx(gained / best)
    # With more relevant items than places, the ideal fills the places.
    full = np.array([[True, True, True]])
    assert metrics.ndcg(full, np.array([9])) == pytest.approx(1)


@settings(deadline=None, max_examples=60)
@given(st.integers(1, 12), st.integers(0, 10**6))
def test_the_best_are_those_of_a_full_sort_ties_by_index(k, seed):
    rng = np.random.default_rng(seed)
    scores = rng.integers(0, 4, (5, 9)).astype(np.float32)
    scores[rng.random((5, 9)) < 0.3] = -np.inf
    items, values = top_k(scores, k)
    for row in range(5):
        order = sorted(range(9), key=lambda i: (-scores[row, i], i))[:k]
        expected = [i if np.isfinite(scores[row, i]) else -1 for i in order]
        assert items[row].tolist() == expected
        assert values[row].tolist() == [scores[row, i] for i in order]


def test_what_is_seen_is_never_ranked():
    user, item = np.ones((2, 1)), np.array([[3.0], [2.0], [1.0]])
    seen = (np.array([0, 1, 3]), np.array([0, 0, 1]))
    (_, items, _) = next(
        rank(factor_scorer(user, item), np.arange(2), num_items=3, k=3, seen=[seen])
    )
    assert items.tolist() == [[1, 2, -1], [2, -1, -1]]


def test_evaluation_is_the_mean_over_users_with_something_to_find():
    # Scores rank items 0, 1, 2, 3 for everybody. User 0 wants 1 and 3, user 1 nothing, user 2
    # wants 2 and has seen 0 and 1.
    user, item = np.ones((3, 1)), np.array([[4.0], [3.0], [2.0], [1.0]])
    relevant = (np.array([0, 2, 2, 3]), np.array([1, 3, 2]))
    seen = (np.array([0, 0, 0, 2]), np.array([0, 1]))
    figures = evaluate(
        factor_scorer(user, item), num_items=4, relevant=relevant, seen=[seen], ks=[1, 2]
    )
    assert figures["recall@1"] == pytest.approx((0 + 1) / 2)
    assert figures["recall@2"] == pytest.approx((0.5 + 1) / 2)
    assert figures["precision@2"] == pytest.approx((0.5 + 0.5) / 2)
    best = 1 / np.log2(2) + 1 / np.log2(3)
    assert figures["ndcg@2"] == pytest.approx(((1 / np.log2(3)) / best + 1) / 2)


def test_what_cannot_be_evaluated_is_refused():
    scorer = factor_scorer(np.ones((1, 1)), np.ones((2, 1)))
    with pytest.raises(ValueError, match="nobody has an item"):
        evaluate(scorer, num_items=2, relevant=(np.array([0, 0]), np.array([])))
    with pytest.raises(ValueError, match="k is 3; it lies from 1 to the number of items, 2"):
        evaluate(scorer, num_items=2, relevant=(np.array([0, 1]), np.array([0])), ks=[3])
