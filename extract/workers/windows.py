"""WindowCutter, FrameWindowCutter: cut a stream of audio or frames into windows of an encoder."""

from __future__ import annotations

import math
from collections.abc import Iterator

import numpy as np

from extract.encoder import Encoder, Windows
from extract.media import Sampling

TOLERANCE = 1e-6  # of a frame's duration: times are sums of floats


def sampling_of(encoder: Encoder, default: Sampling) -> Sampling:
    """Return the sampling of an encoder's frames; an encoder of video has its own frame rate."""
    return Sampling(fps=encoder.window_fps) if encoder.reads == "video" else default


class WindowCutter:
    """Cuts blocks of audio into windows; buffers at most one window and one block.

    Args:
        encoder: defines window, hop and shortest last window, in seconds.

    >>> from types import SimpleNamespace
    >>> cutter = WindowCutter(
    ...     SimpleNamespace(sample_rate_hz=1, window_seconds=3, hop_seconds=2, min_window_seconds=1)
    ... )
    >>> [w.data.tolist() for w in cutter.push(np.arange(6, dtype=np.float32))]
    [[[0.0, 1.0, 2.0], [2.0, 3.0, 4.0]]]
    >>> [w.data.tolist() for w in cutter.finish()]
    [[[4.0, 5.0, 0.0]]]
    """

    def __init__(self, encoder: Encoder | type[Encoder]) -> None:
        self._rate = encoder.sample_rate_hz
        self._window = round(encoder.window_seconds * self._rate)
        self._hop = round(encoder.hop_seconds * self._rate)
        self._shortest = max(1, round(encoder.min_window_seconds * self._rate))
        self._buffer = np.zeros(0, dtype=np.float32)
        self._start_seconds: float | None = None
        self._num_cut = 0

    def push(self, data: np.ndarray, start_seconds: float = 0.0) -> Iterator[Windows]:
        """Add samples, and yield the windows that are full.

        Args:
            data: the next samples.
            start_seconds: time of the first sample; the first window begins at that of the first
                call.

        Shapes:
            data: (S,) float32.
        """
        if self._start_seconds is None:
            self._start_seconds = start_seconds
        self._buffer = np.concatenate([self._buffer, data])
        if len(self._buffer) >= self._window:
            views = np.lib.stride_tricks.sliding_window_view(self._buffer, self._window)
            yield self._cut(views[:: self._hop].copy())

    def finish(self) -> Iterator[Windows]:
        """Yield the last window, padded with silence, if it contains enough audio."""
        # Samples of an earlier window do not count.
        num_new = len(self._buffer) - (self._window - self._hop if self._num_cut else 0)
        if num_new >= self._shortest or (self._num_cut == 0 and len(self._buffer) > 0):
            last = np.zeros((1, self._window), dtype=np.float32)
            last[0, : len(self._buffer)] = self._buffer[: self._window]
            yield self._cut(last)

    def _cut(self, windows: np.ndarray) -> Windows:
        first = self._num_cut
        self._num_cut += len(windows)
        self._buffer = self._buffer[len(windows) * self._hop :]
        starts = np.arange(first, self._num_cut) * (self._hop / self._rate)
        starts += self._start_seconds or 0.0
        return Windows(windows, self._rate, starts)


class FrameWindowCutter:
    """Cuts prepared frames into windows; buffers at most one window and one block.

    Frame k of the windows is the one displayed k / window_fps seconds after the first: a frame that
    is displayed for longer is repeated. A window begins every `num_hop_frames`. The last one is
    padded by repeating the last frame; it is dropped if less than half of its new frames are in the
    clip, except that a clip shorter than a window has one window.

    Args:
        encoder: defines the frames in a window and in a hop, and the frames per second.

    >>> from types import SimpleNamespace
    >>> cutter = FrameWindowCutter(
    ...     SimpleNamespace(num_window_frames=3, num_hop_frames=2, window_fps=1)
    ... )
    >>> found = [*cutter.push(np.arange(5), np.array([0.0, 1.0, 3.0, 4.0, 5.0]))]
    >>> [(windows.tolist(), times.tolist()) for windows, times in found]
    [([[0, 1, 1]], [[0.0, 3.0]]), ([[1, 2, 3]], [[2.0, 5.0]])]
    >>> [(windows.tolist(), times.tolist()) for windows, times in cutter.finish(6.0)]
    [([[3, 4, 4]], [[4.0, 6.0]])]
    """

    def __init__(self, encoder: Encoder | type[Encoder]) -> None:
        self._length, self._hop = encoder.num_window_frames, encoder.num_hop_frames
        self._fps = encoder.window_fps
        self._frames: list[np.ndarray] = []
        self._last: np.ndarray | None = None
        self._start_seconds = 0.0
        self._num_frames = self._num_cut = 0

    def push(
        self, frames: np.ndarray, pts_seconds: np.ndarray
    ) -> Iterator[tuple[np.ndarray, np.ndarray]]:
        """Add frames, and yield the windows that are full.

        Shapes:
            frames: (N, ...); pts_seconds: (N,); the result: (1, T, ...) and (1, 2), start and end.
        """
        for frame, when in zip(frames, pts_seconds.tolist(), strict=True):
            if self._last is None:
                self._start_seconds = when
            yield from self._repeat(self._count(when - self._start_seconds))
            self._last = frame

    def finish(self, seconds: float) -> Iterator[tuple[np.ndarray, np.ndarray]]:
        """Yield the remaining windows, which contain the last frame.

        Args:
            seconds: duration of the clip from its first frame, at which the last frame ends.

        Shapes:
            see `push`.
        """
        if self._last is None:
            return
        yield from self._repeat(max(self._count(seconds), self._num_frames + 1))
        num_new = len(self._frames) - (self._length - self._hop if self._num_cut else 0)
        if self._num_cut == 0 or 2 * num_new >= self._hop:
            num_own = len(self._frames)
            self._frames += [self._last] * (self._length - num_own)
            yield self._cut(num_own)

    def _count(self, seconds: float) -> int:
        """Return the number of frames before a time."""
        return math.ceil(seconds * self._fps - TOLERANCE)

    def _repeat(self, num_frames: int) -> Iterator[tuple[np.ndarray, np.ndarray]]:
        """Repeat the last frame until there are `num_frames` in total."""
        while self._last is not None and self._num_frames < num_frames:
            self._frames.append(self._last)
            self._num_frames += 1
            if len(self._frames) == self._length:
                yield self._cut(self._length)

    def _cut(self, num_own: int) -> tuple[np.ndarray, np.ndarray]:
        first = self._num_cut * self._hop
        times = self._start_seconds + np.array([[first, first + num_own]]) / self._fps
        window = np.stack(self._frames)[None]  # T of (...) -> (1, T, ...)
        self._frames = self._frames[self._hop :]
        self._num_cut += 1
        return window, times
