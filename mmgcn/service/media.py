"""Media files as responses, complete or in byte ranges, so that a browser can seek."""

from __future__ import annotations

import stat
from pathlib import Path

from fastapi import Request, Response
from starlette.datastructures import Headers
from starlette.responses import FileResponse
from starlette.types import Message, Receive, Scope, Send

from mmgcn.service.problems import Problem

CACHE_SECONDS = 3600
RANGE_PROBLEMS = {400: "malformed_range", 416: "range_not_satisfiable"}


def file_response(request: Request, path: Path, media_type: str) -> Response | None:
    """Return a response with the file or the requested range, or None if the file is gone.

    Status 200, 206, 304 where the client's copy is current, 416 for an invalid range. The path
    comes from the catalogue, never from the request.
    """
    try:
        facts = path.stat()
    except OSError:
        return None
    if not stat.S_ISREG(facts.st_mode):
        return None
    etag = f'"{facts.st_mtime_ns:x}-{facts.st_size:x}"'
    headers = {"etag": etag, "cache-control": f"private, max-age={CACHE_SECONDS}"}
    known = [tag.strip().removeprefix("W/") for tag in _header(request, "if-none-match").split(",")]
    if etag in known or known == ["*"]:
        return Response(status_code=304, headers=headers)
    return MediaResponse(path, headers=headers, media_type=media_type, stat_result=facts)


class MediaResponse(FileResponse):
    """A file response whose errors about the Range header are problem documents."""

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Send the file, or a problem document in place of a plain-text error."""
        problem: Problem | None = None

        async def sending(message: Message) -> None:
            nonlocal problem
            if message["type"] == "http.response.start" and message["status"] in RANGE_PROBLEMS:
                detail = f"the file has {self.headers['content-length']} bytes; expected a range "
                detail += "such as bytes=0-499"
                sent = Headers(raw=message["headers"])
                names = [name for name in ("content-range",) if name in sent]
                problem = Problem(
                    RANGE_PROBLEMS[message["status"]],
                    detail,
                    headers={name: sent[name] for name in names},
                )
                await problem.send(send)
            elif problem is None:
                await send(message)

        await super().__call__(scope, receive, sending)


def _header(request: Request, name: str) -> str:
    value: str | None = request.headers.get(name)
    return value or ""
