"""Progress: where an extraction stands, told while it runs."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass

TELL_SECONDS = 0.1


@dataclass(frozen=True)
class Progress:
    """Where an extraction stands.

    Args:
        doing: what it does now, for a person.
        num_done, num_total: clips of this run; those that were up to date before do not count.
        num_failed: clips of which some modality failed.
        num_rows: frames, windows and captions that became rows.
        seconds: since the start.
        decode_seconds, encode_seconds, disk_seconds: spent so far, summed over all processes; the
            disk's share is reading for the hash, and writing.
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
        """What takes most of the time: decoding, encoding or the disk."""
        spent = {
            "decoding": self.decode_seconds,
            "encoding": self.encode_seconds,
            "the disk": self.disk_seconds,
        }
        return max(spent, key=lambda what: spent[what])


class Teller:
    """Counts what is done, and tells a callback a few times a second."""

    def __init__(self, callback: Callable[[Progress], None] | None = None) -> None:
        self._callback = callback
        self._started = time.perf_counter()
        self._told_at = 0.0
        self._doing = "starting"
        self.num_done = self.num_total = self.num_rows = 0
        self.failed: set[str] = set()
        self.decode_seconds = self.encode_seconds = self.disk_seconds = 0.0

    @property
    def seconds(self) -> float:
        """Since the start."""
        return time.perf_counter() - self._started

    def now(self, doing: str) -> None:
        """Say what is done from now on; tells it at once."""
        if doing != self._doing:
            self._doing, self._told_at = doing, 0.0
        self.tell()

    def tell(self, doing: str | None = None) -> None:
        """Tell how far it is, and what is done, unless something was told a moment ago."""
        self._doing = doing or self._doing
        now = time.monotonic()
        if self._callback is None or now - self._told_at < TELL_SECONDS:
            return
        self._told_at = now
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
