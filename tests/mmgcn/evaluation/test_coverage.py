"""Coverage and bias of a run, compared with counts by hand."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from mmgcn.evaluation.coverage import (
    GroupShares,
    gini,
    list_exposure,
    modality_coverage,
    popularity_skew,
    run_coverage,
)
from mmgcn.run import Run
from tests.runs import write_vectors

COUNTS = st.lists(st.integers(0, 50), min_size=1, max_size=80)


def small_run(folder):
    """Four items; both users watched item 0, the second also item 1. Item 3 is cold."""
    item_parts = {
        "id": np.zeros((4, 2)),
        "visual": np.array([[9, 0], [4, 0], [3, 0], [2, 0]]),
        "acoustic": np.array([[0, 1], [0, 0], [0, 0], [0, 1]]),
    }
    user = np.array([[1, 0], [1, 0]])
    return Run.load(write_vectors(folder, user, item_parts, seen=[[0], [0, 1]], valid=[[2]]))


def test_lists_are_counted_without_watched_items(tmp_path):
    run = small_run(tmp_path)
    # u0 watched 0 and 2, u1 watched 0 and 1; scores fall from item 0 to item 3
    assert list_exposure(run, np.array([0, 1]), k=1).tolist() == [0, 1, 1, 0]
    assert list_exposure(run, np.array([0, 1]), k=2).tolist() == [0, 1, 1, 2]


def test_the_coverage_of_a_small_run_is_as_counted_by_hand(tmp_path):
    found = run_coverage(small_run(tmp_path), k=1)
    assert found.modalities == {"visual": 1.0, "acoustic": 0.5}
    assert found.catalogue_coverage == 0.5
    assert found.num_users == 2
    assert found.history_quantiles == [1, 1, 1, 1, 2]
    # head: the items that reach 80 % of 3 interactions, so both warm ones
    assert found.groups == {
        "head": GroupShares(items=0.5, interactions=1.0, lists=0.5),
        "tail": GroupShares(items=0.0, interactions=0.0, lists=0.0),
        "cold": GroupShares(items=0.5, interactions=0.0, lists=0.5),
    }
    assert found.as_dict()["groups"]["cold"]["lists"] == 0.5


@given(COUNTS)
def test_the_gini_coefficient_is_half_the_relative_mean_difference(counts):
    values = np.array(counts, dtype=float)
    difference = np.abs(values[:, None] - values).mean()
    expected = difference / (2 * values.mean()) if values.any() else 0
    assert gini(values) == pytest.approx(expected, abs=1e-6)


@given(COUNTS)
def test_a_lorenz_curve_rises_from_0_to_1_below_the_diagonal(counts):
    skew = popularity_skew(np.array(counts))
    items, interactions = np.array(skew.lorenz).T
    assert (items[0], interactions[0], items[-1]) == (0, 0, 1)
    assert interactions[-1] == (1 if any(counts) else 0)
    assert (np.diff(items) > 0).all()
    assert (np.diff(interactions) >= 0).all()
    assert (interactions <= items + 1e-6).all()


def test_the_top_tenth_of_twenty_items_are_two():
    skew = popularity_skew(np.array([10, 6, *[1] * 4, *[0] * 14]))
    assert skew.top == {"0.01": 0.5, "0.1": 0.8, "0.5": 1.0}
    assert skew.num_cold == 14


def test_counts_of_no_item_are_refused():
    with pytest.raises(ValueError, match="the counts are empty"):
        popularity_skew(np.zeros(0, dtype=int))


def test_an_item_covers_a_modality_that_it_has_of_its_own(tmp_path):
    run = small_run(tmp_path)
    run.present = {"visual": np.array([True, False, True, True])}
    assert modality_coverage(run) == {"visual": 0.75, "acoustic": 0.5}
