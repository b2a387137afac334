"""Limits on the request rate of a client and on request bodies."""

from __future__ import annotations

import asyncio
import math
import time
from collections import OrderedDict
from collections.abc import Callable

from starlette.requests import ClientDisconnect
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from mmgcn.service.middleware import HttpMiddleware
from mmgcn.service.problems import Problem

MAX_CLIENTS = 10_000  # that are tracked at a time
BODY_SECONDS = 10.0
BURST_SECONDS = 2.0
CLOSE = {"connection": "close"}
UNLIMITED = ("/healthz", "/readyz")  # for health checks


class TokenBucket:
    """Limits the rate of an action of each client, by address, with a burst.

    Args:
        per_second: sustained rate of one client.
        burst: number at once.
    """

    def __init__(
        self, per_second: float, burst: float, *, clock: Callable[[], float] = time.monotonic
    ) -> None:
        self._rate, self._burst, self._clock = per_second, burst, clock
        self._clients: OrderedDict[str, tuple[float, float]] = OrderedDict()  # tokens, and when

    def wait_seconds(self, client: str, *, count: bool = True) -> float:
        """Return the seconds until a client may act; 0 if it may now, which counts as an action.

        Args:
            count: whether to count it.
        """
        now = self._clock()
        tokens, before = self._clients.pop(client, (self._burst, now))
        tokens = min(tokens + (now - before) * self._rate, self._burst)
        wait = 0.0 if tokens >= 1 else (1 - tokens) / self._rate
        self._clients[client] = (tokens if wait or not count else tokens - 1, now)
        if len(self._clients) > MAX_CLIENTS:
            self._clients.popitem(last=False)
        return wait


class RateLimit(HttpMiddleware):
    """Limits requests per client address by a token bucket.

    Args:
        per_second: sustained requests per second of one client; a burst may have twice as many.
    """

    def __init__(
        self, app: ASGIApp, per_second: float, *, clock: Callable[[], float] = time.monotonic
    ) -> None:
        super().__init__(app)
        self.bucket = TokenBucket(per_second, max(per_second * BURST_SECONDS, 1.0), clock=clock)

    async def _respond(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass the request on, or respond with 429."""
        if scope["path"] not in UNLIMITED:
            wait = self.bucket.wait_seconds(scope["client"][0] if scope["client"] else "")
            if wait > 0:
                seconds = math.ceil(wait)
                detail = f"wait {seconds} s before the next request"
                await Problem("too_many_requests", detail, retry_seconds=seconds).send(send)
                return
        await self._app(scope, receive, send)


class BodyLimit(HttpMiddleware):
    """Reads the body ahead of the app, and refuses one that is too long or too slow."""

    def __init__(self, app: ASGIApp, max_bytes: int) -> None:
        super().__init__(app)
        self._max_bytes = max_bytes

    async def _respond(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass the request on with its body, or respond with 408 or 413."""
        if scope["method"] in ("GET", "HEAD", "OPTIONS"):
            await self._app(scope, receive, send)
            return
        try:
            async with asyncio.timeout(BODY_SECONDS):
                body = await self._read(scope, receive)
        except ClientDisconnect:
            return
        except TimeoutError:
            detail = f"the body was not received within {BODY_SECONDS:g} s"
            await Problem("request_timeout", detail, headers=CLOSE).send(send)
            return
        if body is None:
            detail = f"the body is longer than {self._max_bytes:,} bytes"
            await Problem("body_too_long", detail, headers=CLOSE).send(send)
            return
        messages: list[Message] = [{"type": "http.request", "body": body, "more_body": False}]

        async def replay() -> Message:
            return messages.pop() if messages else await receive()

        await self._app(scope, replay, send)

    async def _read(self, scope: Scope, receive: Receive) -> bytes | None:
        """Return the body; None if it is too long, without reading the rest.

        Raises:
            ClientDisconnect: the client closed the connection.
        """
        declared = dict(scope["headers"]).get(b"content-length", b"0")
        if not declared.isdigit() or int(declared) > self._max_bytes:
            return None
        parts, size, more = [], 0, True
        while more:
            message = await receive()
            if message["type"] == "http.disconnect":
                raise ClientDisconnect
            parts.append(message.get("body", b""))
            size += len(parts[-1])
            if size > self._max_bytes:
                return None
            more = message.get("more_body", False)
        return b"".join(parts)
