"""Routes of feedback: events are stored, likes and skips are read back."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Annotated, Literal

from fastapi import APIRouter, Query, Response
from fastapi.concurrency import run_in_threadpool

from mmgcn.data.ids import UnknownIds
from mmgcn.service import feedback_schemas as schemas
from mmgcn.service.feedback import FeedbackStore, FeedbackUnavailable, Preferences
from mmgcn.service.problems import Problem, json_response
from mmgcn.service.routes.dependencies import Limit, PageCursor, PathUser, QueryId, Shared
from mmgcn.service.routes.responses import BODY, PAGED, problems
from mmgcn.service.schemas import MAX_K
from mmgcn.service.state import State

router = APIRouter(prefix="/v1", tags=["feedback"])
RETRY_SECONDS = 5
UNAVAILABLE = ("feedback_off", "feedback_unavailable")


@router.post(
    "/feedback",
    status_code=201,
    response_model=schemas.Stored,
    responses=problems("unknown_item", *BODY, *UNAVAILABLE),
)
async def store_events(state: Shared, body: schemas.Feedback) -> Response:
    """Store events, all or none. They are in the database when the response is sent.

    Users may be new; items are those of the run or of the videos that are served.
    """
    return await _store(state, body.events, 201)


async def _store(state: State, events: list[schemas.Event], status: int) -> Response:
    rows = [event.model_dump() for event in events]
    with _database(state, failure="; no event was stored") as database:
        await run_in_threadpool(_check_items, state, events)
        await database.add(rows, run=state.live.name)
    for event in events:
        state.metrics.events.labels(event.event).inc()
    return json_response({"stored": len(rows)}, status)


@router.delete(
    "/feedback", response_model=schemas.Stored, responses=problems("unknown_item", *UNAVAILABLE)
)
async def withdraw(
    state: Shared,
    user_id: QueryId,
    item_id: QueryId,
    event: Annotated[Literal["like", "skip"], Query(description="Kind of event to withdraw.")],
) -> Response:
    """Withdraw every earlier like, or skip, of an item by a user; repeating it changes nothing.

    It is stored as an `unlike` or `unskip`, as `POST /v1/feedback` would.
    """
    kind: Literal["unlike", "unskip"] = "unlike" if event == "like" else "unskip"
    cancel = schemas.Event(user_id=user_id, item_id=item_id, event=kind)
    return await _store(state, [cancel], 200)


@router.get(
    "/feedback/{user_id:path}",
    response_model=schemas.Preferences,
    # A path that cannot be an id is 404.
    responses=problems("not_found", *PAGED, *UNAVAILABLE),
)
async def get_preferences(
    state: Shared, user_id: PathUser, cursor: PageCursor, limit: Limit = MAX_K
) -> Response:
    """Return the items that a user likes and skips: the last event of each item counts.

    A page has up to `limit` of either. An unknown user has none.
    """
    found = await preferences_of(state, user_id)
    now = found.liked, found.skipped
    position = cursor.position(state.live, state=now)
    liked, skipped = (items[position.offset : position.offset + limit] for items in now)
    size, total = (max(map(len, lists)) for lists in ((liked, skipped), now))
    body = {"user_id": user_id, "liked": liked, "skipped": skipped}
    return json_response(body | {"next": position.after(size, total=total)})


async def preferences_of(state: State, user_id: str) -> Preferences:
    """Return the items that a user likes and skips.

    Raises:
        Problem: feedback is off, or the database does not answer.
    """
    with _database(state) as database:
        return await database.preferences(user_id)


async def session_of(state: State, user_id: str) -> dict[str, float]:
    """Return the weight of each item that a user gave feedback on.

    Raises:
        Problem: as for `preferences_of`.
    """
    with _database(state) as database:
        return await database.session(user_id)


@contextmanager
def _database(state: State, *, failure: str = "") -> Iterator[FeedbackStore]:
    """Yield the feedback database.

    Args:
        failure: what did not happen if it does not answer, for the message.

    Raises:
        Problem: feedback is off, or the database does not answer.
    """
    if state.feedback is None:
        raise Problem("feedback_off", "feedback is off in this service")
    try:
        yield state.feedback
    except FeedbackUnavailable as error:
        raise Problem(
            "feedback_unavailable",
            f"the feedback database does not answer{failure}",
            retry_seconds=RETRY_SECONDS,
        ) from error


def _check_items(state: State, events: list[schemas.Event]) -> None:
    run = state.live.run
    item_ids = list(dict.fromkeys(event.item_id for event in events))
    unknown = [
        item
        for item, index in zip(item_ids, run.items.get(item_ids), strict=True)
        if index < 0 and item not in state.videos.paths
    ]
    if unknown:
        raise UnknownIds("item", unknown, run.items.ids)
