"""Routes of explanations."""

from __future__ import annotations

from typing import Annotated, Any

from fastapi import APIRouter, Query, Response
from fastapi.concurrency import run_in_threadpool

from mmgcn.service import schemas
from mmgcn.service.live_run import LiveRun
from mmgcn.service.problems import json_response
from mmgcn.service.routes.dependencies import QueryId, Shared
from mmgcn.service.routes.feedback import UNAVAILABLE, session_of
from mmgcn.service.routes.responses import BODY, problems
from mmgcn.serving.explanation import Explanation

router = APIRouter(prefix="/v1", tags=["recommendations"])
OfSession = Annotated[
    bool, Query(description="Explain the list that `/v1/recommend?session=true` returns.")
]


@router.get(
    "/explain",
    response_model=schemas.Explanation,
    responses=problems("unknown_user", "unknown_item", *UNAVAILABLE),
)
async def explain(
    state: Shared, user_id: QueryId, item_id: QueryId, session: OfSession = False
) -> Response:
    """Return the contribution of each channel to a score, and the most similar watched items."""
    live = state.live
    if session:
        weights = await session_of(state, user_id)
        ranker = live.session_ranker
        explanation = await run_in_threadpool(ranker.explain, user_id, item_id, weights)
    else:
        explanation = await run_in_threadpool(live.recommender.explain, user_id, item_id)
    response = json_response(_facts(live, explanation))
    if session:
        response.headers["cache-control"] = "no-store"
    return response


@router.post(
    "/history/explain",
    response_model=schemas.Explanation,
    responses=problems("unknown_item", *BODY),
)
def explain_for_history(state: Shared, body: schemas.HistoryExplanation) -> Response:
    """Return the explanation of an item in the list that `/v1/history` returns for a history."""
    live = state.live
    return json_response(
        _facts(live, live.recommender.explain_history(body.item_ids, body.item_id))
    )


def _facts(live: LiveRun, explanation: Explanation) -> dict[str, Any]:
    nearest = {
        channel: [{"cosine": value} | live.cards.card(item) for item, value in items]
        for channel, items in explanation.nearest.items()
    }
    facts = {"user_id": explanation.user_id, "item_id": explanation.item_id}
    return {"run": live.name, **facts, **explanation.as_dict(), "nearest": nearest}
