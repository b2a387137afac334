"""Problems: error responses, all of the form {"error": text, "nearest": [ids]}."""

from __future__ import annotations

import json
import logging
from collections.abc import Iterable, Mapping

from fastapi import FastAPI, Request, Response
from fastapi.exceptions import RequestValidationError
from starlette.exceptions import HTTPException
from starlette.types import Send

from mmgcn.data.ids import UnknownIds

logger = logging.getLogger("mmgcn.service")


class Problem(Exception):
    """An error response."""

    def __init__(
        self,
        status: int,
        error: str,
        *,
        nearest: list[str] | None = None,
        field: str | None = None,
        retry_seconds: int | None = None,
    ) -> None:
        super().__init__(error)
        self.status, self.error, self.nearest, self.field = status, error, nearest, field
        self.headers = {} if retry_seconds is None else {"Retry-After": str(retry_seconds)}


def json_bytes(value: object) -> bytes:
    """Return compact JSON. NaN and infinity, which JSON lacks, are errors."""
    return json.dumps(
        value, ensure_ascii=False, allow_nan=False, separators=(",", ":"), default=str
    ).encode("utf-8", "replace")


def json_response(value: object, status: int = 200) -> Response:
    """Return a response with the value as JSON."""
    return Response(json_bytes(value), status, media_type="application/json")


def problem_body(
    error: str, *, nearest: list[str] | None = None, field: str | None = None
) -> bytes:
    """Return the body of an error response."""
    body: dict[str, object] = {"error": error, "nearest": nearest or []}
    if field is not None:
        body["field"] = field
    return json_bytes(body)


async def send_body(
    send: Send, status: int, body: bytes, headers: Iterable[tuple[bytes, bytes]] = ()
) -> None:
    """Send a JSON body from a middleware."""
    start = [
        (b"content-length", str(len(body)).encode()),
        (b"content-type", b"application/json"),
        *headers,
    ]
    await send({"type": "http.response.start", "status": status, "headers": start})
    await send({"type": "http.response.body", "body": body})


def add_handlers(app: FastAPI) -> None:
    """Turn every error of a route into a response."""
    app.add_exception_handler(Problem, _problem)
    app.add_exception_handler(UnknownIds, _unknown)
    app.add_exception_handler(RequestValidationError, _invalid)
    app.add_exception_handler(HTTPException, _http)
    app.add_exception_handler(Exception, _unexpected)


def _response(status: int, body: bytes, headers: Mapping[str, str] | None = None) -> Response:
    return Response(body, status, headers=headers, media_type="application/json")


def _problem(_: Request, error: Exception) -> Response:
    assert isinstance(error, Problem)
    body = problem_body(error.error, nearest=error.nearest, field=error.field)
    return _response(error.status, body, error.headers)


def _unknown(_: Request, error: Exception) -> Response:
    assert isinstance(error, UnknownIds)
    text = f"there is no {error.kind} '{error.unknown[0]}' in this run"
    return _response(404, problem_body(text, nearest=error.nearest))


def _invalid(_: Request, error: Exception) -> Response:
    assert isinstance(error, RequestValidationError)
    first = error.errors()[0]
    # ("query", "k") -> "k"; ("body", "events", 0, "seconds") -> "events.0.seconds"
    field = ".".join(str(part) for part in first["loc"][1:]) or str(first["loc"][0])
    return _response(422, problem_body(f"{field}: {first['msg']}", field=field))


def _http(_: Request, error: Exception) -> Response:
    assert isinstance(error, HTTPException)
    return _response(error.status_code, problem_body(str(error.detail)), error.headers)


def _unexpected(request: Request, error: Exception) -> Response:
    logger.error("%s %s failed", request.method, request.url.path, exc_info=error)
    return _response(500, problem_body("internal error; the log of the service has the details"))
