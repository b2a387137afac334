"""Hard limits for untrusted media files, and the errors when one is exceeded."""

from __future__ import annotations

import time
from dataclasses import dataclass


class MediaError(ValueError):
    """A file that cannot be read; the message is the reason, for the user."""


class DeadlineError(MediaError):
    """Reading a file exceeded its time limit."""


@dataclass(frozen=True)
class Limits:
    """Hard limits for untrusted input. A file that exceeds one is refused or truncated.

    The defaults are far above what real clips need. Crashes, memory and hangs inside a codec are
    handled by running it in a worker process, not by these limits.
    """

    max_pixels: int = 64_000_000
    """Pixels of a frame, width times height: 8K video has 33 million."""
    max_duration_seconds: float = 6 * 3600
    """Anything later is not read; the clip is then partial."""
    max_streams: int = 64
    """Streams of a container."""
    max_packets: int = 10_000_000
    """Packets of video and audio together: six hours have about three million."""
    max_channels: int = 64
    """Channels of an audio stream."""
    max_sample_rate_hz: int = 768_000
    """Sample rate of an audio stream."""
    max_seconds: float | None = None
    """Wall-clock time for reading, checked between packets, without the time of the consumer."""


class Deadline:
    """Stopwatch that raises once reading has exceeded its time limit.

    Runs only inside its `with` block, so that a slow consumer does not count against a file.
    """

    def __init__(self, seconds: float | None) -> None:
        self.seconds = seconds
        self._spent_seconds = 0.0
        self._started: float | None = None

    def __enter__(self) -> None:
        self._started = time.monotonic()

    def __exit__(self, *_: object) -> None:
        assert self._started is not None
        self._spent_seconds += time.monotonic() - self._started
        self._started = None

    def check(self) -> None:
        """Raise `DeadlineError` if the time limit is exceeded."""
        if self.seconds is None or self._started is None:
            return
        if self._spent_seconds + time.monotonic() - self._started > self.seconds:
            raise DeadlineError(f"took longer than {self.seconds:g} s to read")


def check_size(width: int, height: int, limits: Limits) -> None:
    """Raise `MediaError` if a frame has more pixels than the limits allow."""
    if width * height > limits.max_pixels:
        raise MediaError(
            f"a frame of {width} x {height} pixels is larger than the limit of "
            f"{limits.max_pixels:,} pixels"
        )
