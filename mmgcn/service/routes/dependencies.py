"""What routes share: the state, and the ids and numbers of a question."""

from __future__ import annotations

from typing import Annotated, Any

from fastapi import Depends, Path, Query, Request

from mmgcn.service.schemas import ID_PATTERN, MAX_ID, MAX_K, ProblemBody
from mmgcn.service.state import State


async def _state(request: Request) -> State:  # one that is not async would cost a thread
    state: State = request.app.state.service
    return state


Shared = Annotated[State, Depends(_state)]
PathId = Annotated[str, Path(min_length=1, max_length=MAX_ID, pattern=ID_PATTERN)]
QueryId = Annotated[str, Query(min_length=1, max_length=MAX_ID, pattern=ID_PATTERN)]
K = Annotated[int, Query(ge=1, le=MAX_K, description="How many.")]
Limit = Annotated[int, Query(ge=1, le=MAX_K, description="At most so many.")]
Text = Annotated[str, Query(max_length=MAX_ID, description="What to look for; all if empty.")]

PROBLEMS: dict[int | str, dict[str, Any]] = {
    401: {"model": ProblemBody, "description": "The token is missing or wrong."},
    422: {"model": ProblemBody, "description": "The question is malformed; `field` says where."},
    429: {"model": ProblemBody, "description": "Too many requests; ask again after Retry-After."},
}
UNKNOWN: dict[int | str, dict[str, Any]] = {
    404: {"model": ProblemBody, "description": "No such id; `nearest` are those like it."}
}
BODY: dict[int | str, dict[str, Any]] = {
    400: {"model": ProblemBody, "description": "The body cannot be read."},
    408: {"model": ProblemBody, "description": "The body took too long to come."},
    413: {"model": ProblemBody, "description": "The body is too long."},
}
