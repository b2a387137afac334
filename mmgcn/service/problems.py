"""Problems: error responses, all of them problem documents (RFC 9457) with a code."""

from __future__ import annotations

import json
import logging
from collections.abc import Iterable
from typing import Any

from fastapi import FastAPI, Request, Response
from fastapi.exceptions import RequestValidationError
from starlette.exceptions import HTTPException
from starlette.types import Send

from mmgcn.data.ids import UnknownIds
from mmgcn.service.validation_text import field_of, text_of

logger = logging.getLogger("mmgcn.service")

MEDIA_TYPE = "application/problem+json"
# Code -> status and title. Clients decide by the code; the detail is for people.
CODES: dict[str, tuple[int, str]] = {
    "malformed_request": (400, "The request cannot be read."),
    "malformed_range": (400, "The Range header cannot be read."),
    "token_required": (401, "The token is missing or wrong."),
    "host_refused": (403, "The Host header is not a name of this service."),
    "not_found": (404, "The address does not exist."),
    "unknown_user": (404, "The user is not in the run."),
    "unknown_item": (404, "The item is not in the run."),
    "unknown_channel": (404, "The run or the item has no such channel."),
    "unknown_modality": (404, "The run has no such modality."),
    "unknown_cursor": (404, "The cursor is not one of this list."),
    "no_video": (404, "The item has no video file."),
    "no_poster": (404, "The video has no poster."),
    "no_sprite": (404, "The video has no sprite."),
    "unknown_run": (404, "The folder of runs has no such run."),
    "method_not_allowed": (405, "The address has no such method."),
    "request_timeout": (408, "The request was not received in time."),
    "damaged_run": (409, "The run cannot be read."),
    "no_map": (409, "The map cannot be computed here."),
    "cursor_expired": (410, "The list has changed since its first page."),
    "body_too_long": (413, "The body is too long."),
    "range_not_satisfiable": (416, "The range is outside the file."),
    "invalid_request": (422, "A part of the request is invalid."),
    "unknown_parameter": (422, "The request has a parameter that the address does not have."),
    "headers_too_long": (431, "The headers are too long."),
    "too_many_requests": (429, "Too many requests."),
    "internal_error": (500, "The service failed."),
    "poster_pending": (503, "The poster is not drawn yet."),
    "feedback_off": (503, "The service stores no feedback."),
    "feedback_unavailable": (503, "The feedback database does not answer."),
}
OF_STATUS = {400: "malformed_request", 404: "not_found", 405: "method_not_allowed"}


class Problem(Exception):
    """An error response.

    Args:
        code: one of CODES, which defines the status.
        detail: a sentence on this occurrence: what was received, what was expected, what to do.
        nearest: known ids that are similar to an unknown one.
        field: the part of the request that is wrong.
    """

    def __init__(
        self,
        code: str,
        detail: str,
        *,
        nearest: list[str] | None = None,
        field: str | None = None,
        retry_seconds: int | None = None,
        headers: dict[str, str] | None = None,
    ) -> None:
        super().__init__(detail)
        self.code, self.detail, self.nearest, self.field = code, detail, nearest or [], field
        self.status, self.title = CODES[code]
        self.headers = dict(headers or {})
        if retry_seconds is not None:
            self.headers["Retry-After"] = str(retry_seconds)

    def body(self) -> bytes:
        """Return the problem document."""
        document: dict[str, Any] = {
            "type": f"urn:mmgcn:problem:{self.code}",
            "title": self.title,
            "status": self.status,
            "detail": self.detail,
            "code": self.code,
            "nearest": self.nearest,
        }
        if self.field is not None:
            document["field"] = self.field
        return json_bytes(document)

    def response(self) -> Response:
        """Return the response of a route."""
        return Response(self.body(), self.status, headers=self.headers, media_type=MEDIA_TYPE)

    async def send(self, send: Send) -> None:
        """Send the response from a middleware."""
        headers = [(k.lower().encode(), v.encode("latin-1")) for k, v in self.headers.items()]
        await send_body(send, self.status, self.body(), headers, media_type=MEDIA_TYPE)


def json_bytes(value: object) -> bytes:
    """Return compact JSON. NaN and infinity, which JSON lacks, are errors."""
    return json.dumps(
        value, ensure_ascii=False, allow_nan=False, separators=(",", ":"), default=str
    ).encode("utf-8", "replace")


def json_response(value: object, status: int = 200) -> Response:
    """Return a response with the value as JSON."""
    return Response(json_bytes(value), status, media_type="application/json")


async def send_body(
    send: Send,
    status: int,
    body: bytes,
    headers: Iterable[tuple[bytes, bytes]] = (),
    *,
    media_type: str = "application/json",
) -> None:
    """Send a body from a middleware."""
    start = [
        (b"content-length", str(len(body)).encode()),
        (b"content-type", media_type.encode()),
        *headers,
    ]
    await send({"type": "http.response.start", "status": status, "headers": start})
    await send({"type": "http.response.body", "body": body})


def unknown_ids(error: UnknownIds) -> Problem:
    """Return the problem of an id that is not in the run."""
    text = f"there is no {error.kind} '{error.unknown[0]}' in this run"
    return Problem(f"unknown_{error.kind}", text, nearest=error.nearest)


def add_handlers(app: FastAPI) -> None:
    """Turn every error of a route into a response."""
    app.add_exception_handler(Problem, _problem)
    app.add_exception_handler(UnknownIds, _unknown)
    app.add_exception_handler(RequestValidationError, _invalid)
    app.add_exception_handler(HTTPException, _http)
    app.add_exception_handler(Exception, _unexpected)


def _problem(_: Request, error: Exception) -> Response:
    assert isinstance(error, Problem)
    return error.response()


def _unknown(_: Request, error: Exception) -> Response:
    assert isinstance(error, UnknownIds)
    return unknown_ids(error).response()


def _invalid(_: Request, error: Exception) -> Response:
    assert isinstance(error, RequestValidationError)
    first = error.errors()[0]
    return Problem("invalid_request", text_of(first), field=field_of(first)).response()


def _http(_: Request, error: Exception) -> Response:
    assert isinstance(error, HTTPException)
    code = OF_STATUS.get(error.status_code, "internal_error")
    return Problem(code, CODES[code][1], headers=dict(error.headers or {})).response()


def _unexpected(request: Request, error: Exception) -> Response:
    logger.error("%s %s failed", request.method, request.url.path, exc_info=error)
    return Problem("internal_error", "the log of the service has the details").response()
