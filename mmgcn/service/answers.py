"""Answers: what was said lately, kept as bytes, so that saying it again costs next to nothing."""

from __future__ import annotations

from collections import OrderedDict
from threading import Lock
from typing import TYPE_CHECKING

from starlette.types import ASGIApp, Message, Receive, Scope, Send

from mmgcn.service.problems import send_body

if TYPE_CHECKING:
    from mmgcn.service.state import State

MAX_BYTES = 64 << 20
NO_STORE = (b"cache-control", b"no-store")
REMEMBERED = tuple(
    f"/v1/{name}" for name in ("recommend/", "similar/", "explain", "users", "items")
)


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


class Remembered:
    """Gives an answer that was given before, before anything is parsed.

    What depends on nothing but the run and the question: lists, reasons, users and items. An
    answer that depends on more says so, by its header Cache-Control: no-store.
    """

    def __init__(self, app: ASGIApp, state: State) -> None:
        self._app, self._state = app, state

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer, or pass the request on and keep its answer."""
        if scope["type"] != "http" or scope["method"] != "GET" or not _asks(scope["path"]):
            await self._app(scope, receive, send)
            return
        answers = self._state.live.answers
        question = scope["raw_path"] + b"?" + scope["query_string"]
        body = answers.get(question)
        if body is not None:
            self._state.metrics.remembered.inc()
            await send_body(send, 200, body)
            return
        keep, parts = False, []

        async def sending(message: Message) -> None:
            nonlocal keep
            if message["type"] == "http.response.start":
                keep = message["status"] == 200 and NO_STORE not in message["headers"]
            elif message["type"] == "http.response.body":
                parts.append(message.get("body", b""))
                if keep and not message.get("more_body", False):
                    self._keep(answers, question, b"".join(parts))
            await send(message)

        await self._app(scope, receive, sending)

    def _keep(self, answers: Answers, question: bytes, body: bytes) -> None:
        """Keep an answer, unless another run came into service while it was made."""
        if self._state.live.answers is answers:
            answers.put(question, body)


def _asks(path: str) -> bool:
    return path.startswith(REMEMBERED)
