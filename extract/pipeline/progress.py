"""Progress of an extraction while it runs."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass

REPORT_SECONDS = 0.1


@dataclass(frozen=True)
class Progress:
    """Progress of an extraction.

    Args:
        doing: name of the current step, for the user.
        num_done, num_total: clips of this run, without those that were already up to date.
        num_failed: clips with a failed modality.
        num_rows: number of rows written: frames, windows and captions.
        seconds: seconds since the start.
        decode_seconds, encode_seconds, disk_seconds: time spent so far, summed over all processes;
            disk is reading for the hash, and writing.
    """

    doing: str
    num_done: int
    num_total: int
    num_failed: int
    num_rows: int
    seconds: float
    decode_seconds: float
    encode_seconds: float
    disk_seconds: float

    @property
    def bottleneck(self) -> str:
        """The step with the largest share of the time: decoding, encoding or the disk."""
        spent = {
            "decoding": self.decode_seconds,
            "encoding": self.encode_seconds,
            "the disk": self.disk_seconds,
        }
        return max(spent, key=lambda what: spent[what])


class ProgressReporter:
    """Counts, and reports the progress to a callback a few times a second."""

    def __init__(self, callback: Callable[[Progress], None] | None = None) -> None:
        self._callback = callback
        self._started = time.perf_counter()
        self._reported_at = 0.0
        self._doing = "starting"
        self.num_done = self.num_total = self.num_rows = 0
        self.failed: set[str] = set()
        self.decode_seconds = self.encode_seconds = self.disk_seconds = 0.0

    @property
    def seconds(self) -> float:
        """Seconds since the start."""
        return time.perf_counter() - self._started

    def start(self, doing: str) -> None:
        """Start a step, and report it at once."""
        if doing != self._doing:
            self._doing, self._reported_at = doing, 0.0
        self.update()

    def update(self, doing: str | None = None) -> None:
        """Report the progress, at most a few times a second."""
        self._doing = doing or self._doing
        now = time.monotonic()
        if self._callback is None or now - self._reported_at < REPORT_SECONDS:
            return
        self._reported_at = now
        self._callback(
            Progress(
                doing=self._doing,
                num_done=self.num_done,
                num_total=self.num_total,
                num_failed=len(self.failed),
                num_rows=self.num_rows,
                seconds=self.seconds,
                decode_seconds=self.decode_seconds,
                encode_seconds=self.encode_seconds,
                disk_seconds=self.disk_seconds,
            )
        )
