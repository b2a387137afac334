"""Interruption: Ctrl-C and SIGTERM, granted where a training can be put down safely."""

from __future__ import annotations

import signal
import threading
from types import FrameType, TracebackType
from typing import Any, Self


class Interruption:
    """Notes an interruption in place of raising it; who works between its bounds asks `wanted`.

    A second interruption is raised at once, unless it is patient: who started several processes
    tells each of them again what the terminal has told all. Outside the main thread, where Python
    delivers no signal, it notes nothing.
    """

    def __init__(self, *, patient: bool = False) -> None:
        self.wanted, self._patient = False, patient
        self._before: dict[int, Any] = {}

    def __enter__(self) -> Self:
        if threading.current_thread() is threading.main_thread():
            for number in (signal.SIGINT, signal.SIGTERM):
                self._before[number] = signal.signal(number, self._note)
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        for number, handler in self._before.items():
            signal.signal(number, handler)

    def _note(self, number: int, frame: FrameType | None) -> None:  # noqa: ARG002
        if self.wanted and not self._patient:
            raise KeyboardInterrupt
        self.wanted = True
