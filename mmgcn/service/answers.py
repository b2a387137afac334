"""Answers: what was said lately, kept as bytes, so that saying it again costs next to nothing."""

from __future__ import annotations

from collections import OrderedDict
from threading import Lock

MAX_BYTES = 64 << 20


class Answers:
    """Bodies of answers by what was asked; the least recently asked for go first.

    One belongs to one run and goes with it, so an answer never outlives its run.
    """

    def __init__(self, max_bytes: int = MAX_BYTES) -> None:
        self._max_bytes, self._num_bytes = max_bytes, 0
        self._bodies: OrderedDict[bytes, bytes] = OrderedDict()
        self._lock = Lock()

    def get(self, question: bytes) -> bytes | None:
        """Return the answer, if there is one."""
        with self._lock:
            body = self._bodies.get(question)
            if body is not None:
                self._bodies.move_to_end(question)
            return body

    def put(self, question: bytes, body: bytes) -> None:
        """Keep an answer."""
        if len(question) + len(body) > self._max_bytes:
            return
        with self._lock:
            before = self._bodies.pop(question, None)
            if before is not None:
                self._num_bytes -= len(question) + len(before)
            self._bodies[question] = body
            self._num_bytes += len(question) + len(body)
            while self._num_bytes > self._max_bytes:
                oldest, dropped = self._bodies.popitem(last=False)
                self._num_bytes -= len(oldest) + len(dropped)
