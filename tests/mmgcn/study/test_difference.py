"""Differences between models, with arithmetic by hand and properties."""

import csv
from itertools import pairwise

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as arrays

from mmgcn.study.difference import differences_of, table_of, write
from mmgcn.study.statistics import p_value

FIGURE = "valid recall@20"


def compare(baseline, **models):
    """Return the differences of models, given as rows of seeds and columns of users."""
    metrics = {"base": baseline, **models}
    users = {name: {FIGURE: np.asarray(rows, float)} for name, rows in metrics.items()}
    return differences_of(users, baseline="base")


def test_the_difference_of_two_solved_models_is_as_computed_by_hand():
    (found,) = compare([[0, 1, 0, 1]], other=[[1, 1, 1, 1]])
    # Differences 1, 0, 1, 0: mean 1/2, variance 1/3, so the error is sqrt(1/12) of 3 degrees.
    error = (1 / 12) ** 0.5
    assert (found.model, found.baseline, found.metric, found.users) == ("other", "base", FIGURE, 4)
    assert found.difference == 0.5
    assert (found.low, found.high) == pytest.approx((0.5 - 3.1824 * error, 0.5 + 3.1824 * error))
    assert found.p == found.p_holm == pytest.approx(p_value(0.5 / error, 3))
    assert not found.is_significant


def test_differing_seeds_widen_the_interval():
    # Every user is found better by 2 in one seed and by 0 in the other: users agree, seeds do not.
    (found,) = compare([[0, 0, 0]], other=[[2, 2, 2], [0, 0, 0]])
    # Seed means 2 and 0: variance 2, halved for two seeds, so the error is 1, of 1 degree.
    assert found.difference == 1
    assert (found.low, found.high) == pytest.approx((1 - 12.7062, 1 + 12.7062))
    assert found.p == pytest.approx(0.5)  # of one degree, half lies outside of -1 to 1


def test_the_p_values_of_a_metric_are_corrected_together():
    generator = np.random.default_rng(0)
    base = generator.random((1, 200))
    found = compare(base, near=base + generator.normal(0, 1, 200), far=base + 1.0)
    near, far = found
    assert far.p == 0
    assert far.p_holm == 0
    assert near.p_holm == near.p  # the larger of two is multiplied by one
    (alone, again) = compare(base, near=base + generator.normal(0.1, 1, 200), same=base)
    assert alone.p_holm == pytest.approx(2 * alone.p)
    assert again.p_holm == 1


def test_p_values_agree_with_a_randomisation_test():
    """Fisher's randomisation test: for equal models, each user's two values can be swapped."""
    generator = np.random.default_rng(1)
    base = generator.random(300)
    other = base + generator.normal(0.05, 0.5, 300) * generator.integers(0, 2, 300)
    (found,) = compare([base], other=[other])
    signs = generator.choice([-1, 1], size=(20_000, 300))
    drawn = abs((signs * (other - base)).mean(axis=1)) >= abs(found.difference)
    assert 0.001 < found.p < 0.5
    assert found.p == pytest.approx(drawn.mean(), abs=0.01)


def test_models_that_are_equal_but_for_their_seeds_rarely_differ_significantly():
    generator = np.random.default_rng(2)

    def trained(ease):
        """Recalls of 1,000 users by three trainings that differ by their seeds."""
        chance = ease + generator.normal(0, 0.02, (3, 1))
        return (generator.random((3, 1_000)) < chance).astype(float)

    by_users, by_both = 0, 0
    for _ in range(400):
        ease = generator.random(1_000) * 0.3
        one, other = trained(ease), trained(ease)
        by_both += compare(one, other=other)[0].p < 0.05
        by_users += compare(one.mean(0)[None], other=other.mean(0)[None])[0].p < 0.05
    assert by_both / 400 < 0.05
    assert by_users / 400 > 0.2


RECALLS = st.sampled_from([0.0, 0.25, 1 / 3, 0.5, 1.0])
SEEDS = arrays.arrays(float, st.tuples(st.integers(1, 3), st.just(6)), elements=RECALLS)


@given(SEEDS)
def test_a_model_does_not_differ_from_itself(metrics):
    (found,) = compare(metrics, same=metrics)
    assert found.difference == 0
    assert found.low <= 0 <= found.high
    assert found.p == 1


@given(SEEDS, SEEDS)
def test_the_other_way_round_it_is_the_same_with_the_other_sign(ours, theirs):
    (there,), (back,) = compare(theirs, other=ours), compare(ours, other=theirs)
    assert back.difference == pytest.approx(-there.difference)
    assert (back.low, back.high) == pytest.approx((-there.high, -there.low))
    assert back.p == pytest.approx(there.p)
    # Interval and p-value agree on whether there is a difference.
    if abs(there.p - 0.05) > 1e-3:
        assert (there.p < 0.05) == (there.low > 0 or there.high < 0)


@given(SEEDS, SEEDS, st.permutations(range(6)))
def test_the_order_of_users_does_not_matter(ours, theirs, order):
    (one,) = compare(theirs, other=ours)
    (two,) = compare(theirs[:, order], other=ours[:, order])
    assert two.difference == pytest.approx(one.difference)
    assert two.p == pytest.approx(one.p)


def test_more_users_narrow_the_interval():
    base, other = np.array([[0, 1, 0, 0, 1]]), np.array([[1, 1, 0, 1, 0]])
    p = [compare(np.tile(base, times), other=np.tile(other, times))[0].p for times in (1, 10, 100)]
    assert all(first > second for first, second in pairwise(p))


def test_a_single_user_has_no_interval():
    assert compare([[0.5]], other=[[1.0]]) == []


def test_the_table_and_the_file(tmp_path):
    base = np.arange(1_000)[None] % 2
    found = compare(base, better=base + (np.arange(1_000) % 5 == 0), same=base)
    columns, rows = table_of(found, FIGURE)
    assert columns == ["minus base", FIGURE, "95 % interval", "p (Holm)"]
    # A share of 0.2 of a thousand: the error is sqrt(0.2 * 0.8 / 999) = 0.01266, times 1.962.
    assert rows == [
        ["better", "+0.2000", "[+0.1752, +0.2248]", "< 0.0001"],
        ["same", "+0.0000", "[+0.0000, +0.0000]", "1.0000"],
    ]
    assert table_of(found, "test recall@20") == ([], [])
    write(tmp_path / "differences.csv", found)
    with (tmp_path / "differences.csv").open(newline="") as file:
        first, second = csv.DictReader(file)
    assert (first["model"], first["baseline"], first["metric"]) == ("better", "base", FIGURE)
    assert float(first["difference"]) == pytest.approx(0.2)
    assert (first["users"], second["p_holm"]) == ("1000", "1.0")
