"""Means, deviations, intervals and p-values, compared with printed tables."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mmgcn.study.statistics import holm, interval, p_value, spread, student, t_95


@pytest.mark.parametrize(
    ("degrees", "point"),
    # Printed in any table of Student's t.
    [(1, 12.706), (2, 4.303), (4, 2.776), (9, 2.262), (10, 2.228), (20, 2.086), (120, 1.980)],
)
def test_student_points_are_those_of_the_tables(degrees, point):
    assert t_95(degrees) == pytest.approx(point, abs=6e-4)


def test_the_interval_of_five_numbers():
    # mean 3, standard deviation sqrt(2.5), half width 2.776 sqrt(2.5) / sqrt(5)
    mean, low, high = interval([1, 2, 3, 4, 5])
    half = 2.7764 * (2.5 / 5) ** 0.5
    assert (mean, low, high) == pytest.approx((3, 3 - half, 3 + half))


def test_one_value_has_no_spread():
    assert spread([0.5]) is None
    assert interval([0.5]) == (0.5, None, None)


def test_no_degree_of_freedom_is_refused():
    with pytest.raises(ValueError, match="at least one degree"):
        t_95(0)
    with pytest.raises(ValueError, match="at least one degree"):
        p_value(1.0, 0)


@pytest.mark.parametrize(
    ("t", "degrees", "p"),
    # Printed in any table of Student's t; the last row is the normal distribution's.
    [
        *((12.706, 1, 0.05), (63.657, 1, 0.01), (4.303, 2, 0.05), (5.841, 3, 0.01)),
        *((2.776, 4, 0.05), (2.228, 10, 0.05), (2.617, 120, 0.01), (1.960, 5_000, 0.05)),
    ],
)
def test_p_values_are_those_of_the_tables(t, degrees, p):
    assert p_value(t, degrees) == pytest.approx(p, rel=2e-3)
    assert p_value(-t, degrees) == p_value(t, degrees)


def test_no_difference_and_any_without_error():
    assert p_value(0.0, 7) == 1
    assert student(0.0, [(0.0, 3)]) == (0, 0, 1)
    assert student(0.5, [(0.0, 3)]) == (0.5, 0.5, 0)


@given(st.floats(-50, 50), st.integers(1, 2_000))
def test_a_p_value_lies_from_0_to_1_and_falls_with_distance(t, degrees):
    p = p_value(t, degrees)
    assert 0 <= p <= 1
    assert p_value(1.1 * t, degrees) <= p + 1e-12


def test_errors_add_up_and_share_their_degrees():
    # 3 + 1 = 4, so the error is 2; 4^2 / (3^2 / 9 + 1^2 / 1) = 8 degrees, whose point is 2.306
    low, high, p = student(5.0, [(3.0, 9), (1.0, 1)])
    assert (low, high) == pytest.approx((5 - 2 * 2.306, 5 + 2 * 2.306))
    assert p == pytest.approx(p_value(2.5, 8))


@given(st.floats(1e-12, 1e3), st.integers(1, 500))
def test_one_error_keeps_its_degrees(square, degrees):
    low, high, _ = student(0.0, [(square, degrees)])
    assert high == pytest.approx(t_95(degrees) * square**0.5) == -low


def test_holm_by_hand():
    # 0.01 * 4; 0.02 * 3 = 0.06; 0.03 * 2 is 0.06, too; 0.5 * 1
    assert holm([0.5, 0.01, 0.03, 0.02]) == pytest.approx([0.5, 0.04, 0.06, 0.06])
    # 0.04 * 2, and 0.05 * 1 may not fall below it
    assert holm([0.04, 0.05]) == pytest.approx([0.08, 0.08])
    assert holm([0.9, 0.8]) == [1, 1]
    assert holm([]) == []


@given(st.lists(st.floats(0, 1), max_size=8))
def test_holm_makes_no_p_value_smaller_and_keeps_their_order(p_values):
    corrected = holm(p_values)
    assert all(before <= after <= 1 for before, after in zip(p_values, corrected, strict=True))
    pairs = sorted(zip(p_values, corrected, strict=True))
    assert [after for _, after in pairs] == sorted(corrected)
