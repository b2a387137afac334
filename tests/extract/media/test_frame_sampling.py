"""Sampling selects frames, in arithmetic that a reader can redo."""

from fractions import Fraction

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from extract.media import Sampling


def choose(sampling: Sampling, pts: list[int], time_base: Fraction = Fraction(1, 1000)):
    keys = np.arange(len(pts)) % 12 == 0
    return sampling.choose(
        np.array(pts, dtype=np.int64), time_base=time_base, is_keyframe=keys
    ).tolist()


def test_the_default_is_sixteen_frames():
    assert Sampling() == Sampling(num_frames=16)
    assert Sampling().provenance == {"num_frames": 16}


def test_frames_are_selected_at_the_middle_of_equal_parts():
    # 10 frames of 100 ms last 1000 ms; the middles of 4 parts are at 125, 375, 625 and 875 ms.
    assert choose(Sampling(num_frames=4), list(range(0, 1000, 100))) == [1, 3, 6, 8]


def test_parts_are_equal_in_time_and_not_in_frames():
    # 8 frames in the first 80 ms, then two long ones: 990 ms to the last, which lasts 110 ms.
    pts = [0, 10, 20, 30, 40, 50, 60, 70, 80, 990]
    assert choose(Sampling(num_frames=2), pts) == [8]  # 275 and 825 ms


def test_a_time_equal_to_the_start_of_a_frame_selects_that_frame():
    # 50 frames in 25 parts: the middle of part i is the start of frame 2i + 1, in any time base.
    for time_base in (Fraction(1, 25), Fraction(1, 3), Fraction(1001, 30000)):
        assert choose(Sampling(num_frames=25), list(range(50)), time_base) == list(range(1, 50, 2))


def test_fps_selects_the_frame_that_is_shown_at_each_tick():
    pts = [0, 400, 900, 1000, 2500]  # lasts 3125 ms: at 0, 1, 2 and 3 s frames 0, 3, 3 and 4
    assert choose(Sampling(fps=1), pts) == [0, 3, 4]
    assert choose(Sampling(fps=2), pts) == [0, 1, 3, 4]


def test_every_nth_and_keyframes_count_frames():
    pts = list(range(0, 2500, 100))
    assert choose(Sampling(every_nth=10), pts) == [0, 10, 20]
    assert choose(Sampling(keyframes=True), pts) == [0, 12, 24]


def test_a_clip_without_frames_has_no_selection():
    assert choose(Sampling(), []) == []


@pytest.mark.parametrize(
    "wrong", [{"num_frames": 0}, {"fps": -1.0}, {"fps": float("nan")}, {"every_nth": 0}]
)
def test_a_rule_needs_a_positive_number(wrong):
    with pytest.raises(ValueError, match="must be positive"):
        Sampling(**wrong)


def test_two_rules_at_once_are_refused():
    with pytest.raises(ValueError, match="one sampling rule at a time"):
        Sampling(fps=1, keyframes=True)


SAMPLINGS = st.one_of(
    st.builds(Sampling, num_frames=st.integers(1, 40)),
    st.builds(Sampling, fps=st.floats(0.01, 1e9)),
    st.builds(Sampling, every_nth=st.integers(1, 40)),
)


@given(sampling=SAMPLINGS, pts=st.lists(st.integers(-1000, 10**6), min_size=1, unique=True))
def test_indices_increase_and_at_least_one_frame_is_selected(sampling, pts):
    chosen = choose(sampling, sorted(pts))
    assert chosen
    assert chosen == sorted(set(chosen))
    assert chosen[0] >= 0
    assert chosen[-1] < len(pts)


@given(sampling=SAMPLINGS, pts=st.lists(st.integers(0, 10**6), min_size=1, unique=True))
def test_the_selection_does_not_depend_on_the_start_time(sampling, pts):
    pts = sorted(pts)
    assert choose(sampling, [t + 12345 for t in pts]) == choose(sampling, pts)
