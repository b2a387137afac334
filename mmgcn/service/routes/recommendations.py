"""Ranked lists, and reasons."""

from __future__ import annotations

from typing import Annotated

from fastapi import APIRouter, Query, Response
from fastapi.concurrency import run_in_threadpool

from mmgcn.service import schemas
from mmgcn.service.problems import Problem, answer
from mmgcn.service.routes.dependencies import BODY, PROBLEMS, UNKNOWN, K, PathId, QueryId, Shared
from mmgcn.service.routes.feedback import UNAVAILABLE, said_by
from mmgcn.serving.recommender import Cold

router = APIRouter(prefix="/v1", tags=["recommendations"], responses=PROBLEMS)


@router.get(
    "/recommend/{user_id:path}",
    response_model=schemas.Recommendations,
    responses={**UNKNOWN, **UNAVAILABLE},
)
async def recommend(
    state: Shared,
    user_id: PathId,
    k: K = 10,
    filter_seen: Annotated[bool, Query(description="Leave out what the user has watched.")] = True,
    diversity: Annotated[
        float, Query(ge=0, le=1, description="Push down what resembles an item above.")
    ] = 0.0,
    cold: Annotated[Cold, Query(description="What a user gets who is not in the data.")] = "error",
    filter_skipped: Annotated[
        bool, Query(description="Leave out what the user skips; asks the database each time.")
    ] = False,
) -> Response:
    """Return the best items for a user, best first."""
    live = state.live
    rows, skipped = None, []
    if filter_skipped:
        said = (await said_by(state, user_id)).skipped
        skipped = [
            item for item, row in zip(said, live.run.items.get(said), strict=True) if row >= 0
        ]
    if not diversity and not skipped:
        rows = live.short_lists.best(user_id, k=k, filter_seen=filter_seen)
    if rows is None:
        table = await run_in_threadpool(
            live.recommender.recommend,
            [user_id],
            k=k,
            filter_seen=filter_seen,
            diversity=diversity,
            cold=cold,
            exclude=skipped,
        )
        rows = table.to_dicts()
    made = answer({"run": live.name, "user_id": user_id, "items": state.cards.ranked(rows)})
    if filter_skipped:
        made.headers["cache-control"] = "no-store"  # it holds until the next skip
    return made


@router.get("/similar/{item_id:path}", response_model=schemas.Similar, responses=UNKNOWN)
def similar(
    state: Shared,
    item_id: PathId,
    k: K = 10,
    channel: Annotated[
        str | None, Query(max_length=100, description="Compare only this channel.")
    ] = None,
) -> Response:
    """Return the items most like one, by the cosine of their vectors."""
    live = state.live
    if channel is not None and channel not in live.run.parts:
        raise Problem(
            404, f"there is no channel '{channel}' in this run", nearest=[*live.run.parts]
        )
    table = live.recommender.similar(item_id, k=k, channel=channel)
    items = state.cards.ranked(table.iter_rows(named=True))
    return answer({"run": live.name, "item_id": item_id, "channel": channel, "items": items})


@router.post("/history", response_model=schemas.HistoryAnswer, responses={**UNKNOWN, **BODY})
def history(state: Shared, asked: schemas.History) -> Response:
    """Return the best items for somebody who is not in the data and has watched these."""
    live = state.live
    table = live.recommender.recommend_history(asked.item_ids, k=asked.k)
    items = state.cards.ranked(table.iter_rows(named=True))
    return answer({"run": live.name, "items": items})


@router.get("/explain", response_model=schemas.Explanation, responses=UNKNOWN)
def explain(state: Shared, user_id: QueryId, item_id: QueryId) -> Response:
    """Return what each channel contributes to a score, and the watched items most alike."""
    why = state.live.recommender.explain(user_id, item_id)
    nearest = {
        channel: [{"cosine": value} | state.cards.card(item) for item, value in alike]
        for channel, alike in why.nearest.items()
    }
    return answer(
        {
            "user_id": user_id,
            "item_id": item_id,
            "score": why.score,
            "parts": why.parts,
            "nearest": nearest,
        }
    )
