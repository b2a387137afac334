"""Routes of users and their histories."""

from __future__ import annotations

from fastapi import APIRouter, Request, Response

from mmgcn.service import schemas
from mmgcn.service.problems import json_response
from mmgcn.service.routes.dependencies import (
    CursorText,
    Limit,
    PathUser,
    Shared,
    Text,
    cursor_of,
)
from mmgcn.service.routes.responses import PAGED, problems
from mmgcn.service.search import find_ids

router = APIRouter(prefix="/v1", tags=["users"])


@router.get(
    "/users",
    operation_id="list_users",
    response_model=schemas.Users,
    responses=problems(*PAGED),
)
def users(
    state: Shared, request: Request, query: Text = "", limit: Limit = 20, cursor: CursorText = None
) -> Response:
    """Return users whose id starts with the text, then others whose id contains it.

    Case and accents are ignored.
    """
    live = state.live
    position = cursor_of(request, live, cursor)
    found = find_ids(live.run.users.ids, live.folded_users, query)
    page = found.slice(position.offset, limit).to_list()
    return json_response(
        {
            "run": live.name,
            "users": page,
            "total": len(found),
            "next": position.after(len(page), total=len(found)),
        }
    )


@router.get(
    "/users/{user_id:path}",
    operation_id="get_user",
    response_model=schemas.Watched,
    responses=problems("unknown_user", "not_found", *PAGED),
)
def user(
    state: Shared,
    request: Request,
    user_id: PathUser,
    limit: Limit = 50,
    cursor: CursorText = None,
) -> Response:
    """Return the items that a user watched in the training and validation parts, newest first."""
    live = state.live
    position = cursor_of(request, live, cursor)
    watched = live.recommender.history(user_id)[::-1]
    page = watched[position.offset : position.offset + limit]
    return json_response(
        {
            "run": live.name,
            "user_id": user_id,
            "watched": [live.cards.card(item) for item in page],
            "total": len(watched),
            "next": position.after(len(page), total=len(watched)),
        }
    )
