"""Schemas of request and response bodies, for validation and the OpenAPI document."""

from __future__ import annotations

from typing import Annotated, Any, Literal

from pydantic import BaseModel, ConfigDict, Field

from extract.commands.options import field_docs
from mmgcn.serving.ranking_options import RankingOptions

MAX_K = 1000
MAX_ID = 512  # characters
MAX_EVENTS = 1000
# Text that any database stores: no NUL and no other control character.
ID_PATTERN = r"^[^\x00-\x1f\x7f]+$"
Id = Annotated[str, Field(min_length=1, max_length=MAX_ID, pattern=ID_PATTERN)]
K = Annotated[int, Field(ge=1, le=MAX_K, description=field_docs(RankingOptions)["k"])]
EventKind = Literal["impression", "play", "like", "skip", "unlike", "unskip"]

ITEM: dict[str, Any] = {
    "item_id": "clip-003",
    "caption": "evening by the sea",
    "creator": None,
    "video": "/v1/videos/clip-003",
    "poster": "/v1/posters/clip-003",
    "modalities": ["visual", "acoustic", "textual"],
}
CARD: dict[str, Any] = {"item_id": "clip-003", "score": 0.731, "rank": 1, **ITEM}


class Item(BaseModel):
    """An item. Captions are text, never markup."""

    model_config = ConfigDict(json_schema_extra={"examples": [ITEM]})

    item_id: str
    caption: str | None
    creator: str | None
    video: str | None = Field(description="Address of the video, if there is one.")
    poster: str | None
    modalities: list[str] = Field(description="Modalities that the item has in this run.")


class Card(Item):
    """An item in a ranked list."""

    model_config = ConfigDict(json_schema_extra={"examples": [CARD]})

    score: float
    rank: int = Field(ge=1)


class SimilarItem(Item):
    """A watched item and its similarity to the explained one."""

    cosine: float


class ItemFacts(Item):
    """One item and its channels."""

    channels: list[str] = Field(description="Channels that the item has.")
    num_interactions: int = Field(description="Number of training interactions.")


class Recommendations(BaseModel):
    """Ranked list of a user."""

    run: str
    user_id: str
    items: list[Card]


class Similar(BaseModel):
    """The items most similar to one."""

    run: str
    item_id: str
    channel: str | None
    items: list[Card]


class History(BaseModel):
    """History of a user who is not in the run."""

    model_config = ConfigDict(
        extra="forbid",
        json_schema_extra={"examples": [{"item_ids": ["clip-003", "clip-006"], "k": 10}]},
    )

    item_ids: list[Id] = Field(min_length=1, max_length=MAX_K)
    k: K = 10


class HistoryList(BaseModel):
    """Ranked list of a user who is not in the run."""

    run: str
    items: list[Card]


class Explanation(BaseModel):
    """Parts of a score."""

    user_id: str
    item_id: str
    score: float
    parts: dict[str, float] = Field(
        description="Contribution by channel that the item has, and `neighbours` for what the "
        "model infers in channels that it lacks; the sum is the score."
    )
    missing: list[str] = Field(description="Channels that the item lacks.")
    nearest: dict[str, list[SimilarItem]] = Field(
        description="The most similar watched items, by channel."
    )


class ListPage(BaseModel):
    """A page of a list."""

    run: str
    total: int = Field(description="Number of entries of all pages.")
    next: str | None = Field(description="`cursor` of the next page; null at the end of the list.")


class Users(ListPage):
    """User ids."""

    users: list[str]


class Watched(ListPage):
    """Items that a user watched."""

    user_id: str
    watched: list[Item]


class Items(ListPage):
    """Items."""

    items: list[Item]


class Event(BaseModel):
    """An event of feedback: what a user did with an item."""

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
    """Items that a user likes and skips by the last event of each item; the latest first."""

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
    history: list[dict[str, Any]] = Field(
        description="One row per evaluation on the validation part."
    )
    channels: list[str]
    modalities: list[str] = Field(description="Channels that are modalities, not ids.")
    num_users: int
    num_items: int
    modality_worth: dict[str, Any] | None


class Health(BaseModel):
    """The service runs."""

    status: Literal["ok"]


class Ready(BaseModel):
    """The service can respond."""

    run: str
    feedback: Literal["on", "off", "unavailable"]


class Problem(BaseModel):
    """An error: a problem document of RFC 9457. Clients decide by `code`."""

    model_config = ConfigDict(
        json_schema_extra={
            "examples": [
                {
                    "type": "urn:mmgcn:problem:unknown_user",
                    "title": "The user is not in the run.",
                    "status": 404,
                    "detail": "there is no user '4x' in this run",
                    "code": "unknown_user",
                    "nearest": ["4", "42"],
                }
            ]
        }
    )

    type: str
    title: str
    status: int
    detail: str = Field(description="This occurrence: what came, what was expected, what to do.")
    code: str
    nearest: list[str] = Field(description="Known ids similar to an unknown one.")
    field: str | None = Field(default=None, description="Part of the request that is wrong.")
