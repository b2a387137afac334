"""Schemas of feedback: events of users on items."""

from __future__ import annotations

from typing import Literal

from pydantic import BaseModel, ConfigDict, Field

from mmgcn.service.schemas import Id, Next

MAX_EVENTS = 1000
EventKind = Literal["impression", "play", "like", "skip", "unlike", "unskip"]


class Event(BaseModel):
    """A feedback event of a user on an item."""

    model_config = ConfigDict(extra="forbid")

    user_id: Id
    item_id: Id
    event: EventKind = Field(
        description="An unlike cancels every earlier like of the item by the user, an unskip every "
        "earlier skip."
    )
    seconds: float | None = Field(
        default=None,
        ge=0,
        le=86_400,
        allow_inf_nan=False,
        description="Seconds that the video was played.",
    )
    share: float | None = Field(
        default=None,
        ge=0,
        le=1000,
        allow_inf_nan=False,
        description="Seconds played, as a share of the video's duration; above 1 if it was "
        "repeated. A play counts from 0.5, or from 10 seconds, or if it has neither.",
    )


class Feedback(BaseModel):
    """Events of feedback."""

    model_config = ConfigDict(
        extra="forbid",
        json_schema_extra={
            "examples": [
                {
                    "events": [
                        {"user_id": "42", "item_id": "clip-003", "event": "play", "seconds": 7.5},
                        {"user_id": "42", "item_id": "clip-003", "event": "like", "seconds": None},
                    ]
                },
                {"events": [{"user_id": "42", "item_id": "clip-003", "event": "unlike"}]},
            ]
        },
    )

    events: list[Event] = Field(min_length=1, max_length=MAX_EVENTS)


class Stored(BaseModel):
    """Number of events that were stored: all of the request's."""

    stored: int


class Preferences(BaseModel):
    """Items that a user likes and skips, by the last event of each item; newest first."""

    model_config = ConfigDict(
        json_schema_extra={
            "examples": [
                {"user_id": "42", "liked": ["clip-006", "clip-003"], "skipped": [], "next": None}
            ]
        }
    )

    user_id: str
    liked: list[str]
    skipped: list[str]
    next: Next
