"""Routes of items."""

from __future__ import annotations

from fastapi import APIRouter, Response

from mmgcn.service import schemas
from mmgcn.service.problems import json_response
from mmgcn.service.routes.dependencies import PROBLEMS, UNKNOWN, Limit, PathId, Shared, Text
from mmgcn.service.search import find_ids

router = APIRouter(prefix="/v1", tags=["items"], responses=PROBLEMS)


@router.get("/items", response_model=schemas.Items)
def items(state: Shared, query: Text = "", limit: Limit = 20) -> Response:
    """Return items whose id starts with the text, then others whose id contains it."""
    found = find_ids(state.live.run.items.ids, query, limit=limit)
    return json_response({"items": [state.cards.card(item) for item in found]})


@router.get("/items/{item_id:path}", response_model=schemas.ItemFacts, responses=UNKNOWN)
def item(state: Shared, item_id: PathId) -> Response:
    """Return an item and the channels that it has."""
    channels = state.live.channels_of(item_id)
    return json_response(state.cards.card(item_id) | {"channels": channels})
