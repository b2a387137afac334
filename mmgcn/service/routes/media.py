"""Videos and posters. A request names an item, never a path."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Annotated, TypeVar

from fastapi import APIRouter, Query, Request, Response

from mmgcn.data.ids import nearest_ids
from mmgcn.display.placeholders import placeholder_svg
from mmgcn.display.posters import PosterError
from mmgcn.display.videos import media_type
from mmgcn.service.media import file_response
from mmgcn.service.media_schemas import PosterRequest, PosterStates
from mmgcn.service.problems import Problem, json_response
from mmgcn.service.routes.dependencies import PathItem, Shared
from mmgcn.service.routes.responses import BODY, Responses, problems
from mmgcn.service.state import State

Route = TypeVar("Route", bound=Callable[..., Response])
router = APIRouter(prefix="/v1", tags=["media"])
JPEG, SVG = "image/jpeg", "image/svg+xml"

PARTS: Responses = {
    200: {"content": {"application/octet-stream": {}, "video/*": {}, "image/*": {}, "audio/*": {}}},
    206: {"description": "The requested byte range."},
    304: {"description": "The client's copy is current."},
    **problems("malformed_request", "malformed_range", "range_not_satisfiable"),
}


def _get_file(path: str, *codes: str, more: Responses | None = None) -> Callable[[Route], Route]:
    """Return a decorator that routes GET and HEAD requests of a file.

    Args:
        codes: of its problems.
        more: other responses.
    """
    responses = {**problems(*codes, "not_found"), **PARTS, **(more or {})}
    get = router.get(path, response_class=Response, responses=responses)
    head = router.head(path, include_in_schema=False)
    return lambda route: head(get(route))


@_get_file("/videos/{item_id:path}", "no_video")
def get_video(state: Shared, request: Request, item_id: PathItem) -> Response:
    """Return the video of an item, or the requested byte ranges."""
    path = _path(state, item_id)
    missing = Problem("no_video", f"the video of '{item_id}' no longer exists")
    return _file(request, path, media_type(path), missing=missing)


@_get_file(
    "/posters/{item_id:path}",
    *("no_video", "no_poster", "poster_pending"),
    more={202: {"description": "A colour: the poster is being drawn.", "content": {SVG: {}}}},
)
def get_poster(
    state: Shared,
    request: Request,
    item_id: PathItem,
    placeholder: Annotated[
        bool, Query(description="Whether a colour is returned while the poster is drawn.")
    ] = True,
) -> Response:
    """Return the poster of a video, or one pixel of its colour until it is drawn."""
    path = _path(state, item_id)
    try:
        jpeg = state.posters.ask(item_id, path)
    except PosterError as error:
        raise Problem("no_poster", f"there is no poster of '{item_id}': {error}") from error
    if jpeg is None and not placeholder:
        raise Problem(
            "poster_pending", f"the poster of '{item_id}' is being drawn", retry_seconds=1
        )
    if jpeg is None:
        headers = {"retry-after": "1", "cache-control": "no-store"}
        return Response(placeholder_svg(item_id, state.posters.colour(item_id)), 202, headers, SVG)
    missing = Problem("no_poster", f"the poster of '{item_id}' no longer exists")
    return _file(request, jpeg, JPEG, missing=missing)


@router.post("/posters", response_model=PosterStates, responses=problems(*BODY))
def request_posters(state: Shared, body: PosterRequest) -> Response:
    """Return which posters are ready; missing ones are drawn next, in this order."""
    ready: list[str] = []
    waiting: list[str] = []
    failed: list[str] = []
    for item_id in reversed(dict.fromkeys(body.item_ids)):  # the last request is drawn first
        path = state.videos.paths.get(item_id)
        try:
            drawn = None if path is None else state.posters.ask(item_id, path)
        except PosterError:
            path = None
        (failed if path is None else waiting if drawn is None else ready).append(item_id)
    lists = {"ready": ready, "waiting": waiting, "failed": failed}
    return json_response({name: items[::-1] for name, items in lists.items()})


@_get_file("/sprites/{item_id:path}", "no_sprite")
def get_sprite(state: Shared, request: Request, item_id: PathItem) -> Response:
    """Return eight evenly spaced frames of a video, side by side in one JPEG."""
    missing = Problem("no_sprite", f"there is no sprite of '{item_id}'")
    return _file(request, state.sprites.get(item_id), JPEG, missing=missing)


def _file(request: Request, path: Path | None, media_type: str, *, missing: Problem) -> Response:
    """Return a response with the file.

    Raises:
        Problem: `missing` if there is none.
    """
    response = None if path is None else file_response(request, path, media_type)
    if response is None:
        raise missing
    return response


def _path(state: State, item_id: str) -> Path:
    """Return the path of an item's video in the catalogue."""
    path = state.videos.paths.get(item_id)
    if path is None:
        nearest = nearest_ids(item_id, list(state.videos.paths))
        raise Problem("no_video", f"there is no video of '{item_id}'", nearest=nearest)
    return path
