"""Videos and posters. A request names an item, never a path."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

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

router = APIRouter(prefix="/v1", tags=["media"])
SVG = "image/svg+xml"

PARTS: Responses = {
    200: {"content": {"application/octet-stream": {}, "video/*": {}, "image/*": {}, "audio/*": {}}},
    206: {"description": "The requested byte range."},
    304: {"description": "The client's copy is current."},
    **problems("malformed_request", "malformed_range", "range_not_satisfiable"),
}


@router.get(
    "/videos/{item_id:path}",
    operation_id="get_video",
    response_class=Response,
    responses={**problems("no_video", "not_found"), **PARTS},
)
def video(state: Shared, request: Request, item_id: PathItem) -> Response:
    """Return the video of an item, or the requested byte ranges."""
    path = _path(state, item_id)
    response = file_response(request, path, media_type(path))
    if response is None:
        raise Problem("no_video", f"the video of '{item_id}' no longer exists")
    return response


@router.get(
    "/posters/{item_id:path}",
    operation_id="get_poster",
    response_class=Response,
    responses={
        **problems("no_video", "no_poster", "not_found", "poster_pending"),
        **PARTS,
        202: {"description": "A colour: the poster is being drawn.", "content": {SVG: {}}},
    },
)
def poster(
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
    response = file_response(request, jpeg, "image/jpeg")
    if response is None:
        raise Problem("no_poster", f"the poster of '{item_id}' no longer exists")
    return response


@router.post(
    "/posters",
    operation_id="request_posters",
    response_model=PosterStates,
    responses=BODY,
)
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


@router.get(
    "/sprites/{item_id:path}",
    operation_id="get_sprite",
    response_class=Response,
    responses={**problems("no_sprite", "not_found"), **PARTS},
)
def sprite(state: Shared, request: Request, item_id: PathItem) -> Response:
    """Return eight evenly spaced frames of a video, side by side in one JPEG."""
    path = state.sprites.get(item_id)
    response = None if path is None else file_response(request, path, "image/jpeg")
    if response is None:
        raise Problem("no_sprite", f"there is no sprite of '{item_id}'")
    return response


router.head("/videos/{item_id:path}", include_in_schema=False)(video)
router.head("/posters/{item_id:path}", include_in_schema=False)(poster)
router.head("/sprites/{item_id:path}", include_in_schema=False)(sprite)


def _path(state: State, item_id: str) -> Path:
    """Return the path of an item's video in the catalogue."""
    path = state.videos.paths.get(item_id)
    if path is None:
        near = nearest_ids(item_id, list(state.videos.paths))
        raise Problem("no_video", f"there is no video of '{item_id}'", nearest=near)
    return path
