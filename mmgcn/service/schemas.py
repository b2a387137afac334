"""Schemas: the shapes of questions and answers, as the OpenAPI document tells them."""

from __future__ import annotations

from typing import Annotated, Any, Literal

from pydantic import BaseModel, ConfigDict, Field

MAX_K = 1000
MAX_ID = 512  # characters
MAX_EVENTS = 1000
# Text that a database takes: no NUL and no other control character.
ID_PATTERN = r"^[^\x00-\x1f\x7f]+$"
Id = Annotated[str, Field(min_length=1, max_length=MAX_ID, pattern=ID_PATTERN)]
K = Annotated[int, Field(ge=1, le=MAX_K, description="How many.")]
EventKind = Literal["impression", "play", "like", "skip", "unlike", "unskip"]

ITEM: dict[str, Any] = {
    "item_id": "clip-003",
    "caption": "evening by the sea",
    "creator": None,
    "video": "/v1/videos/clip-003",
    "poster": "/v1/posters/clip-003",
}
CARD: dict[str, Any] = {"item_id": "clip-003", "score": 0.731, "rank": 1, **ITEM}


class Item(BaseModel):
    """An item, and what is shown of it. Captions are text, never markup."""

    model_config = ConfigDict(json_schema_extra={"examples": [ITEM]})

    item_id: str
    caption: str | None
    creator: str | None
    video: str | None = Field(description="Where its video is, if there is one.")
    poster: str | None


class Card(Item):
    """An item in a ranked list."""

    model_config = ConfigDict(json_schema_extra={"examples": [CARD]})

    score: float
    rank: int = Field(ge=1)


class Alike(Item):
    """A watched item that is like another."""

    cosine: float


class ItemFacts(Item):
    """One item."""

    channels: list[str] = Field(description="The channels in which it is not blank.")


class Recommendations(BaseModel):
    """A user's list."""

    run: str
    user_id: str
    items: list[Card]


class Similar(BaseModel):
    """The items most like one."""

    run: str
    item_id: str
    channel: str | None
    items: list[Card]


class History(BaseModel):
    """What somebody has watched who is not in the data."""

    model_config = ConfigDict(
        json_schema_extra={"examples": [{"item_ids": ["clip-003", "clip-006"], "k": 10}]}
    )

    item_ids: list[Id] = Field(min_length=1, max_length=MAX_K)
    k: K = 10


class HistoryAnswer(BaseModel):
    """A list for somebody who is not in the data."""

    run: str
    items: list[Card]


class Explanation(BaseModel):
    """Why an item has the score it has."""

    user_id: str
    item_id: str
    score: float
    parts: dict[str, float] = Field(description="By channel; they add up to the score.")
    nearest: dict[str, list[Alike]] = Field(description="The watched items most alike, by channel.")


class Users(BaseModel):
    """User ids."""

    users: list[str]


class Watched(BaseModel):
    """What a user has watched."""

    user_id: str
    watched: list[Item]
    total: int


class Items(BaseModel):
    """Items."""

    items: list[Item]


class Event(BaseModel):
    """Something that somebody did with an item they were shown."""

    user_id: Id
    item_id: Id
    event: EventKind = Field(
        description="An unlike takes back every like of that item by that user so far, an unskip "
        "every skip."
    )
    seconds: float | None = Field(
        default=None, ge=0, le=86_400, allow_inf_nan=False, description="How long it was played."
    )


class Feedback(BaseModel):
    """Events."""

    model_config = ConfigDict(
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
        }
    )

    events: list[Event] = Field(min_length=1, max_length=MAX_EVENTS)


class Stored(BaseModel):
    """How many events are in the database now, all of those that were sent."""

    stored: int


class Preferences(BaseModel):
    """What a user likes and skips: their last word on each item, the latest first."""

    model_config = ConfigDict(
        json_schema_extra={
            "examples": [{"user_id": "42", "liked": ["clip-006", "clip-003"], "skipped": []}]
        }
    )

    user_id: str
    liked: list[str]
    skipped: list[str]


class RunFacts(BaseModel):
    """The run in service."""

    run: str
    model: str | None
    created: str
    config: dict[str, Any]
    metrics: dict[str, float | None]
    history: list[dict[str, Any]] = Field(description="One row for each look at the validation.")
    channels: list[str]
    num_users: int
    num_items: int
    modality_worth: dict[str, Any] | None


class Health(BaseModel):
    """The service runs."""

    status: Literal["ok"]


class Ready(BaseModel):
    """The service can answer."""

    run: str
    feedback: Literal["on", "off", "unavailable"]


class ProblemBody(BaseModel):
    """What went wrong."""

    model_config = ConfigDict(
        json_schema_extra={
            "examples": [{"error": "there is no user '4x' in this run", "nearest": ["4", "42"]}]
        }
    )

    error: str
    nearest: list[str] = Field(description="Ids that look like an unknown one.")
    field: str | None = Field(default=None, description="Where the question is wrong.")
