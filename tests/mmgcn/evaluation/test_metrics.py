"""Metrics by arithmetic that a reader can redo."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import array_shapes, arrays

from mmgcn.evaluation import metrics

HITS = np.array([[True, False, True], [False, False, False]])


def test_recall_is_the_share_of_the_relevant_items():
    assert metrics.recall(HITS, np.array([4, 1])).tolist() == [2 / 4, 0]


def test_precision_is_the_share_of_the_list():
    assert metrics.precision(HITS).tolist() == [2 / 3, 0]


def test_hit_rate_needs_one_hit():
    assert metrics.hit_rate(HITS).tolist() == [1, 0]


def test_mrr_depends_on_the_first_hit():
    assert metrics.mrr(np.array([[False, False, True], *HITS])).tolist() == [1 / 3, 1, 0]


def test_ndcg_discounts_by_rank_and_compares_with_the_best_order():
    hits = np.array([[False, True, True]])
    gained = 1 / np.log2(3) + 1 / np.log2(4)
    best = 1 / np.log2(2) + 1 / np.log2(3)
    assert metrics.ndcg(hits, np.array([2])) == pytest.approx(gained / best)


def test_the_ideal_of_ndcg_has_at_most_k_hits():
    assert metrics.ndcg(np.array([[True, True, True]]), np.array([9])) == pytest.approx(1)


def test_coverage_counts_items_once_and_padding_never():
    assert metrics.coverage(np.array([[0, 1, -1], [1, 4, -1]]), num_items=6) == 3 / 6


@given(arrays(bool, array_shapes(min_dims=2, max_dims=2)), st.integers(0, 4))
def test_metrics_are_between_0_and_1_and_agree_on_a_hit(hits, missed):
    num_relevant = np.maximum(hits.sum(axis=1) + missed, 1)
    values = [
        metrics.recall(hits, num_relevant),
        metrics.precision(hits),
        metrics.ndcg(hits, num_relevant),
        metrics.hit_rate(hits),
        metrics.mrr(hits),
    ]
    for value in values:
        assert ((value >= 0) & (value <= 1 + 1e-12)).all()
        assert ((value > 0) == hits.any(axis=1)).all()


@given(st.integers(1, 8), st.integers(1, 8))
def test_a_perfect_list_has_an_ndcg_of_one(k, num_relevant):
    hits = np.arange(k)[None] < num_relevant
    assert metrics.ndcg(hits, np.array([num_relevant])) == pytest.approx(1)


@pytest.mark.parametrize(("num_items", "shorter"), [(19, 10), (5, 5), (3, 3)])
def test_lists_longer_than_the_catalogue_are_refused_with_shorter_ones(num_items, shorter):
    with pytest.raises(ValueError, match=f"ranks 20 of {num_items} items; .*=recall@{shorter}$"):
        metrics.refuse_longer_lists("recall@20", num_items)
    metrics.refuse_longer_lists("recall@20", 20)
