"""HttpMiddleware: the contract of middleware, which responds to a request or passes it on."""

from __future__ import annotations

from abc import ABC, abstractmethod

from starlette.types import ASGIApp, Receive, Scope, Send


class HttpMiddleware(ABC):
    """Middleware of HTTP requests; all else, such as the start of the service, is passed on."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Respond to a request, or pass it on."""
        if scope["type"] == "http":
            await self._respond(scope, receive, send)
        else:
            await self._app(scope, receive, send)

    @abstractmethod
    async def _respond(self, scope: Scope, receive: Receive, send: Send) -> None: ...
