"""The most popular items as a baseline on the validation part."""

import numpy as np
import pytest

from mmgcn.data.ids import IdMap
from mmgcn.evaluation import baseline
from mmgcn.evaluation.baseline import popular_baseline
from mmgcn.run import Run
from mmgcn.run_writing import write_run


def run_of(folder, seen, valid, *, popularity):
    """A run whose users have the given training and validation items."""

    def csr(rows):
        indptr = np.concatenate([[0], np.cumsum([len(row) for row in rows])])
        return indptr, np.array([item for row in rows for item in row], dtype=int)

    num_items, num_users = len(popularity), len(seen)
    write_run(
        folder,
        config={"model": "made"},
        users=IdMap([f"u{i}" for i in range(num_users)], kind="user"),
        items=IdMap([f"i{i}" for i in range(num_items)], kind="item"),
        user=np.zeros((num_users, 1)),
        item_parts={"id": np.zeros((num_items, 1))},
        parts={"seen": csr(seen), "valid": csr(valid), "test": csr([[] for _ in seen])},
        popularity=np.array(popularity),
    )
    return Run.load(folder)


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
