"""Videos and posters. A request names an item, never a path."""

from __future__ import annotations

from typing import Any

from fastapi import APIRouter, Request, Response
from fastapi.concurrency import run_in_threadpool

from mmgcn.data.ids import nearest_ids
from mmgcn.display.posters import PosterError
from mmgcn.display.videos import media_type
from mmgcn.service.media import file_answer
from mmgcn.service.problems import Problem
from mmgcn.service.routes.dependencies import PROBLEMS, UNKNOWN, PathId, Shared
from mmgcn.service.state import State

router = APIRouter(prefix="/v1", tags=["media"], responses={**PROBLEMS, **UNKNOWN})

PARTS: dict[int | str, dict[str, Any]] = {
    200: {"content": {"application/octet-stream": {}, "video/*": {}, "image/*": {}, "audio/*": {}}},
    206: {"description": "The range that was asked for."},
    304: {"description": "The client has it already."},
    400: {"description": "The range cannot be read."},
    416: {"description": "The file has no such range."},
}


@router.get("/videos/{item_id:path}", response_class=Response, responses=PARTS)
def video(state: Shared, request: Request, item_id: PathId) -> Response:
    """Return the video of an item, or the ranges of it that were asked for."""
    path = _listed(state, item_id)
    found = file_answer(request, path, media_type(path))
    if found is None:
        raise Problem(404, f"the video of '{item_id}' is no longer there")
    return found


@router.get("/posters/{item_id:path}", response_class=Response, responses=PARTS)
async def poster(state: Shared, request: Request, item_id: PathId) -> Response:
    """Return a picture that stands for a video; it is made when it is first asked for."""
    path = await run_in_threadpool(_listed, state, item_id)
    try:
        made = await state.posters.poster(item_id, path)
    except PosterError as error:
        raise Problem(404, f"there is no poster of '{item_id}': {error}") from error
    found = file_answer(request, made, "image/jpeg")
    if found is None:
        raise Problem(404, f"the poster of '{item_id}' is no longer there")
    return found


router.head("/videos/{item_id:path}", include_in_schema=False)(video)
router.head("/posters/{item_id:path}", include_in_schema=False)(poster)


def _listed(state: State, item_id: str) -> Any:
    """Return the path that the catalogue has for an item."""
    path = state.videos.paths.get(item_id)
    if path is None:
        near = nearest_ids(item_id, list(state.videos.paths))
        raise Problem(404, f"there is no video of '{item_id}'", nearest=near)
    return path
