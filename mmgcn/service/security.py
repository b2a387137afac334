"""Security: tokens, Host checks and response headers for browsers."""

from __future__ import annotations

import hmac
import logging
import math
from collections.abc import Sequence
from http.cookies import CookieError, SimpleCookie
from urllib.parse import parse_qs

from starlette.types import ASGIApp, Message, Receive, Scope, Send

from mmgcn.service.limits import TokenBucket
from mmgcn.service.middleware import HttpMiddleware
from mmgcn.service.problems import Problem, send_body

logger = logging.getLogger("mmgcn.service")

COOKIE = "mmgcn_token"
GUESSES_PER_SECOND, MAX_GUESSES = 1.0, 20.0  # wrong tokens of one address: rate and burst
SESSION = "/v1/session"
PUBLIC = ("/", "/healthz", "/readyz")  # and /static/: the page itself contains no data
POLICY = (
    "default-src 'self'; base-uri 'none'; object-src 'none'; form-action 'self'; "
    "frame-ancestors 'none'"
)
DOCS_HEADERS = {"content-security-policy": f"{POLICY}; img-src 'self' data:"}  # icons in its CSS
HEADERS = (
    (b"content-security-policy", POLICY.encode()),
    (b"x-content-type-options", b"nosniff"),
    (b"referrer-policy", b"no-referrer"),
    (b"cross-origin-resource-policy", b"same-origin"),
)
LOOPBACK_NAMES = ("localhost", "127.0.0.1", "[::1]")


class StrictHeaders(HttpMiddleware):
    """Adds headers that restrict what a browser does with a response (CSP, nosniff, CORP)."""

    async def _respond(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass the request on, and add the headers to its response."""

        async def sending(message: Message) -> None:
            if message["type"] == "http.response.start":
                headers = list(message.get("headers", ()))
                given = {name for name, _ in headers}
                if b"cache-control" not in given:
                    headers.append((b"cache-control", b"no-store"))
                message["headers"] = [*headers, *(one for one in HEADERS if one[0] not in given)]
            await send(message)

        await self._app(scope, receive, sending)


class LoopbackHost(HttpMiddleware):
    """Refuses requests whose Host header is not a loopback name.

    Another site may resolve its own name to 127.0.0.1 (DNS rebinding); the Host header of its
    requests still contains that name.
    """

    async def _respond(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass the request on, or respond with 403."""
        if not is_loopback_name(_header(scope, b"host")):
            detail = "use localhost or 127.0.0.1 as the host, or set a token"
            await Problem("host_refused", detail).send(send)
            return
        await self._app(scope, receive, send)


class TokenRequired(HttpMiddleware):
    """Refuses requests without the token, sent as `Authorization: Bearer` or as a cookie.

    Wrong tokens are logged, and their rate is limited by address: above it, requests are refused
    without comparing the token.

    Images and videos of a browser cannot send a header. So `/?token=T` sets the cookie and
    redirects to `/`, and a POST to /v1/session with the header sets it too. Scripts cannot read
    the cookie, and requests from other sites do not include it.
    """

    def __init__(self, app: ASGIApp, token: str, root_path: str = "") -> None:
        super().__init__(app)
        self._token = token.encode()
        self._page = f"{root_path}/"
        self._guesses = TokenBucket(GUESSES_PER_SECOND, MAX_GUESSES)

    async def _respond(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass the request on, or respond with 401."""
        public = scope["path"] in PUBLIC or scope["path"].startswith("/static/")
        token = _token_of(scope)
        opens_page = scope["path"] == "/" and scope["query_string"]
        if opens_page:
            query = parse_qs(scope["query_string"].decode("latin-1"))
            token = query.get("token", [""])[0].encode()
        if (token and not public) or (opens_page and token):
            client = scope["client"][0] if scope["client"] else ""
            wait = self._guesses.wait_seconds(client, count=False)
            if wait > 0:
                seconds = math.ceil(wait)
                detail = f"too many wrong tokens from this address; wait {seconds} s"
                await Problem("too_many_requests", detail, retry_seconds=seconds).send(send)
                return
            if self._is_token(token):
                if opens_page:
                    location = [(b"location", self._page.encode())]
                    await self._set_cookie(scope, send, 303, location)
                elif scope["path"] == SESSION and scope["method"] == "POST":
                    await self._set_cookie(scope, send, 201)
                else:
                    await self._app(scope, receive, send)
                return
            self._guesses.wait_seconds(client)
            logger.warning("a wrong token from %s for %s", client or "?", scope["path"])
        if public:
            await self._app(scope, receive, send)
            return
        detail = "a token is required: send Authorization: Bearer TOKEN"
        await Problem("token_required", detail, headers={"WWW-Authenticate": "Bearer"}).send(send)

    def _is_token(self, token: bytes) -> bool:
        return hmac.compare_digest(token, self._token)

    async def _set_cookie(
        self, scope: Scope, send: Send, status: int, headers: Sequence[tuple[bytes, bytes]] = ()
    ) -> None:
        path = self._page.encode()
        cookie = COOKIE.encode() + b"=" + self._token + b"; Path=" + path
        cookie += b"; HttpOnly; SameSite=Strict"
        if scope["scheme"] == "https":
            cookie += b"; Secure"
        await send_body(send, status, b"{}", [(b"set-cookie", cookie), *headers])


def is_loopback_name(host: str) -> bool:
    """Return whether a Host header is a loopback name.

    >>> is_loopback_name("localhost:8000"), is_loopback_name("[::1]"), is_loopback_name("evil.com")
    (True, True, False)
    """
    name = host if host.endswith("]") else host.rpartition(":")[0] or host
    return name.lower() in LOOPBACK_NAMES


def _token_of(scope: Scope) -> bytes:
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
