"""Test interactions of a run: its own part, or a table that may name unknown users and items."""

import numpy as np
import pytest

from mmgcn.data.table import read_interactions
from mmgcn.evaluation.groups import evaluate_groups, item_groups
from mmgcn.evaluation.held_out import POPULAR, HeldOut
from mmgcn.evaluation.ranking import evaluate, factor_scorer
from mmgcn.run import Run
from tests.runs import write_run_folder

ITEMS = ["a", "b", "c", "d", "e"]


@pytest.fixture
def run(tmp_path):
    write_run_folder(tmp_path / "run", ITEMS)
    return Run.load(tmp_path / "run")


@pytest.fixture
def given(run, tmp_path):
    def make(*pairs):
        path = tmp_path / "test.csv"
        path.write_text("\n".join(["user_id,item_id", *pairs]))
        return HeldOut.given(run, read_interactions(path))

    return make


def test_its_own_part_is_ranked_by_the_run_and_by_popularity(run):
    part = HeldOut.own(run)
    assert list(part.scorers()) == ["made", POPULAR]
    groups = {"num_items": 5, "relevant": run.csr("test"), "seen": [run.csr("seen")], "ks": [5]}
    assert part.metrics() == evaluate(factor_scorer(run.user, run.item), **groups)
    # Of the unseen a, d and e, in the order e, d, a, everybody's d is the second.
    assert part.metrics(POPULAR)["mrr@5"] == 0.5


def test_a_table_with_the_same_pairs_gives_the_same_metrics(run, given):
    part = given(*(f"u{user},d" for user in range(12)))
    assert part.metrics(ks=[1, 2]) == HeldOut.own(run).metrics(ks=[1, 2])
    assert part.notes == []


def test_an_unknown_item_counts_and_is_in_no_list(given):
    part = given("u0,d", "u0,new", "u1,newer")
    assert part.metrics(ks=[5])["recall@5"] == (1 / 2 + 0) / 2
    assert part.metrics(POPULAR, ks=[5])["recall@5"] == (1 / 2 + 0) / 2
    assert part.notes == [
        "2 of 3 test interactions have a user (0) or an item (2) that is not in the run; they "
        "count in the metrics"
    ]


def test_an_unknown_user_is_represented_by_the_mean_of_the_others(run, given):
    part = given("nobody,c")
    scores = run.item @ run.user.mean(axis=0)
    rank = 1 + int((scores > scores[2]).sum())
    assert part.metrics(ks=[5])["mrr@5"] == pytest.approx(1 / rank)
    assert "a user (1) or an item (0)" in part.notes[0]


def test_users_without_training_interactions_are_not_in_the_mean(run, given):
    indptr = run.path / "seen_indptr.npy"
    offsets = np.load(indptr)
    offsets[:12] = 0  # the last user has seen it all
    np.save(indptr, offsets)
    np.save(run.path / "seen_indices.npy", np.arange(offsets[-1]) % 5)
    scores = given("nobody,c").scorers()["made"](np.array([12]))
    assert scores == pytest.approx(run.user[11:] @ run.item.T)


def test_pairs_of_the_run_are_left_out_with_a_note(run, given):
    part = given("u0,b", "u0,c", "u0,d", "nobody,b")
    assert part.notes[0] == (
        "2 of 4 test pairs are in the run's training or validation part; they were left out"
    )
    assert len(part) == 2
    assert given("u0,b").metrics() == {}


def test_unknown_items_are_cold(given):
    part = given("u0,d", "u1,new")
    groups = evaluate_groups(
        part.scorers()["made"],
        groups=item_groups(part.popularity),
        relevant=part.relevant,
        seen=part.seen,
        ks=[3],
    )
    # a was watched by nobody either; 6 items less the 2 that each user has seen
    assert (groups["cold"].num_items, groups["cold"].num_users) == (2, 1)
    assert groups["cold"].metrics["recall@3"] == 0
    assert groups["cold"].chance["recall@3"] == 3 / 4
