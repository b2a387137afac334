"""Dependencies of the routes: the state, ids, pages of lists, and ranking options."""

from __future__ import annotations

import difflib
import inspect
import json
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass, fields
from typing import Annotated, Unpack, get_type_hints
from urllib.parse import parse_qsl

from annotated_types import Ge, Le
from fastapi import Depends, Path, Query, Request
from fastapi.openapi.utils import get_openapi
from fastapi.routing import APIRoute

from extract.commands.options import field_docs
from mmgcn.service.cursor import Cursor
from mmgcn.service.live_run import LiveRun
from mmgcn.service.problems import Problem
from mmgcn.service.schemas import ID_PATTERN, MAX_CURSOR, MAX_ID, MAX_K
from mmgcn.service.state import State
from mmgcn.serving.ranking_options import RankingChanges, RankingOptions

LIMITS = {"k": (Ge(1), Le(MAX_K)), "diversity": (Ge(0), Le(1))}
PAGE_PARAMETERS = ("cursor", "limit", "k")  # do not belong to what identifies a list
MAX_SHOWN = 60  # characters of a name in a message
MAX_DEPTH = 1000  # items of a ranked list, all pages together
_parameters: dict[tuple[Callable[..., object], str], dict[str, bool]] = {}
DOTS = {"%2E": ".", "%2E%2E": ".."}  # segments that clients would remove, see cards.segment


async def _state(request: Request) -> State:  # a sync function would run in a worker thread
    state: State = request.app.state.service
    return state


async def refuse_unknown_parameters(request: Request) -> None:
    """Refuse query parameters that the route does not have, and repeated ones that it takes once.

    Raises:
        Problem: there is one.
    """
    if not request.scope["query_string"]:
        return
    route = request.scope["route"]
    assert isinstance(route, APIRoute)
    declared = _declared(route, request.method)
    counts: dict[str, int] = {}
    for name, _ in request.query_params.multi_items():
        counts[name] = counts.get(name, 0) + 1
        if name not in declared:
            nearest = difflib.get_close_matches(name, declared, n=1)
            hint = (
                f"did you mean {nearest[0]}?"
                if nearest
                else f"known: {', '.join(declared) or 'none'}"
            )
            shown = f"'{name[:MAX_SHOWN]}'"
            raise Problem(
                "unknown_parameter", f"there is no parameter {shown}; {hint}", field=name[:MAX_ID]
            )
        if counts[name] > 1 and not declared[name]:
            raise Problem("invalid_request", f"{name} is given twice; once is enough", field=name)


def _declared(route: APIRoute, method: str) -> dict[str, bool]:
    """Return the query parameters of a route, and whether each may be repeated."""
    key = route.endpoint, method
    if key not in _parameters:
        # The document of this route: that of all routes takes a third of a second.
        paths = get_openapi(title="", version="", routes=[route])["paths"]
        operation = paths[route.path_format][_described(method)]
        _parameters[key] = {
            each["name"]: '"array"' in json.dumps(each["schema"])
            for each in operation.get("parameters", ())
            if each["in"] == "query"
        }
    return _parameters[key]


def _described(method: str) -> str:
    """Return the method of the OpenAPI document: HEAD is described by GET."""
    return "get" if method == "HEAD" else method.lower()


@dataclass(frozen=True)
class RequestedCursor:
    """The cursor of a GET request, None for the first page."""

    request: Request
    text: str | None

    def position(self, live: LiveRun, *, state: Sequence[object] = ()) -> Cursor:
        """Return the position in the list of the request.

        Args:
            state: what the list depends on in addition to the run.

        Raises:
            Problem: the cursor is not one of this list, or the list has changed.
        """
        scope = self.request.scope
        query = parse_qsl(scope["query_string"].decode("latin-1"), keep_blank_values=True)
        filters = sorted((name, value) for name, value in query if name not in PAGE_PARAMETERS)
        return Cursor.at(self.text, request=(scope["path"], filters), state=(live.version, *state))


async def _cursor(request: Request, cursor: CursorText = None) -> RequestedCursor:
    return RequestedCursor(request, cursor)


def deeper(options: RankingOptions, position: Cursor) -> RankingOptions:
    """Return the options of a list that ends one item after the page.

    The items of a diverse list depend on its length, so it has only one page.
    """
    if options.diversity:
        return options
    return options.changed(k=min(position.offset + options.k, MAX_DEPTH - 1) + 1)


async def _path_user(user_id: PathText) -> str:
    return DOTS.get(user_id, user_id)


async def _path_item(item_id: PathText) -> str:
    return DOTS.get(item_id, item_id)


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


PathText = Annotated[str, Path(min_length=1, max_length=MAX_ID, pattern=ID_PATTERN)]
Shared = Annotated[State, Depends(_state)]
PathUser = Annotated[str, Depends(_path_user)]
PathItem = Annotated[str, Depends(_path_item)]
QueryId = Annotated[str, Query(min_length=1, max_length=MAX_ID, pattern=ID_PATTERN)]
Limit = Annotated[int, Query(ge=1, le=MAX_K, description="Maximum number of entries of a page.")]
Text = Annotated[
    str, Query(max_length=MAX_ID, description="Text to search for; an empty text lists all.")
]
CursorText = Annotated[
    str | None,
    Query(max_length=MAX_CURSOR, description="Start of the page: `next` of the previous page."),
]
PageCursor = Annotated[RequestedCursor, Depends(_cursor)]
