"""Routes of items."""

from __future__ import annotations

from typing import Annotated

from fastapi import APIRouter, Query, Response

from mmgcn.service import schemas
from mmgcn.service.catalogue import Group, ItemQuery, Sort
from mmgcn.service.problems import Problem, json_response
from mmgcn.service.routes.dependencies import Limit, PageCursor, PathItem, Shared, Text
from mmgcn.service.routes.responses import PAGED, problems

router = APIRouter(prefix="/v1", tags=["items"])


@router.get("/items", response_model=schemas.Items, responses=problems("unknown_modality", *PAGED))
def list_items(
    state: Shared,
    cursor: PageCursor,
    query: Text = "",
    modality: Annotated[
        list[Annotated[str, Query(max_length=100)]] | None,
        Query(max_length=32, description="Only items that have this modality; may be repeated."),
    ] = None,
    group: Annotated[
        Group | None,
        Query(
            description="Only items of this group: `head` has 80 % of the interactions, `cold` "
            "has none, `tail` has the others."
        ),
    ] = None,
    creator: Annotated[
        str | None, Query(max_length=schemas.MAX_ID, description="Only items of this creator.")
    ] = None,
    sort: Annotated[
        Sort, Query(description="Order; relevance without a query is the order of the run.")
    ] = "relevance",
    limit: Limit = 20,
) -> Response:
    """Return items whose id, caption or creator contains all words of the query, best first.

    Case and accents are ignored. Ids that equal or begin with the query come first, then
    matches of full words, then matches at any other position.
    """
    live = state.live
    position = cursor.position(live)
    item_query = ItemQuery(query, tuple(modality or ()), group, creator, sort)
    try:
        found, total = live.catalogue.find(item_query, offset=position.offset, limit=limit)
    except ValueError as error:
        known = list(live.catalogue.modalities)
        raise Problem("unknown_modality", str(error), nearest=known, field="modality") from error
    ids = live.run.items.ids.gather(found)
    return json_response(
        {
            "run": live.name,
            "items": [live.cards.card(item) for item in ids],
            "total": total,
            "next": position.after(len(ids), total=total),
        }
    )


@router.get(
    "/items/{item_id:path}",
    response_model=schemas.ItemFacts,
    responses=problems("unknown_item", "not_found"),
)
def get_item(state: Shared, item_id: PathItem) -> Response:
    """Return an item, the channels that it has, and its number of training interactions."""
    live = state.live
    channels = live.channels_of(item_id)
    (row,) = live.run.items.index([item_id])
    facts = {"channels": channels, "num_interactions": int(live.run.popularity[row])}
    return json_response(live.cards.card(item_id) | facts)
