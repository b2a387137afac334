"""Middleware on the address of a request: its host, its prefix, and its method."""

from __future__ import annotations

from starlette.routing import BaseRoute, Match
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from mmgcn.service.middleware import HttpMiddleware
from mmgcn.service.problems import Problem

STREAMED = ("/v1/videos/", "/v1/posters/", "/v1/sprites/")  # files, which answer HEAD themselves
METHODS = ("GET", "POST", "DELETE")


class OneHost(HttpMiddleware):
    """Refuses requests with several Host headers: a proxy may have checked another one."""

    async def _respond(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass the request on, or respond with 400."""
        hosts = [value for name, value in scope["headers"] if name == b"host"]
        if len(hosts) > 1:
            detail = f"the request has {len(hosts)} Host headers; send one"
            await Problem("malformed_request", detail).send(send)
            return
        await self._app(scope, receive, send)


class RootPath(HttpMiddleware):
    """Removes the path prefix under which a proxy serves the service, if the proxy kept it.

    The application knows only addresses without the prefix; those that it returns have it.

    Args:
        prefix: such as `/mm`; not empty.
    """

    def __init__(self, app: ASGIApp, prefix: str) -> None:
        super().__init__(app)
        self._prefix = prefix

    async def _respond(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass the request on, or redirect from the prefix alone to the page."""
        path, raw = scope["path"], scope["raw_path"]
        if path == self._prefix:  # where relative addresses would lack it
            location = f"{self._prefix}/".encode()
            if scope["query_string"]:
                location += b"?" + scope["query_string"]
            start = {"type": "http.response.start", "status": 308}
            await send({**start, "headers": [(b"location", location), (b"content-length", b"0")]})
            await send({"type": "http.response.body", "body": b""})
            return
        if path.startswith(f"{self._prefix}/"):
            scope = {
                **scope,
                "path": path[len(self._prefix) :],
                "raw_path": raw[len(self._prefix) :],
            }
        await self._app(scope, receive, send)


class HeadAndOptions(HttpMiddleware):
    """Answers HEAD as GET without a body, and OPTIONS with the methods of an address.

    Args:
        routes: of the application.
    """

    def __init__(self, app: ASGIApp, routes: list[BaseRoute]) -> None:
        super().__init__(app)
        self._routes = routes

    async def _respond(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass the request on, or respond to OPTIONS with 204."""
        if scope["method"] == "OPTIONS":
            allowed = self._allowed(scope)
            if allowed:
                headers = [(b"allow", ", ".join([*allowed, "OPTIONS"]).encode())]
                await send({"type": "http.response.start", "status": 204, "headers": headers})
                await send({"type": "http.response.body", "body": b""})
                return
        elif scope["method"] == "HEAD" and not scope["path"].startswith(STREAMED):

            async def sending(message: Message) -> None:
                if message["type"] == "http.response.body":
                    message = {**message, "body": b""}
                await send(message)

            await self._app({**scope, "method": "GET"}, receive, sending)
            return
        await self._app(scope, receive, send)

    def _allowed(self, scope: Scope) -> list[str]:
        found = [
            method
            for method in METHODS
            if any(r.matches({**scope, "method": method})[0] is Match.FULL for r in self._routes)
        ]
        return ["GET", "HEAD", *found[1:]] if "GET" in found else found
