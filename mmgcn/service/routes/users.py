"""Routes of users and their histories."""

from __future__ import annotations

from fastapi import APIRouter, Response

from mmgcn.service import schemas
from mmgcn.service.problems import json_response
from mmgcn.service.routes.dependencies import Limit, PageCursor, PathUser, Shared, Text
from mmgcn.service.routes.responses import PAGED, problems
from mmgcn.service.search import find_ids

router = APIRouter(prefix="/v1", tags=["users"])


@router.get("/users", response_model=schemas.Users, responses=problems(*PAGED))
def list_users(state: Shared, cursor: PageCursor, query: Text = "", limit: Limit = 20) -> Response:
    """Return users whose id starts with the text, then others whose id contains it.

    Case and accents are ignored.
    """
    live = state.live
    position = cursor.position(live)
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
    response_model=schemas.Watched,
    responses=problems("unknown_user", "not_found", *PAGED),
)
def get_user(state: Shared, user_id: PathUser, cursor: PageCursor, limit: Limit = 50) -> Response:
    """Return the items that a user watched in the training and validation parts, newest first."""
    live = state.live
    position = cursor.position(live)
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
