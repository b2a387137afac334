"""WindowCutter: a stream of audio -> the windows of an encoder."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from extract.encoder import Encoder, Windows


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
            start_seconds: time of the first of them; that of the first call is where windows begin.

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
        fresh = len(self._buffer) - (self._window - self._hop if self._num_cut else 0)
        if fresh >= self._shortest or (self._num_cut == 0 and len(self._buffer) > 0):
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
