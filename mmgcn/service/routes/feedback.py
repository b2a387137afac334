"""Feedback: what people did with what they were shown."""

from __future__ import annotations

from typing import Any

from fastapi import APIRouter, Response
from fastapi.concurrency import run_in_threadpool

from mmgcn.data.ids import UnknownIds
from mmgcn.service import schemas
from mmgcn.service.feedback import FeedbackUnavailable, Preferences
from mmgcn.service.problems import Problem, answer
from mmgcn.service.routes.dependencies import BODY, PROBLEMS, UNKNOWN, PathId, Shared
from mmgcn.service.state import State

router = APIRouter(prefix="/v1", tags=["feedback"], responses=PROBLEMS)
RETRY_SECONDS = 5
NONE = "this service takes no feedback"
UNAVAILABLE: dict[int | str, dict[str, Any]] = {
    503: {"model": schemas.ProblemBody, "description": "The database of feedback does not answer."}
}


@router.post(
    "/feedback",
    status_code=201,
    response_model=schemas.Stored,
    responses={
        **UNKNOWN,
        **BODY,
        503: {"model": schemas.ProblemBody, "description": "Nothing was stored; send it again."},
    },
)
async def feedback(state: Shared, sent: schemas.Feedback) -> Response:
    """Store events, all or none. They are in the database when this is answered.

    Users may be new; items are those of the run or of the catalogue.
    """
    if state.feedback is None:
        raise Problem(503, NONE)
    await run_in_threadpool(_check_items, state, sent)
    rows = [event.model_dump() for event in sent.events]
    try:
        await state.feedback.add(rows, run=state.live.name)
    except FeedbackUnavailable as error:
        raise Problem(
            503,
            "the database of feedback does not answer; nothing was stored",
            retry_seconds=RETRY_SECONDS,
        ) from error
    for event in sent.events:
        state.metrics.events.labels(event.event).inc()
    return answer({"stored": len(rows)}, 201)


@router.get(
    "/feedback/{user_id:path}",
    response_model=schemas.Preferences,
    responses={**UNKNOWN, **UNAVAILABLE},  # a path that cannot be one of an id is 404
)
async def said(state: Shared, user_id: PathId) -> Response:
    """Return what a user likes and skips: what was said last of each item counts.

    Users may be new, and then have said nothing.
    """
    told = await said_by(state, user_id)
    return answer({"user_id": user_id, "liked": told.liked, "skipped": told.skipped})


async def said_by(state: State, user_id: str) -> Preferences:
    """Return what a user likes and skips.

    Raises:
        Problem: there is no database of feedback, or it does not answer.
    """
    if state.feedback is None:
        raise Problem(503, NONE)
    try:
        return await state.feedback.said(user_id)
    except FeedbackUnavailable as error:
        raise Problem(
            503, "the database of feedback does not answer", retry_seconds=RETRY_SECONDS
        ) from error


def _check_items(state: State, sent: schemas.Feedback) -> None:
    run = state.live.run
    asked = list(dict.fromkeys(event.item_id for event in sent.events))
    rows = run.items.get(asked)
    unknown = [
        item
        for item, row in zip(asked, rows, strict=True)
        if row < 0 and item not in state.videos.paths
    ]
    if unknown:
        raise UnknownIds("item", unknown, run.items.ids)
