"""Routes of users and their histories."""

from __future__ import annotations

from fastapi import APIRouter, Response

from mmgcn.service import schemas
from mmgcn.service.problems import json_response
from mmgcn.service.routes.dependencies import PROBLEMS, UNKNOWN, Limit, PathId, Shared, Text
from mmgcn.service.search import find_ids

router = APIRouter(prefix="/v1", tags=["users"], responses=PROBLEMS)


@router.get("/users", response_model=schemas.Users)
def users(state: Shared, query: Text = "", limit: Limit = 20) -> Response:
    """Return users whose id starts with the text, then others whose id contains it."""
    return json_response({"users": find_ids(state.live.run.users.ids, query, limit=limit)})


@router.get("/users/{user_id:path}", response_model=schemas.Watched, responses=UNKNOWN)
def user(state: Shared, user_id: PathId, limit: Limit = 50) -> Response:
    """Return the items that a user watched in the training and validation parts, newest first."""
    watched = state.live.recommender.history(user_id)[::-1]
    cards = [state.cards.card(item) for item in watched[:limit]]
    return json_response({"user_id": user_id, "watched": cards, "total": len(watched)})
