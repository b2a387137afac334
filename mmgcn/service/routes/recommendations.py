"""Routes of ranked lists."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Annotated, Any

from fastapi import APIRouter, Depends, Query, Response
from fastapi.concurrency import run_in_threadpool

from mmgcn.service import schemas
from mmgcn.service.cursor import Cursor
from mmgcn.service.live_run import LiveRun
from mmgcn.service.problems import Problem, json_response
from mmgcn.service.routes.dependencies import (
    PageCursor,
    PathItem,
    PathUser,
    Shared,
    deeper,
    ranking_query,
)
from mmgcn.service.routes.feedback import UNAVAILABLE, preferences_of, session_of
from mmgcn.service.routes.responses import BODY, PAGED, problems
from mmgcn.serving.ranking_options import RankingOptions

router = APIRouter(prefix="/v1", tags=["recommendations"])
UserRanking = Annotated[
    RankingOptions, Depends(ranking_query("k", "filter_seen", "diversity", "unknown_users"))
]
ItemRanking = Annotated[RankingOptions, Depends(ranking_query("k", "diversity"))]
Rows = Iterable[Mapping[str, Any]]


@router.get(
    "/recommend/{user_id:path}",
    response_model=schemas.Recommendations,
    responses=problems("unknown_user", "not_found", *PAGED, *UNAVAILABLE),
)
async def recommend(
    state: Shared,
    user_id: PathUser,
    cursor: PageCursor,
    options: UserRanking,
    filter_skipped: Annotated[
        bool,
        Query(description="Leave out the items that the user skips, as stored in the database."),
    ] = False,
    filter_liked: Annotated[
        bool,
        Query(description="Leave out the items that the user likes, as stored in the database."),
    ] = False,
    session: Annotated[
        bool,
        Query(
            description="Rank with the user's likes and plays since the run was trained, as stored "
            "in the database."
        ),
    ] = False,
) -> Response:
    """Return the best items for a user, best first."""
    live = state.live
    left_out: list[str] = []
    if filter_skipped or filter_liked:
        given = await preferences_of(state, user_id)
        items = given.skipped * filter_skipped + given.liked * filter_liked
        index = live.run.items.get(items)
        left_out = [item for item, row in zip(items, index, strict=True) if row >= 0]
    weights = await session_of(state, user_id) if session else {}
    position = cursor.position(live, state=(*left_out, *weights.items()))
    longer = deeper(options, position).changed(exclude=left_out or None)
    facts: dict[str, Any] = {}
    rows: Rows | None = None
    if session:
        ranked = await run_in_threadpool(live.session_ranker.recommend, user_id, weights, longer)
        rows = ranked.table.to_dicts()
        facts = {"session": {"items": ranked.items, "is_reranked": ranked.is_reranked}}
    elif not left_out:
        rows = live.short_lists.best(user_id, longer)
    if rows is None:
        table = await run_in_threadpool(live.recommender.recommend, [user_id], longer)
        rows = table.to_dicts()
    page = _page(live, rows, options, position)
    response = json_response({"run": live.name, "user_id": user_id, **page, **facts})
    if filter_skipped or filter_liked or session:
        response.headers["cache-control"] = "no-store"  # it changes with the next event
    return response


@router.post(
    "/recommend", response_model=schemas.ListsOfUsers, responses=problems("unknown_user", *BODY)
)
def recommend_for_users(state: Shared, body: schemas.ManyUsers) -> Response:
    """Return the best items for each of many users, in their order, duplicates once."""
    live = state.live
    options = RankingOptions(
        k=body.k,
        filter_seen=body.filter_seen,
        diversity=body.diversity,
        unknown_users=body.unknown_users,
    )
    lists: dict[str, list[dict[str, Any]]] = {user: [] for user in body.user_ids}
    for row in live.recommender.recommend(list(lists), options).iter_rows(named=True):
        lists[row["user_id"]].append(row)
    return json_response(
        {
            "run": live.name,
            "lists": [
                {"user_id": user, "items": live.cards.ranked(rows)} for user, rows in lists.items()
            ],
        }
    )


@router.get(
    "/similar/{item_id:path}",
    response_model=schemas.Similar,
    responses=problems("unknown_item", "unknown_channel", "not_found", *PAGED),
)
def list_similar(
    state: Shared,
    item_id: PathItem,
    cursor: PageCursor,
    options: ItemRanking,
    channel: Annotated[
        str | None, Query(max_length=100, description="Compare only by this channel.")
    ] = None,
) -> Response:
    """Return the items most similar to one, by the cosine of the item vectors."""
    live = state.live
    position = cursor.position(live)
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
    table = live.recommender.similar(item_id, deeper(options, position), channel=channel)
    page = _page(live, table.iter_rows(named=True), options, position)
    return json_response({"run": live.name, "item_id": item_id, "channel": channel, **page})


@router.post(
    "/history",
    response_model=schemas.HistoryList,
    responses=problems("unknown_item", *PAGED, *BODY),
)
def recommend_for_history(state: Shared, body: schemas.History) -> Response:
    """Return the best items for a user who is not in the run, from the items they watched."""
    live = state.live
    position = Cursor.at(body.cursor, request=("history", body.item_ids), state=(live.version,))
    options = RankingOptions(k=body.k)
    table = live.recommender.recommend_history(body.item_ids, deeper(options, position))
    return json_response(
        {"run": live.name, **_page(live, table.iter_rows(named=True), options, position)}
    )


def _page(live: LiveRun, rows: Rows, options: RankingOptions, position: Cursor) -> dict[str, Any]:
    """Return the cards of a page, and the cursor of the next one."""
    found = list(rows)
    page = found[position.offset : position.offset + options.k]
    total = 0 if options.diversity else len(found)
    return {"items": live.cards.ranked(page), "next": position.after(len(page), total=total)}
