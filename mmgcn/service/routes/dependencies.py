"""Dependencies of the routes: the state, ids, limits, ranking options and error responses."""

from __future__ import annotations

import inspect
from collections.abc import Awaitable, Callable
from dataclasses import fields
from typing import Annotated, Any, Unpack, get_type_hints

from annotated_types import Ge, Le
from fastapi import Depends, Path, Query, Request

from extract.commands.options import field_docs
from mmgcn.service.schemas import ID_PATTERN, MAX_ID, MAX_K, ProblemBody
from mmgcn.service.state import State
from mmgcn.serving.ranking_options import RankingChanges, RankingOptions

LIMITS = {"k": (Ge(1), Le(MAX_K)), "diversity": (Ge(0), Le(1))}
Responses = dict[int | str, dict[str, Any]]


async def _state(request: Request) -> State:  # a sync function would run in a worker thread
    state: State = request.app.state.service
    return state


def ranking_query(*names: str) -> Callable[..., Awaitable[RankingOptions]]:
    """Return a dependency that reads these fields of RankingOptions from the query.

    Types, defaults and descriptions are those of the fields.
    """
    hints, docs = get_type_hints(RankingOptions), field_docs(RankingOptions)
    defaults = {field.name: field.default for field in fields(RankingOptions)}

    async def options(**given: Unpack[RankingChanges]) -> RankingOptions:
        return RankingOptions(**given)

    parameters = [
        inspect.Parameter(
            name,
            inspect.Parameter.KEYWORD_ONLY,
            default=defaults[name],
            annotation=Annotated[hints[name], Query(description=docs[name]), *LIMITS.get(name, ())],
        )
        for name in names
    ]
    options.__signature__ = inspect.Signature(parameters)  # type: ignore[attr-defined]
    return options


Shared = Annotated[State, Depends(_state)]
PathId = Annotated[str, Path(min_length=1, max_length=MAX_ID, pattern=ID_PATTERN)]
QueryId = Annotated[str, Query(min_length=1, max_length=MAX_ID, pattern=ID_PATTERN)]
Limit = Annotated[int, Query(ge=1, le=MAX_K, description="Maximum number of results.")]
Text = Annotated[str, Query(max_length=MAX_ID, description="Text to search for; empty lists all.")]

PROBLEMS: Responses = {
    401: {"model": ProblemBody, "description": "The token is missing or wrong."},
    422: {"model": ProblemBody, "description": "The request is malformed; `field` names the part."},
    429: {"model": ProblemBody, "description": "Too many requests; retry after Retry-After."},
}
UNKNOWN: Responses = {
    404: {"model": ProblemBody, "description": "Unknown id; `nearest` contains similar ids."}
}
BODY: Responses = {
    400: {"model": ProblemBody, "description": "The body cannot be read."},
    408: {"model": ProblemBody, "description": "The body was not received in time."},
    413: {"model": ProblemBody, "description": "The body is too long."},
}
