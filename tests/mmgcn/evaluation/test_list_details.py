"""Details of lists other than accuracy, as counted by hand."""

import numpy as np
import pytest

from mmgcn.evaluation import metrics
from mmgcn.evaluation.list_details import list_details
from mmgcn.run import Run
from tests.runs import write_vectors


@pytest.fixture
def run(tmp_path):
    """Two users, six items whose scores fall from item 0 to item 5; items 4 and 5 are cold.

    u0 watched 0; u1 watched 0, 1, 2. The test part contains 1 and 4 of u0, and 3 of u1.
    """
    folder = write_vectors(
        tmp_path,
        np.ones((2, 1)),
        {"id": np.arange(6, 0, -1.0)[:, None]},
        items=list("abcdef"),
        popularity=np.array([2, 1, 1, 1, 0, 0]),
        seen=[[0], [0, 1, 2]],
        test=[[1, 4], [3]],
    )
    return Run.load(folder)


def test_the_details_of_a_small_run_are_as_counted_by_hand(run):
    content = {"visual": np.array([[1.0], [1], [1], [-1], [-1], [0]])}
    found = list_details(run, "test", content=content)
    # Lists of five: u0 [1, 2, 3, 4, 5], of which 1 and 4 are relevant; u1 [3, 4, 5], of which 3 is.
    assert found["map@5"] == pytest.approx(((1 / 1 + 2 / 4) / 2 + 1) / 2)
    assert found["mrr@5"] == 1
    assert found["coverage@5"] == pytest.approx(5 / 6)
    # -log2((n + 1) / 3): items of one interaction 0.585, cold ones 1.585
    one, none = np.log2(3 / 2), np.log2(3)
    assert found["novelty@5"] == pytest.approx(
        ((3 * one + 2 * none) / 5 + (one + 2 * none) / 3) / 2
    )
    # Popularity of the lists 3/5 and 1/3; of the histories 2 and 4/3.
    assert found["popularity_lift@5"] == pytest.approx((3 / 5 + 1 / 3) / (2 + 4 / 3) - 1)
    # u0: 1, 2 agree, 3, 4 agree, the others are opposite: (2 - 4) / 6; u1: 3 and 4 agree.
    assert found["diversity@5"] == pytest.approx(((1 + 2 / 6) + 0) / 2)
    assert found["recall@5 few"] == 1
    assert found["recall@5 many"] == 1
    assert found["recall@5 warm"] == 1
    assert found["recall@5 cold"] == 1


def test_groups_of_users_and_items_are_counted_separately(run, monkeypatch):
    monkeypatch.setattr("mmgcn.evaluation.ranking.KS", (1,))
    found = list_details(run, "test")
    # u0, of the shorter history, has [1]: one of two; u1 has [3].
    assert found["recall@1 few"] == 0.5
    assert found["recall@1 many"] == 1
    assert found["recall@1 warm"] == 1  # 1 of u0, 3 of u1
    assert found["recall@1 cold"] == 0  # 4 of u0
    assert "diversity@1" not in found  # without content


def test_a_part_without_items_has_no_details(run):
    assert list_details(run, "valid") == {}


def test_an_undefined_value_is_left_out(run):
    run.popularity = np.ones(6)  # no cold item, and none of the lists of one item is diverse
    found = list_details(run, "test", content={"visual": np.zeros((6, 1))})
    assert "recall@5 cold" not in found
    assert "diversity@5" not in found
    assert all(np.isfinite(value) for value in found.values())


def test_average_precision_of_lists_with_many_relevant_items_is_over_the_list():
    hits = np.array([[True, True], [False, True], [False, False]])
    found = metrics.average_precision(hits, np.array([5, 1, 1]))
    assert found.tolist() == [1.0, 0.5, 0.0]


def test_empty_lists_have_no_popularity():
    items = np.array([[-1, -1], [0, 1]])
    assert np.isnan(metrics.mean_popularity(items, np.array([2, 4]))[0])
    assert metrics.mean_popularity(items, np.array([2, 4]))[1] == 3
    assert np.isnan(metrics.novelty(items, np.array([2, 4]), num_users=4)[0])


def test_diversity_of_opposite_items_is_two_and_of_a_pair_in_three_a_mean():
    content = np.array([[1.0, 0], [-1, 0], [0, 1]])
    found = metrics.intra_list_diversity(np.array([[0, 1, -1], [0, 1, 2]]), content)
    # cosines -1; then -1, 0, 0
    assert found.tolist() == pytest.approx([2, 1 + 1 / 3])
