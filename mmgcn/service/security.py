"""Security: who may ask, and what a browser may do with the answers."""

from __future__ import annotations

import hmac
from collections.abc import Sequence
from http.cookies import CookieError, SimpleCookie
from urllib.parse import parse_qs

from starlette.types import ASGIApp, Message, Receive, Scope, Send

from mmgcn.service.problems import problem_body, send_body

COOKIE = "mmgcn_token"
SESSION = "/v1/session"
PUBLIC = ("/", "/healthz", "/readyz")  # and what lies under /static/: the page holds no data
HEADERS = (
    (
        b"content-security-policy",
        b"default-src 'self'; base-uri 'none'; object-src 'none'; form-action 'self'; "
        b"frame-ancestors 'none'",
    ),
    (b"x-content-type-options", b"nosniff"),
    (b"referrer-policy", b"no-referrer"),
    (b"cross-origin-resource-policy", b"same-origin"),
)
LOOPBACK_NAMES = ("localhost", "127.0.0.1", "[::1]")


class StrictHeaders:
    """Adds to every answer what keeps a browser from doing more with it than we mean."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass the request on."""

        async def sending(message: Message) -> None:
            if message["type"] == "http.response.start":
                headers = list(message.get("headers", ()))
                if not any(name == b"cache-control" for name, _ in headers):
                    headers.append((b"cache-control", b"no-store"))
                message["headers"] = [*headers, *HEADERS]
            await send(message)

        await self._app(scope, receive, sending)


class LoopbackHost:
    """Refuses a request under a name that is not this machine's own.

    A page of another host may point a name of its own at 127.0.0.1 (DNS rebinding); its requests
    still carry that name.
    """

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass the request on, or answer 403."""
        if scope["type"] == "http" and not is_loopback_name(_header(scope, b"host")):
            told = problem_body("ask under localhost or 127.0.0.1, or set a token")
            await send_body(send, 403, told)
            return
        await self._app(scope, receive, send)


class TokenRequired:
    """Refuses who does not show the token: as `Authorization: Bearer`, or as a cookie.

    A browser's images and videos can send no header, so `/?token=T` sets the cookie and leads to
    `/`, and the page's POST to /v1/session, with the header, sets it too; it is never read by
    scripts, nor sent with requests that other sites begin.
    """

    def __init__(self, app: ASGIApp, token: str) -> None:
        self._app, self._token = app, token.encode()

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass the request on, or answer 401."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        if scope["path"] == "/" and scope["query_string"]:
            shown = parse_qs(scope["query_string"].decode("latin-1")).get("token", [""])[0]
            if self._is_token(shown.encode()):
                await self._let_in(send, 303, [(b"location", b"/")])
                return
        asks = scope["path"] == SESSION and scope["method"] == "POST"
        if asks and self._is_token(_shown_token(scope)):
            await self._let_in(send, 201)
            return
        public = scope["path"] in PUBLIC or scope["path"].startswith("/static/")
        if public or self._is_token(_shown_token(scope)):
            await self._app(scope, receive, send)
            return
        told = problem_body("a token is needed: send Authorization: Bearer TOKEN")
        await send_body(send, 401, told, [(b"www-authenticate", b"Bearer")])

    def _is_token(self, shown: bytes) -> bool:
        return hmac.compare_digest(shown, self._token)

    async def _let_in(
        self, send: Send, status: int, headers: Sequence[tuple[bytes, bytes]] = ()
    ) -> None:
        cookie = COOKIE.encode() + b"=" + self._token + b"; Path=/; HttpOnly; SameSite=Strict"
        await send_body(send, status, b"{}", [(b"set-cookie", cookie), *headers])


def is_loopback_name(host: str) -> bool:
    """Return whether a Host header names this machine.

    >>> is_loopback_name("localhost:8000"), is_loopback_name("[::1]"), is_loopback_name("evil.com")
    (True, True, False)
    """
    name = host if host.endswith("]") else host.rpartition(":")[0] or host
    return name.lower() in LOOPBACK_NAMES


def _shown_token(scope: Scope) -> bytes:
    kind, _, token = _header(scope, b"authorization").partition(" ")
    if kind.lower() == "bearer":
        return token.strip().encode("latin-1")
    try:
        cookies = SimpleCookie(_header(scope, b"cookie"))
    except CookieError:
        return b""
    return cookies[COOKIE].value.encode("latin-1", "replace") if COOKIE in cookies else b""


def _header(scope: Scope, name: bytes) -> str:
    return next((value.decode("latin-1") for key, value in scope["headers"] if key == name), "")
