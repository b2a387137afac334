"""Routes of ranked lists and explanations."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Annotated, Any

from fastapi import APIRouter, Depends, Query, Response
from fastapi.concurrency import run_in_threadpool

from mmgcn.service import schemas
from mmgcn.service.problems import Problem, json_response
from mmgcn.service.routes.dependencies import (
    PathItem,
    PathUser,
    QueryId,
    Shared,
    ranking_query,
)
from mmgcn.service.routes.feedback import UNAVAILABLE, preferences_of
from mmgcn.service.routes.responses import BODY, problems
from mmgcn.serving.ranking_options import RankingOptions

router = APIRouter(prefix="/v1", tags=["recommendations"])
UserRanking = Annotated[
    RankingOptions, Depends(ranking_query("k", "filter_seen", "diversity", "unknown_users"))
]
ItemRanking = Annotated[RankingOptions, Depends(ranking_query("k", "diversity"))]


@router.get(
    "/recommend/{user_id:path}",
    operation_id="recommend",
    response_model=schemas.Recommendations,
    responses={**problems("unknown_user", "not_found"), **UNAVAILABLE},
)
async def recommend(
    state: Shared,
    user_id: PathUser,
    options: UserRanking,
    filter_skipped: Annotated[
        bool,
        Query(description="Leave out the items that the user skips, as stored in the database."),
    ] = False,
) -> Response:
    """Return the best items for a user, best first."""
    live = state.live
    rows: Iterable[Mapping[str, Any]] | None = None
    skipped: list[str] = []
    if filter_skipped:
        items = (await preferences_of(state, user_id)).skipped
        index = live.run.items.get(items)
        skipped = [item for item, row in zip(items, index, strict=True) if row >= 0]
    if not skipped:
        rows = live.short_lists.best(user_id, options)
    if rows is None:
        table = await run_in_threadpool(
            live.recommender.recommend, [user_id], options.changed(exclude=skipped)
        )
        rows = table.to_dicts()
    response = json_response(
        {"run": live.name, "user_id": user_id, "items": live.cards.ranked(rows)}
    )
    if filter_skipped:
        response.headers["cache-control"] = "no-store"  # it changes with the next skip
    return response


@router.get(
    "/similar/{item_id:path}",
    operation_id="list_similar",
    response_model=schemas.Similar,
    responses=problems("unknown_item", "unknown_channel", "not_found"),
)
def similar(
    state: Shared,
    item_id: PathItem,
    options: ItemRanking,
    channel: Annotated[
        str | None, Query(max_length=100, description="Compare only this channel.")
    ] = None,
) -> Response:
    """Return the items most similar to one, by the cosine of the item vectors."""
    live = state.live
    if channel is not None and channel not in live.run.vector_parts:
        raise Problem(
            "unknown_channel",
            f"there is no channel '{channel}' in this run",
            nearest=[*live.run.vector_parts],
        )
    channels = live.channels_of(item_id)
    if channel is not None and channel not in channels:
        raise Problem(
            "unknown_channel", f"item '{item_id}' has no {channel} features", nearest=channels
        )
    if not channels:
        raise Problem("unknown_channel", f"item '{item_id}' has no channel to compare by")
    table = live.recommender.similar(item_id, options, channel=channel)
    items = live.cards.ranked(table.iter_rows(named=True))
    return json_response({"run": live.name, "item_id": item_id, "channel": channel, "items": items})


@router.post(
    "/history",
    operation_id="recommend_for_history",
    response_model=schemas.HistoryList,
    responses={**problems("unknown_item"), **BODY},
)
def history(state: Shared, body: schemas.History) -> Response:
    """Return the best items for a user who is not in the run, from the items they watched."""
    live = state.live
    table = live.recommender.recommend_history(body.item_ids, k=body.k)
    items = live.cards.ranked(table.iter_rows(named=True))
    return json_response({"run": live.name, "items": items})


@router.get(
    "/explain",
    operation_id="explain",
    response_model=schemas.Explanation,
    responses=problems("unknown_user", "unknown_item"),
)
def explain(state: Shared, user_id: QueryId, item_id: QueryId) -> Response:
    """Return the contribution of each channel to a score, and the most similar watched items."""
    live = state.live
    explanation = live.recommender.explain(user_id, item_id)
    nearest = {
        channel: [{"cosine": value} | live.cards.card(item) for item, value in items]
        for channel, items in explanation.nearest.items()
    }
    return json_response(
        {
            "user_id": user_id,
            "item_id": item_id,
            "score": explanation.score,
            "parts": explanation.parts,
            "missing": explanation.missing,
            "nearest": nearest,
        }
    )
