"""Segments of packets for target frames, computed by hand."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from extract.media.segments import MAX_KEYS_BACK, Segment, can_skip_unreferenced, plan_segments


def keys(*indices: int, of: int = 20) -> list[int]:
    return [int(index in indices) for index in range(of)]


def segment(start: int, stop: int, *targets: int) -> Segment:
    return Segment(start, stop, frozenset(targets))


def test_a_segment_runs_from_the_key_frame_to_the_last_target():
    segments = plan_segments([2, 3, 12], pts=range(20), is_keyframe=keys(0, 10))
    assert segments == [segment(0, 4, 2, 3), segment(10, 13, 12)]


def test_a_frame_shown_before_its_key_frame_needs_the_previous_gop():
    # Stored 0:K 1 2 3:K 4 5, shown in the order 0 1 2 4 3 5.
    pts = [0, 1, 2, 4, 3, 5]
    assert plan_segments([4], pts=pts, is_keyframe=keys(0, 3, of=6)) == [segment(0, 5, 4)]
    assert plan_segments([5], pts=pts, is_keyframe=keys(0, 3, of=6)) == [segment(3, 6, 5)]
    assert plan_segments([4, 5], pts=pts, is_keyframe=keys(0, 3, of=6)) == [segment(0, 6, 4, 5)]


def test_a_target_without_a_key_frame_before_it_has_no_plan():
    assert plan_segments([1, 7], pts=range(20), is_keyframe=keys(5)) is None
    assert plan_segments([3], pts=range(20), is_keyframe=keys()) is None


def test_the_search_for_a_key_frame_is_bounded():
    pts = list(range(100, 0, -1))  # every frame is shown before the one stored before it
    every = [1] * 100
    assert plan_segments([99], pts=pts, is_keyframe=every) == [segment(99, 100, 99)]
    assert plan_segments([99], pts=[*pts[:-1], -1], is_keyframe=[*every[:-1], 0]) is None
    assert MAX_KEYS_BACK < 99


@given(
    targets=st.sets(st.integers(0, 29), min_size=1),
    is_keyframe=st.lists(st.integers(0, 1), min_size=30, max_size=30),
    pts=st.permutations(range(30)),
)
def test_segments_contain_every_target_once_and_do_not_overlap(targets, is_keyframe, pts):
    segments = plan_segments(sorted(targets), pts=pts, is_keyframe=is_keyframe)
    if segments is None:
        return
    assert sorted(index for part in segments for index in part.targets) == sorted(targets)
    for part in segments:
        assert is_keyframe[part.start]
        assert all(part.start <= index < part.stop for index in part.targets)
        assert all(
            any(is_keyframe[k] and pts[k] <= pts[index] for k in range(part.start, index + 1))
            for index in part.targets
        )
    starts_and_stops = [edge for part in segments for edge in (part.start, part.stop)]
    assert starts_and_stops == sorted(starts_and_stops)


def hvcc(num_layers: int) -> bytes:
    """Return the box of ISO/IEC 14496-15 up to the byte with the number of temporal layers."""
    return bytes([1, *[0] * 20, num_layers << 3 | 0b111])


@pytest.mark.parametrize(
    ("codec", "extradata", "can_skip"),
    [
        ("h264", None, True),
        ("hevc", hvcc(1), True),
        ("hevc", hvcc(3), False),
        ("hevc", hvcc(0), False),  # unknown
        ("hevc", None, False),
        ("hevc", b"\0\0\0\1\x40\1\x0c\1\xff\xff", True),  # sub-layers minus one = 0
        ("hevc", b"\0\0\0\1\x40\1\x0c\5\xff\xff", False),  # = 2
        ("hevc", b"\0\0\0\1\x40\1", False),
    ],
)
def test_unreferenced_frames_are_skipped_only_if_the_mark_is_reliable(codec, extradata, can_skip):
    assert can_skip_unreferenced(codec, extradata) == can_skip


def test_targets_can_be_numpy_integers():
    assert plan_segments(np.array([3]), pts=range(20), is_keyframe=keys(0)) == [segment(0, 4, 3)]
