"""Facts about a user, compared with ranks by hand."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from mmgcn.data.ids import UnknownIds
from mmgcn.run import Run
from mmgcn.serving.recommender import Recommender
from mmgcn.serving.user_facts import HeldOutItem, ranks_of, user_facts
from tests.runs import write_run_folder

ITEMS = ["a", "b", "c", "d", "e", "f"]


@pytest.fixture
def run(tmp_path):
    write_run_folder(tmp_path, ITEMS)
    return Run.load(tmp_path)


def test_the_rank_of_a_test_item_is_its_position_in_the_list(run):
    recommender = Recommender(run)
    for user in ("u0", "u7"):
        facts = user_facts(run, user)
        ranked = recommender.recommend([user], k=6)["item_id"].to_list()
        # Everybody watched b and c; d is the test item. By popularity: f, e, d, a.
        assert facts.test == [HeldOutItem("d", ranked.index("d") + 1, 3)]
        assert (facts.num_watched, facts.num_candidates) == (2, 4)


def test_a_test_item_that_was_watched_in_training_has_no_rank(run):
    np.save(run.path / "test_indices.npy", np.full(12, 1, dtype=np.int32))
    (item,) = user_facts(Run.load(run.path), "u0").test
    assert (item.item_id, item.rank, item.popular_rank) == ("b", 0, 0)


def test_an_unknown_user_is_an_error(run):
    with pytest.raises(UnknownIds, match="zoe"):
        user_facts(run, "zoe")


@given(st.lists(st.integers(0, 4), min_size=1, max_size=12))
def test_ranks_are_positions_in_the_stable_order(values):
    scores = np.array(values, dtype=float)
    order = sorted(range(len(values)), key=lambda item: (-values[item], item))
    assert ranks_of(scores, np.array(order)).tolist() == list(range(1, len(values) + 1))
