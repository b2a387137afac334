"""Full ranking compared with a full sort, and its mean by hand."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from mmgcn.evaluation import ranking
from mmgcn.evaluation.ranking import METRICS, evaluate, factor_scorer, hits, rank, top_k


def csr(rows):
    """[[1, 2], []] -> indptr [0, 2, 2], indices [1, 2]."""
    indptr = np.concatenate([[0], np.cumsum([len(row) for row in rows])]).astype(np.int64)
    return indptr, np.array([item for row in rows for item in row], dtype=np.int32)


@settings(max_examples=80)
@given(st.integers(1, 12), st.integers(0, 10**6), st.sampled_from([np.float32, np.float64]))
def test_the_best_items_are_those_of_a_full_sort_with_ties_by_index(k, seed, dtype):
    rng = np.random.default_rng(seed)
    scores = rng.integers(0, 4, (5, 9)).astype(dtype)
    scores[rng.random((5, 9)) < rng.random()] = -np.inf
    items, values = top_k(scores, k)
    for row in range(5):
        order = sorted(range(9), key=lambda item: (-scores[row, item], item))[:k]
        assert items[row].tolist() == [i if np.isfinite(scores[row, i]) else -1 for i in order]
        assert values[row].tolist() == [scores[row, item] for item in order]


@pytest.mark.parametrize("k", [1, 3, 9])
@pytest.mark.parametrize("row", [[np.nan, 1, 2, 3], [-np.inf, np.nan, -np.inf, 0]])
def test_scores_that_are_nan_are_refused(row, k):
    with pytest.raises(ValueError, match="not numbers"):
        top_k(np.array([row]), k)


def test_an_empty_list_is_refused():
    with pytest.raises(ValueError, match="k is 0"):
        top_k(np.ones((1, 3)), 0)


def test_seen_items_of_any_part_are_excluded_and_lists_are_padded():
    user, item = np.ones((2, 1)), np.array([[3.0], [2.0], [1.0]])
    train, valid = csr([[0], [0]]), csr([[], [1]])
    (_, items, _) = next(
        rank(factor_scorer(user, item), np.arange(2), num_items=3, k=3, seen=[train, valid])
    )
    assert items.tolist() == [[1, 2, -1], [2, -1, -1]]


@settings(max_examples=20)
@given(seed=st.integers(0, 10**6), data=st.data())
def test_blocks_do_not_change_the_result_or_the_scores(seed, data):
    rng = np.random.default_rng(seed)
    table = rng.integers(0, 9, (200, 7)).astype(np.float32)
    untouched = table.copy()
    users = np.array(data.draw(st.permutations(range(200))))
    seen = csr([rng.permutation(7)[: rng.integers(0, 4)] for _ in range(200)])
    blocks = list(rank(lambda rows: table[rows], users, num_items=7, k=3, seen=[seen]))
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(ranking, "BLOCK_SCORES", 1)
        patch.setattr(ranking, "MIN_BLOCK_USERS", 7)
        small = list(rank(lambda rows: table[rows], users, num_items=7, k=3, seen=[seen]))
    assert len(small) > len(blocks)
    for output in range(3):
        np.testing.assert_array_equal(
            np.concatenate([block[output] for block in blocks]),
            np.concatenate([block[output] for block in small]),
        )
    np.testing.assert_array_equal(table, untouched)


@settings(max_examples=60)
@given(seed=st.integers(0, 10**6), k=st.integers(1, 9))
def test_hits_are_the_same_counted_or_looked_up_in_the_lists(seed, k):
    rng = np.random.default_rng(seed)
    scores = rng.integers(0, 4, (6, 9)).astype(np.float32)
    scores[rng.random((6, 9)) < 0.2] = -np.inf
    untouched = scores.copy()
    parts = [csr([rng.permutation(9)[: rng.integers(0, 4)] for _ in range(8)]) for _ in range(3)]
    users = rng.permutation(8)[:6]
    relevant, *seen = parts
    found = {}
    for way, least in (("counted", 0), ("looked up", np.inf)):
        with pytest.MonkeyPatch.context() as patch:
            patch.setattr(ranking, "SCORES_PER_PAIR", least)
            found[way] = hits(scores, users, relevant=relevant, seen=seen, k=k)
    np.testing.assert_array_equal(found["counted"], found["looked up"])
    for row, user in enumerate(users):
        excluded = {i for part in seen for i in part[1][part[0][user] : part[0][user + 1]]}
        order = sorted(range(9), key=lambda item, row=row: (-scores[row, item], item))
        ranked = [i for i in order if i not in excluded and scores[row, i] > -np.inf][:k]
        user_items = relevant[1][relevant[0][user] : relevant[0][user + 1]]
        expected = [item in user_items for item in ranked]
        assert found["counted"][row].tolist() == expected + [False] * (k - len(expected))
    np.testing.assert_array_equal(scores, untouched)


@pytest.mark.parametrize("least", [0, np.inf])
def test_hits_among_scores_that_are_no_numbers_are_refused(least, monkeypatch):
    monkeypatch.setattr(ranking, "SCORES_PER_PAIR", least)
    with pytest.raises(ValueError, match="not numbers"):
        hits(np.array([[1, np.nan]]), np.array([0]), relevant=csr([[0]]), seen=[], k=1)


def test_evaluation_is_the_mean_over_users_with_relevant_items():
    # Scores rank items 0, 1, 2, 3 for everybody. User 0 wants 1 and 3, user 1 nothing, user 2
    # wants 2 and has seen 0 and 1.
    scorer = factor_scorer(np.ones((3, 1)), np.array([[4.0], [3.0], [2.0], [1.0]]))
    relevant, seen = csr([[1, 3], [], [2]]), csr([[], [], [0, 1]])
    metrics = evaluate(scorer, num_items=4, relevant=relevant, seen=[seen], ks=[1, 2])
    assert metrics["recall@1"] == pytest.approx((0 / 2 + 1) / 2)
    assert metrics["recall@2"] == pytest.approx((1 / 2 + 1) / 2)
    assert metrics["precision@2"] == pytest.approx((1 / 2 + 1 / 2) / 2)
    best = 1 / np.log2(2) + 1 / np.log2(3)
    assert metrics["ndcg@2"] == pytest.approx(((1 / np.log2(3)) / best + 1) / 2)
    assert metrics["hit_rate@1"] == pytest.approx((0 + 1) / 2)
    assert metrics["mrr@2"] == pytest.approx((1 / 2 + 1) / 2)
    assert set(metrics) == {f"{name}@{k}" for name in METRICS for k in (1, 2)}


def test_the_values_of_users_come_in_the_order_of_their_rows():
    scorer = factor_scorer(np.ones((3, 1)), np.array([[4.0], [3.0], [2.0], [1.0]]))
    values = evaluate(scorer, num_items=4, relevant=csr([[3], [], [0]]), ks=[1], per_user=True)
    assert values["recall@1"].tolist() == [0, 1]


def test_a_relevant_item_that_was_seen_counts_as_missed():
    scorer = factor_scorer(np.ones((1, 1)), np.array([[2.0], [1.0]]))
    relevant, seen = csr([[0, 1]]), csr([[0]])
    metrics = evaluate(scorer, num_items=2, relevant=relevant, seen=[seen], ks=[2])
    assert metrics["recall@2"] == 1 / 2


def test_invalid_evaluations_are_refused():
    scorer = factor_scorer(np.ones((1, 1)), np.ones((2, 1)))
    with pytest.raises(ValueError, match="no user has a relevant item"):
        evaluate(scorer, num_items=2, relevant=csr([[]]))
    with pytest.raises(ValueError, match="k is 3; it must be from 1 to the number of items, 2"):
        evaluate(scorer, num_items=2, relevant=csr([[0]]), ks=[3])


def test_a_further_metric_is_the_mean_of_its_values_of_users():
    def last_hit(hits, num_relevant):
        return (hits * np.arange(1, hits.shape[1] + 1)).max(axis=1) + 0 * num_relevant

    scores = np.array([[3.0, 2.0, 1.0], [1.0, 2.0, 3.0]])
    relevant = np.array([0, 1, 3]), np.array([1, 0, 2], dtype=np.int32)
    found = evaluate(
        lambda users: scores[users],
        num_items=3,
        relevant=relevant,
        ks=[1, 3],
        more_metrics=[last_hit],
    )
    # User 0: item 1 at rank 2. User 1: items 2 and 0 at ranks 1 and 3.
    assert found["last_hit@3"] == (2 + 3) / 2
    assert found["last_hit@1"] == (0 + 1) / 2


@pytest.mark.parametrize("name", ["<lambda>", "recall"])
def test_a_further_metric_needs_a_name_of_its_own(name):
    def metric(hits, _num_relevant):
        return hits[:, 0]

    metric.__name__ = name
    relevant = np.array([0, 1]), np.array([0], dtype=np.int32)
    with pytest.raises(ValueError, match=f"a further metric is called '{name}'"):
        evaluate(
            lambda _: np.ones((1, 2)), num_items=2, relevant=relevant, ks=[1], more_metrics=[metric]
        )


def test_a_further_metric_returns_one_value_per_user():
    def total(hits, _num_relevant):
        return hits.sum()

    relevant = np.array([0, 1]), np.array([0], dtype=np.int32)
    with pytest.raises(
        ValueError, match=r"total returned the shape \(\); expected one value per user"
    ):
        evaluate(
            lambda _: np.ones((1, 2)), num_items=2, relevant=relevant, ks=[1], more_metrics=[total]
        )
