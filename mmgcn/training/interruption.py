"""Interruption: Ctrl-C and SIGTERM, deferred until a training can be stopped safely."""

from __future__ import annotations

import signal
import threading
from types import FrameType, TracebackType
from typing import Any, Self


class Interruption:
    """Context manager that sets `requested` on an interruption instead of raising it.

    A second interruption is raised at once, except with `ignore_repeats`, for processes that are
    sent the signal both by the terminal and by their launcher. Outside the main thread, where
    Python delivers no signals, it does nothing.
    """

    def __init__(self, *, ignore_repeats: bool = False) -> None:
        self.requested, self._ignore_repeats = False, ignore_repeats
        self._before: dict[int, Any] = {}

    def __enter__(self) -> Self:
        if threading.current_thread() is threading.main_thread():
            for number in (signal.SIGINT, signal.SIGTERM):
                self._before[number] = signal.signal(number, self._record)
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        for number, handler in self._before.items():
            signal.signal(number, handler)

    def _record(self, number: int, frame: FrameType | None) -> None:  # noqa: ARG002
        if self.requested and not self._ignore_repeats:
            raise KeyboardInterrupt
        self.requested = True
