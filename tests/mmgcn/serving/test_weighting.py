"""Lists with weights of the channels."""

import numpy as np
import pytest

from mmgcn.run import Run
from mmgcn.serving.recommender import Recommender
from mmgcn.serving.weighting import WeightError, parse_weights, weighted_list
from tests.runs import write_run_folder


@pytest.fixture
def run(tmp_path):
    write_run_folder(tmp_path, [f"i{number}" for number in range(30)])
    return Run.load(tmp_path)


@pytest.mark.parametrize("filter_seen", [True, False])
def test_with_equal_weights_a_list_is_that_of_the_recommender(run, filter_seen):
    table = Recommender(run).recommend(["u3"], k=10, filter_seen=filter_seen)
    found = weighted_list(run, "u3", {}, k=10, filter_seen=filter_seen)
    assert [(item.item_id, item.rank) for item in found] == list(
        table.select("item_id", "rank").iter_rows()
    )
    np.testing.assert_allclose([item.score for item in found], table["score"], rtol=1e-4, atol=1e-5)
    assert [item.rank_before for item in found] == list(range(1, 11))


def test_a_score_is_the_weighted_sum_of_its_parts(run):
    weights = {"visual": 2.0, "acoustic": 0.5}
    found = weighted_list(run, "u3", weights, k=30)
    assert [item.rank_before for item in found] != sorted(item.rank_before for item in found)
    for item in found:
        expected = 2 * item.parts["visual"] + 0.5 * item.parts["acoustic"]
        assert item.score == pytest.approx(expected, abs=1e-5)
    assert sorted(item.rank_before for item in found) == list(range(1, 29))  # two were watched


def test_a_channel_alone_orders_by_its_part(run):
    found = weighted_list(run, "u1", {"visual": 0.0}, k=30)
    parts = [item.parts["acoustic"] for item in found]
    assert parts == sorted(parts, reverse=True)


@pytest.mark.parametrize(
    ("weights", "message"),
    [
        ({"smell": 1.0}, "no channel 'smell'; it has: visual, acoustic"),
        ({"visual": -1.0}, "the weight of visual is -1; it must be from 0 to 10"),
        ({"visual": float("nan")}, "the weight of visual is nan"),
        ({"visual": 11.0}, "the weight of visual is 11"),
    ],
)
def test_invalid_weights_are_refused(run, weights, message):
    with pytest.raises(WeightError, match=message):
        weighted_list(run, "u1", weights)


@pytest.mark.parametrize("text", ["visual", "visual:", ":1", "visual:much"])
def test_a_weight_of_another_form_is_refused(text):
    with pytest.raises(WeightError, match=f"the weight is '{text}'"):
        parse_weights([text])


def test_a_channel_may_contain_a_colon():
    assert parse_weights(["a:b:2"]) == {"a:b": 2.0}
