"""Cutting audio and frames into windows, for any division into blocks."""

from types import SimpleNamespace

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from extract.encoder import ENCODERS
from extract.workers.windows import FrameWindowCutter, WindowCutter

SECONDS = st.integers(1, 12)


def cut(encoder, samples, sizes=()):
    """Return windows and their starts of samples that come in blocks of the given sizes."""
    cutter = WindowCutter(encoder)
    blocks = np.split(samples, np.cumsum(sizes)) if len(sizes) else [samples]
    found = [windows for block in blocks for windows in cutter.push(block)]
    found += cutter.finish()
    if not found:
        return [], []
    rows = np.concatenate([windows.data for windows in found])
    return rows.tolist(), np.concatenate([windows.pts_seconds for windows in found]).tolist()


def cut_slowly(samples, window, hop, shortest):
    """The same without blocks, at one sample a second."""
    rows = []
    start = 0
    while start + window <= len(samples):
        rows.append([*samples[start : start + window]])
        start += hop
    covered = start - hop + window if rows else 0
    if len(samples) - covered >= shortest or (not rows and len(samples)):
        rows.append([*samples[start:], *[0.0] * (window - len(samples[start:]))])
    return rows, [float(hop * index) for index in range(len(rows))]


def encoder(window, hop, shortest, rate=1):
    return SimpleNamespace(
        sample_rate_hz=rate,
        window_seconds=window,
        hop_seconds=hop,
        min_window_seconds=shortest,
    )


@given(st.data(), SECONDS, st.integers(0, 40))
def test_windows_do_not_depend_on_the_blocks_that_the_audio_comes_in(data, window, num):
    hop = data.draw(st.integers(1, window), label="hop")
    shortest = data.draw(st.integers(1, window), label="shortest")
    sizes = data.draw(st.lists(st.integers(0, 9), max_size=8), label="sizes")
    samples = np.arange(1, num + 1, dtype=np.float32)
    found = cut(encoder(window, hop, shortest), samples, sizes)
    assert found == cut_slowly(samples.tolist(), window, hop, shortest)


@pytest.mark.parametrize(
    ("num_samples", "num_windows"),
    [(0, 0), (1, 1), (3, 1), (4, 1), (5, 1), (6, 2), (8, 2)],
)
def test_a_short_rest_is_left_out_and_a_short_clip_is_not(num_samples, num_windows):
    # Windows of 4 without overlap; a rest counts from 2 samples on.
    rows, _ = cut(encoder(4, 4, 2), np.ones(num_samples, np.float32))
    assert len(rows) == num_windows


def test_starts_are_reported_in_seconds():
    # The third window ends at 1.92 + 0.975 = 2.895 s; 0.105 s are left, which is enough.
    _, starts = cut(encoder(0.975, 0.96, 0.1, rate=16_000), np.zeros(48_000, np.float32))
    np.testing.assert_allclose(starts, [0, 0.96, 1.92, 2.88])


def test_the_buffer_does_not_grow_with_the_clip():
    cutter = WindowCutter(ENCODERS.get("logmel"))
    for _ in range(50):
        list(cutter.push(np.zeros(16_000, np.float32)))
        assert len(cutter._buffer) < 0.975 * 16_000


# --- windows of frames ---


def cut_frames(times, duration, *, length, hop, fps, sizes=()):
    """Return windows of frame numbers, and their times, of frames that come in blocks."""
    cutter = FrameWindowCutter(
        SimpleNamespace(num_window_frames=length, num_hop_frames=hop, window_fps=fps)
    )
    times = np.array(times, np.float64)
    numbers = np.arange(len(times))
    at = np.cumsum(sizes) if len(sizes) else [0]
    found = []
    for block, when in zip(np.split(numbers, at), np.split(times, at), strict=True):
        found += cutter.push(block, when)
    found += cutter.finish(duration)
    windows = [window[0].tolist() for window, _ in found]
    return windows, [tuple(when[0].round(9).tolist()) for _, when in found]


def cut_frames_slowly(times, duration, *, length, hop):
    """The same at a frame a second, for times in whole seconds."""
    shown = [max(i for i, t in enumerate(times) if t <= k) for k in range(times[0], duration)]
    windows, ends = [], []
    start = 0
    while start + length <= len(shown):
        windows.append(shown[start : start + length])
        ends.append((times[0] + start, times[0] + start + length))
        start += hop
    rest = shown[start:]
    num_new = len(rest) - (length - hop if windows else 0)
    if not windows or 2 * num_new >= hop:
        windows.append(rest + [shown[-1]] * (length - len(rest)))
        ends.append((times[0] + start, times[0] + len(shown)))
    return windows, ends


@given(st.data(), SECONDS, st.integers(0, 5))
def test_windows_of_frames_repeat_what_is_shown_for_longer(data, length, first):
    hop = data.draw(st.integers(1, length), label="hop")
    gaps = data.draw(st.lists(st.integers(1, 4), min_size=1, max_size=20), label="gaps")
    sizes = data.draw(st.lists(st.integers(0, 9), max_size=8), label="sizes")
    ends = np.cumsum(gaps) + first
    times = [first, *ends[:-1].tolist()]
    duration = int(ends[-1]) - first
    found = cut_frames(times, duration, length=length, hop=hop, fps=1, sizes=sizes)
    windows, when = cut_frames_slowly(times, int(ends[-1]), length=length, hop=hop)
    assert found == (windows, [(float(a), float(b)) for a, b in when])


@pytest.mark.parametrize(
    ("num_frames", "num_windows"), [(0, 0), (1, 1), (4, 1), (5, 1), (6, 2), (9, 2), (10, 3)]
)
def test_a_short_rest_of_frames_is_left_out_and_a_short_clip_is_not(num_frames, num_windows):
    # Windows of 4 without overlap; a rest counts from 2 frames on.
    times = [k / 15 for k in range(num_frames)]
    windows, _ = cut_frames(times, num_frames / 15, length=4, hop=4, fps=15)
    assert len(windows) == num_windows


@pytest.mark.parametrize("late_seconds", [0.0, 0.1, 3.3])
def test_times_of_a_clip_at_the_rate_of_the_windows_repeat_no_frame(late_seconds):
    times = [late_seconds + k / 7.5 for k in range(100)]
    windows, when = cut_frames(times, 100 / 7.5, length=10, hop=10, fps=7.5)
    assert np.concatenate(windows).tolist() == list(range(100))
    starts = [late_seconds + k / 7.5 for k in range(0, 100, 10)]
    np.testing.assert_allclose([start for start, _ in when], starts)
