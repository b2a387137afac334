"""Error responses of the routes, for the OpenAPI document."""

from __future__ import annotations

from typing import Any

from mmgcn.service.problems import CODES, MEDIA_TYPE

Responses = dict[int | str, dict[str, Any]]
SCHEMA = "#/components/schemas/Problem"


def problems(*codes: str) -> Responses:
    """Return the description of responses with these codes."""
    found: Responses = {}
    for code in codes:
        status, title = CODES[code]
        content = {MEDIA_TYPE: {"schema": {"$ref": SCHEMA}}}
        described = found.setdefault(status, {"description": "", "content": content})
        described["description"] = f"{described['description']} `{code}`: {title}".strip()
    return found


EVERYWHERE = problems(
    *("malformed_request", "token_required", "host_refused", "request_timeout"),
    *("invalid_request", "unknown_parameter", "too_many_requests"),
)
PAGED = ("unknown_cursor", "cursor_expired")
BODY = ("body_too_long",)
