"""CacheMiddleware: response bodies kept in memory, by URL, for the run in service."""

from __future__ import annotations

from collections import OrderedDict
from threading import Lock
from typing import TYPE_CHECKING

from starlette.types import ASGIApp, Message, Receive, Scope, Send

from mmgcn.service.middleware import HttpMiddleware
from mmgcn.service.problems import send_body

if TYPE_CHECKING:
    from mmgcn.service.state import State

MAX_BYTES = 64 << 20
NO_STORE = (b"cache-control", b"no-store")
CACHED = tuple(
    f"/v1/{name}"
    for name in (
        *("recommend/", "similar/", "explain", "users", "items"),
        *("coverage", "baseline", "weighted/"),
    )
)


class ResponseCache:
    """Response bodies by path and query; the least recently used are dropped first.

    It belongs to one run and is replaced with it, so a response never outlives its run.
    """

    def __init__(self, max_bytes: int = MAX_BYTES) -> None:
        self._max_bytes, self._num_bytes = max_bytes, 0
        self._bodies: OrderedDict[bytes, bytes] = OrderedDict()
        self._lock = Lock()

    def get(self, key: bytes) -> bytes | None:
        """Return the body stored under a key, or None."""
        with self._lock:
            body = self._bodies.get(key)
            if body is not None:
                self._bodies.move_to_end(key)
            return body

    def put(self, key: bytes, body: bytes) -> None:
        """Store a body, and drop others while the limit is exceeded."""
        if len(key) + len(body) > self._max_bytes:
            return
        with self._lock:
            before = self._bodies.pop(key, None)
            if before is not None:
                self._num_bytes -= len(key) + len(before)
            self._bodies[key] = body
            self._num_bytes += len(key) + len(body)
            while self._num_bytes > self._max_bytes:
                oldest, dropped = self._bodies.popitem(last=False)
                self._num_bytes -= len(oldest) + len(dropped)


class CacheMiddleware(HttpMiddleware):
    """Answers repeated GET requests from the cache, before anything is parsed.

    Only responses that depend on nothing but the run and the URL are cached: lists, explanations,
    users, items and insights. A route opts out with the header Cache-Control: no-store.
    """

    def __init__(self, app: ASGIApp, state: State) -> None:
        super().__init__(app)
        self._state = state

    async def _respond(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Send a cached response, or pass the request on and cache its response."""
        if scope["method"] != "GET" or not _is_cached(scope["path"]):
            await self._app(scope, receive, send)
            return
        cache = self._state.live.cache
        key = scope["raw_path"] + b"?" + scope["query_string"]
        body = cache.get(key)
        if body is not None:
            self._state.metrics.cache_hits.inc()
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
                    self._put(cache, key, b"".join(parts))
            await send(message)

        await self._app(scope, receive, sending)

    def _put(self, cache: ResponseCache, key: bytes, body: bytes) -> None:
        """Store a body, unless another run was put into service meanwhile."""
        if self._state.live.cache is cache:
            cache.put(key, body)


def _is_cached(path: str) -> bool:
    return path.startswith(CACHED)
