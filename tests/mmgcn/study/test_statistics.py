"""Means, spreads and intervals against printed tables."""

import pytest

from mmgcn.study.statistics import interval, spread, t_95


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
