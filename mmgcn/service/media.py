"""Media files as responses, whole or in byte ranges, so that a browser can seek."""

from __future__ import annotations

import stat
from pathlib import Path

from fastapi import Request, Response
from starlette.responses import FileResponse

CACHE_SECONDS = 3600


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
    return FileResponse(path, headers=headers, media_type=media_type, stat_result=facts)


def _header(request: Request, name: str) -> str:
    value: str | None = request.headers.get(name)
    return value or ""
