"""ReloadLog: the attempts of a process to load a new run."""

from __future__ import annotations

from collections import deque
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Literal

MAX_ENTRIES = 50

Outcome = Literal["loaded", "refused"]


@dataclass(frozen=True)
class ReloadEntry:
    """An attempt to load a new run.

    Args:
        at: time in UTC, ISO 8601.
        run: the run that was loaded or refused.
        reason: why it was refused.
    """

    at: str
    outcome: Outcome
    run: str
    reason: str | None = None


class ReloadLog:
    """The last attempts of this process to load a new run.

    Attributes:
        since: when it was created, in UTC, ISO 8601.
    """

    def __init__(self) -> None:
        self.since = _now()
        self._entries: deque[ReloadEntry] = deque(maxlen=MAX_ENTRIES)

    def add(self, outcome: Outcome, run: str, reason: str | None = None) -> None:
        """Add an attempt with the current time."""
        self._entries.append(ReloadEntry(_now(), outcome, run, reason))

    def latest(self) -> list[ReloadEntry]:
        """Return the attempts, newest first."""
        return list(self._entries)[::-1]


def _now() -> str:
    return datetime.now(UTC).isoformat(timespec="seconds")
