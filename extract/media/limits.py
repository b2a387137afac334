"""How much of a file is believed and read, and what is said when it goes too far."""

from __future__ import annotations

import time
from dataclasses import dataclass


class MediaError(ValueError):
    """A file that cannot be read, with the reason in words for the person who has it."""


class DeadlineError(MediaError):
    """Reading a file took longer than it may."""


@dataclass(frozen=True)
class Limits:
    """Bounds that no honest clip meets. A file that goes beyond one is refused or cut short.

    Crashes, hangs inside a codec and memory are bounded by the process that decodes, not here.
    """

    max_pixels: int = 64_000_000
    """Pixels of a picture, width times height: 8K video has 33 million."""
    max_duration_seconds: float = 6 * 3600
    """What lies beyond is not read; the clip is then partial."""
    max_streams: int = 64
    max_packets: int = 10_000_000
    """Stored pieces of picture and sound together: six hours have about three million."""
    max_channels: int = 64
    max_sample_rate_hz: int = 768_000
    max_seconds: float | None = None
    """Time that reading may take, looked at between two packets, the consumer's not counted."""


class Deadline:
    """A stopwatch that raises once reading has taken longer than it may.

    It stands still while nobody reads, so that a slow consumer does not count against a file.
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
        """Raise `DeadlineError` if the time is up."""
        if self.seconds is None or self._started is None:
            return
        if self._spent_seconds + time.monotonic() - self._started > self.seconds:
            raise DeadlineError(f"took longer than {self.seconds:g} s to read")


def check_size(width: int, height: int, limits: Limits) -> None:
    """Raise `MediaError` if a picture has more pixels than the limits allow."""
    if width * height > limits.max_pixels:
        raise MediaError(
            f"a picture of {width} x {height} pixels is larger than the limit of "
            f"{limits.max_pixels:,} pixels"
        )
