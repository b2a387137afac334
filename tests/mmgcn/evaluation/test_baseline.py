"""The most popular items as a baseline on the validation part."""

import numpy as np
import pytest

from mmgcn.evaluation import baseline
from mmgcn.evaluation.baseline import popular_baseline
from mmgcn.run import Run
from tests.runs import write_vectors


def run_of(folder, seen, valid, *, popularity):
    """A run whose users have the given training and validation items."""
    vectors = np.zeros((len(seen), 1)), {"id": np.zeros((len(popularity), 1))}
    popularity = np.array(popularity)
    return Run.load(write_vectors(folder, *vectors, popularity=popularity, seen=seen, valid=valid))


def test_popular_items_are_ranked_without_those_of_training(tmp_path):
    # by popularity: i2, i0, i1; i3 has none
    run = run_of(tmp_path, [[2], [0], [1]], [[0], [1, 3], []], popularity=[2, 1, 3, 0])
    found = popular_baseline(run)
    assert (found.num_users, found.max_held_out) == (2, 2)
    # four items: one length of the lists. u0: i0 first of i0, i1, i3. u1: i2, i1, i3.
    assert found.metrics["recall@4"] == 1
    assert found.metrics["mrr@4"] == pytest.approx((1 + 1 / 2) / 2)


def test_a_run_without_a_validation_part_has_no_baseline(tmp_path):
    found = popular_baseline(run_of(tmp_path, [[0]], [[]], popularity=[1, 0]))
    assert (found.num_users, found.max_held_out, found.metrics) == (0, 0, {})


def test_a_sample_of_users_keeps_their_own_items(tmp_path, monkeypatch):
    rows = [[user % 3] for user in range(9)]
    monkeypatch.setattr(baseline, "MAX_SCORES", 9)  # three users of three items
    found = popular_baseline(run_of(tmp_path, [[] for _ in rows], rows, popularity=[3, 3, 3]))
    assert found.num_users == 3
    assert found.metrics["recall@3"] == 1  # every item is in a list of three
