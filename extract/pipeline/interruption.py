"""Interruption: Ctrl-C during an extraction."""

from __future__ import annotations

import signal
import threading
from collections.abc import Callable
from types import FrameType


class Interruption:
    """Ctrl-C: the first one ends the run after the current clips, the second one at once."""

    def __init__(self) -> None:
        self.requested = False
        self._then: Callable[[], None] = lambda: None

    def on_request(self, then: Callable[[], None]) -> None:
        """Call a function at the first Ctrl-C, or now if that has happened."""
        self._then = then
        if self.requested:
            then()

    def __enter__(self) -> Interruption:
        self._before = None
        if threading.current_thread() is threading.main_thread():
            self._before = signal.signal(signal.SIGINT, self._handle)
        return self

    def __exit__(self, *_: object) -> None:
        if self._before is not None:
            signal.signal(signal.SIGINT, self._before)

    def _handle(self, _number: int, _frame: FrameType | None) -> None:
        if self.requested:
            raise KeyboardInterrupt
        self.requested = True
        self._then()
