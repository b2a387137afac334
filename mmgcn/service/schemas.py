"""Schemas of request and response bodies, for validation and the OpenAPI document."""

from __future__ import annotations

from typing import Annotated, Any

from pydantic import BaseModel, ConfigDict, Field

from extract.commands.options import field_docs
from mmgcn.serving.ranking_options import RankingOptions, UnknownUsers

MAX_K = 1000
MAX_ID = 512  # characters
MAX_USERS = 1000  # of a request for many
MAX_CURSOR = 200  # characters
DOCS = field_docs(RankingOptions)
# Text that any database stores: no NUL and no other control character.
ID_PATTERN = r"^[^\x00-\x1f\x7f]+$"
Id = Annotated[str, Field(min_length=1, max_length=MAX_ID, pattern=ID_PATTERN)]
K = Annotated[int, Field(ge=1, le=MAX_K, description=field_docs(RankingOptions)["k"])]
Next = Annotated[
    str | None, Field(description="`cursor` of the next page; null at the end of the list.")
]

ITEM: dict[str, Any] = {
    "item_id": "clip-003",
    "caption": "evening by the sea",
    "creator": None,
    "video": "/v1/videos/clip-003",
    "poster": "/v1/posters/clip-003",
    "colour": "#8a5a3c",
    "sprite": None,
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
    colour: str | None = Field(
        default=None, description="Mean colour of the poster, if it is known, as #rrggbb."
    )
    sprite: str | None = Field(
        default=None, description="Address of eight frames side by side, if they were drawn."
    )
    modalities: list[str] = Field(description="Modalities that the item has in this run.")


class Card(Item):
    """An item in a ranked list."""

    model_config = ConfigDict(json_schema_extra={"examples": [CARD]})

    score: float
    rank: int = Field(ge=1)
    rank_before: int | None = Field(
        default=None, description="Rank without the session, in a list with the session."
    )
    because: str | None = Field(
        default=None,
        description="In a list with the session: of an item that rose, the most similar item that "
        "the user liked or played.",
    )


class SimilarItem(Item):
    """A watched item and its similarity to the explained one."""

    cosine: float


class ItemFacts(Item):
    """One item and its channels."""

    channels: list[str] = Field(description="Channels that the item has.")
    num_interactions: int = Field(description="Number of training interactions.")


class Session(BaseModel):
    """The events since the training of the run that a list was ranked with."""

    items: list[str] = Field(description="Items that the user liked or played since the training.")
    is_reranked: bool


class RankedList(BaseModel):
    """A page of a ranked list of at most 1,000 items."""

    run: str
    items: list[Card]
    next: str | None = Field(
        description="`cursor` of the next page; null at the end, and for a diverse list, whose "
        "items depend on its length."
    )


class Recommendations(RankedList):
    """Ranked list of a user."""

    user_id: str
    session: Session | None = None


class ManyUsers(BaseModel):
    """A request for the lists of many users."""

    model_config = ConfigDict(
        extra="forbid", json_schema_extra={"examples": [{"user_ids": ["42", "7"], "k": 10}]}
    )

    user_ids: list[Id] = Field(min_length=1, max_length=MAX_USERS)
    k: int = Field(default=10, ge=1, le=100, description=DOCS["k"])
    filter_seen: bool = Field(default=True, description=DOCS["filter_seen"])
    diversity: float = Field(
        default=0.0, ge=0, le=1, allow_inf_nan=False, description=DOCS["diversity"]
    )
    unknown_users: UnknownUsers = Field(default="error", description=DOCS["unknown_users"])


class UserList(BaseModel):
    """The list of one of many users."""

    user_id: str
    items: list[Card]


class ListsOfUsers(BaseModel):
    """Lists of many users, in the order of the request."""

    run: str
    lists: list[UserList]


class Similar(RankedList):
    """The items most similar to one."""

    item_id: str
    channel: str | None


class History(BaseModel):
    """History of a user who is not in the run."""

    model_config = ConfigDict(
        extra="forbid",
        json_schema_extra={"examples": [{"item_ids": ["clip-003", "clip-006"], "k": 10}]},
    )

    item_ids: list[Id] = Field(min_length=1, max_length=MAX_K)
    k: K = 10
    cursor: Annotated[str, Field(max_length=MAX_CURSOR)] | None = None


class HistoryExplanation(BaseModel):
    """A request to explain an item for a user who is not in the run, from their history."""

    model_config = ConfigDict(
        extra="forbid",
        json_schema_extra={
            "examples": [{"item_ids": ["clip-003", "clip-006"], "item_id": "clip-009"}]
        },
    )

    item_ids: list[Id] = Field(min_length=1, max_length=MAX_K)
    item_id: Id


class HistoryList(RankedList):
    """Ranked list of a user who is not in the run."""


class Explanation(BaseModel):
    """Parts of a score."""

    run: str
    user_id: str | None = Field(description="Null for a history.")
    item_id: str
    score: float
    parts: dict[str, float] = Field(
        description="Contribution of each channel of the item, and `neighbours` for what the "
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
    next: Next


class Users(ListPage):
    """A page of user ids."""

    users: list[str]


class Watched(ListPage):
    """A page of the items that a user watched."""

    user_id: str
    watched: list[Item]


class Items(ListPage):
    """A page of items."""

    items: list[Item]


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
    detail: str = Field(
        description="This occurrence: what was received, what was expected, what to do."
    )
    code: str
    nearest: list[str] = Field(description="Known ids similar to an unknown one.")
    field: str | None = Field(default=None, description="Part of the request that is wrong.")
