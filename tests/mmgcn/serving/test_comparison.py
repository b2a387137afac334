"""The lists of a user in two runs."""

import numpy as np
import pytest

from mmgcn.data.ids import UnknownIds
from mmgcn.run import Run
from mmgcn.serving.comparison import compared_lists
from mmgcn.serving.recommender import Recommender
from tests.runs import write_run_folder

ITEMS = ["a", "b", "c", "d", "e", "f", "g"]


@pytest.fixture
def runs(tmp_path):
    """Two runs; the second lacks g, and ranks by other vectors."""
    write_run_folder(tmp_path / "one", ITEMS)
    write_run_folder(tmp_path / "two", ITEMS[:-1], num_users=5)
    return Run.load(tmp_path / "one"), Run.load(tmp_path / "two")


def test_each_list_has_the_ranks_of_the_other(runs):
    one, two = runs
    mine, theirs = compared_lists(one, two, "u2", k=4)
    full = [Recommender(run).recommend(["u2"], k=9)["item_id"].to_list() for run in runs]
    assert [item.item_id for item in mine] == full[0][:4]
    assert [item.item_id for item in theirs] == full[1][:4]
    for item in mine:
        assert item.other_rank == (None if item.item_id == "g" else full[1].index(item.item_id) + 1)
    assert [item.other_rank for item in theirs] == [
        full[0].index(item.item_id) + 1 for item in theirs
    ]


def test_an_item_that_was_watched_in_the_other_run_has_no_rank_there(runs):
    one, two = runs
    np.save(two.path / "seen_indices.npy", np.tile([3, 4], 5).astype(np.int32))
    mine, _ = compared_lists(one, Run.load(two.path), "u2", k=7)
    assert {item.item_id for item in mine if item.other_rank is None} == {"d", "e", "g"}


def test_a_user_of_one_run_alone_is_an_error(runs):
    with pytest.raises(UnknownIds, match="u9"):
        compared_lists(*runs, "u9", k=3)
