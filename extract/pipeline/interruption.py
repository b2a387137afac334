"""Interruption: what Ctrl-C does to an extraction."""

from __future__ import annotations

import signal
import threading
from collections.abc import Callable
from types import FrameType


class Interruption:
    """Ctrl-C once: finish what is under way. Twice: stop now."""

    def __init__(self) -> None:
        self.asked = False
        self._then: Callable[[], None] = lambda: None

    def on_ask(self, then: Callable[[], None]) -> None:
        """Call that when it is asked for, or now if it was."""
        self._then = then
        if self.asked:
            then()

    def __enter__(self) -> Interruption:
        self._before = None
        if threading.current_thread() is threading.main_thread():
            self._before = signal.signal(signal.SIGINT, self._ask)
        return self

    def __exit__(self, *_: object) -> None:
        if self._before is not None:
            signal.signal(signal.SIGINT, self._before)

    def _ask(self, _number: int, _frame: FrameType | None) -> None:
        if self.asked:
            raise KeyboardInterrupt
        self.asked = True
        self._then()
