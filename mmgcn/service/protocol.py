"""BoundedProtocol: HTTP with limits on the size and the time of headers, trailers and chunks."""

from __future__ import annotations

import asyncio
from typing import Any

from uvicorn import Config
from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol
from uvicorn.server import ServerState

from mmgcn.service.problems import MEDIA_TYPE, Problem

MAX_HEAD_BYTES = 32 << 10
HEAD_SECONDS = 10.0
# Bytes of a request for one byte of its body: chunks of a single byte have five more around it.
MAX_FRAMING = 8


class BoundedProtocol(HttpToolsProtocol):
    """Responds with 431 to long headers, and with 408 to headers that do not arrive in time.

    The parser itself keeps a header in memory however long it is, before the application sees the
    request, and so before any token is checked. Trailers of chunked bodies count as headers.
    """

    def __init__(
        self,
        config: Config,
        server_state: ServerState,
        app_state: dict[str, Any],
        _loop: asyncio.AbstractEventLoop | None = None,
    ) -> None:
        super().__init__(config, server_state, app_state, _loop)
        self._is_refused, self._has_begun = False, False
        self._num_bytes, self._num_head_bytes, self._num_body_bytes = 0, 0, 0
        self._timer: asyncio.TimerHandle | None = None
        self._start_timer()  # of the first request: there is one instance for each connection

    def connection_lost(self, exc: Exception | None) -> None:
        """Stop the time limit."""
        self._stop_timer()
        super().connection_lost(exc)

    def data_received(self, data: bytes) -> None:
        """Parse data, unless the limits are exceeded."""
        if self._is_refused:
            return
        self._has_begun = False
        super().data_received(data)
        if self._has_begun:  # what precedes it in the data belongs to an earlier request
            self._num_bytes = 0
        else:
            self._num_bytes += len(data)
        if self._num_bytes - MAX_FRAMING * self._num_body_bytes > MAX_HEAD_BYTES:
            detail = f"the headers are longer than {MAX_HEAD_BYTES:,} bytes"
            self._refuse(Problem("headers_too_long", detail))

    def on_message_begin(self) -> None:
        """Begin to count."""
        super().on_message_begin()
        self._has_begun, self._num_head_bytes, self._num_body_bytes = True, 0, 0
        if self._timer is None:
            self._start_timer()

    def on_url(self, url: bytes) -> None:
        """Count the bytes of the URL."""
        self._num_head_bytes += len(url)
        super().on_url(url)

    def on_header(self, name: bytes, value: bytes) -> None:
        """Count the bytes of a header."""
        self._num_head_bytes += len(name) + len(value)
        super().on_header(name, value)

    def on_headers_complete(self) -> None:
        """Pass the request on, if its headers are within the limit."""
        self._stop_timer()
        if self._num_head_bytes > MAX_HEAD_BYTES:
            detail = f"the headers are longer than {MAX_HEAD_BYTES:,} bytes"
            self._refuse(Problem("headers_too_long", detail))
        if not self._is_refused:
            super().on_headers_complete()

    def on_body(self, body: bytes) -> None:
        """Count the bytes of the body."""
        self._num_body_bytes += len(body)
        if not self._is_refused:
            super().on_body(body)

    def on_message_complete(self) -> None:
        """End the request."""
        if not self._is_refused:
            super().on_message_complete()

    def _start_timer(self) -> None:
        self._timer = self.loop.call_later(HEAD_SECONDS, self._late)

    def _stop_timer(self) -> None:
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None

    def _late(self) -> None:
        detail = f"the headers were not received within {HEAD_SECONDS:g} s"
        self._refuse(Problem("request_timeout", detail))

    def _refuse(self, problem: Problem) -> None:
        """Send a problem, and close the connection."""
        self._stop_timer()
        if self._is_refused or self.transport.is_closing():
            return
        self._is_refused = True
        body = problem.body()
        head = (
            f"HTTP/1.1 {problem.status} Refused\r\ncontent-type: {MEDIA_TYPE}\r\n"
            f"content-length: {len(body)}\r\nconnection: close\r\n\r\n"
        )
        self.transport.write(head.encode() + body)
        self.transport.close()
