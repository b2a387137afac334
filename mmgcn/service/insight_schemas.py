"""Schemas of insights, for the OpenAPI document."""

from __future__ import annotations

from typing import Literal

from pydantic import BaseModel, Field

from mmgcn.service.schemas import Card, Item, Next


class Skew(BaseModel):
    """How unevenly interactions are spread over items."""

    num_items: int
    num_interactions: int
    num_cold: int = Field(description="Items without a training interaction.")
    gini: float = Field(
        description="0 if all items are equally popular, near 1 if one has all interactions."
    )
    top: dict[str, float] = Field(
        description="Share of the interactions with the most popular items, by the share of items."
    )
    lorenz: list[tuple[float, float]] = Field(
        description="Lorenz curve: share of the items, least popular first, and of interactions."
    )


class Shares(BaseModel):
    """Share of a group of items."""

    items: float = Field(description="Of the catalogue.")
    interactions: float = Field(description="Of the training interactions.")
    lists: float = Field(description="Of the positions in the lists.")


class Coverage(BaseModel):
    """Coverage and bias of the run in service."""

    run: str
    popularity: Skew
    modalities: dict[str, float] = Field(
        description="Share of the items that have the modality, by modality."
    )
    groups: dict[str, Shares] = Field(
        description="head: the most popular items, with 80 % of the interactions; tail: the other "
        "items with interactions; cold: those without."
    )
    list_length: int
    num_users: int = Field(description="Number of users whose lists were counted.")
    catalogue_coverage: float = Field(description="Share of the items that are in a list.")
    exposure_gini: float = Field(
        description="Gini coefficient of the items' numbers of positions in the lists."
    )
    history_quantiles: list[int] = Field(
        description="Number of training interactions per user: minimum, quartiles, maximum."
    )


class Baseline(BaseModel):
    """Metrics of recommending the most popular items, on the validation part."""

    run: str
    num_users: int
    max_held_out: int = Field(description="Largest number of validation items of a user.")
    metrics: dict[str, float]
    member_starts: list[int] = Field(description="First epoch of each ensemble member.")


class HeldOutItem(Item):
    """A test item of a user."""

    rank: int = Field(
        description="Rank in the user's full list, from 1; 0 if the item is excluded from it."
    )
    popular_rank: int = Field(description="Rank in the list of the most popular items, likewise.")


class FavouriteCluster(BaseModel):
    """A cluster of the map, and the part of the user's history in it."""

    cluster: int
    num_watched: int
    num_items: int
    card: Item = Field(description="The most popular of the watched items in it.")


class UserFacts(BaseModel):
    """Facts about a user."""

    run: str
    user_id: str
    num_watched: int
    num_candidates: int = Field(description="Number of items that the user's list can contain.")
    test: list[HeldOutItem] = Field(description="The user's test items, best rank first.")
    favourites: list[FavouriteCluster] | None = Field(
        description="Clusters by the number of watched items; null before the map is computed."
    )


class WeightedCard(Card):
    """An item in a list with weights."""

    rank_before: int = Field(description="Rank in the full list with all weights 1.")
    parts: dict[str, float] = Field(description="Contribution by channel, without weights.")


class WeightedList(BaseModel):
    """Ranked list of a user with weights of the channels."""

    run: str
    user_id: str
    weights: dict[str, float]
    items: list[WeightedCard]
    next: Next


class RunSummary(BaseModel):
    """A finished run."""

    run: str
    model: str
    metrics: dict[str, float | None]


class Runs(BaseModel):
    """The finished runs in the folder of the run in service."""

    current: str
    runs: list[RunSummary]
    next: Next


class ComparedCard(Card):
    """An item of one of two lists."""

    other_rank: int | None = Field(description="Rank in the full list of the other run.")


class Comparison(BaseModel):
    """The lists of a user in two runs."""

    run: str
    other: str
    user_id: str
    model: str | None
    other_model: str | None
    items: list[ComparedCard]
    other_items: list[ComparedCard]
    num_shared: int = Field(description="Number of items that are in both lists.")
    held_out: list[str] = Field(description="The user's test items in the run in service.")


class ItemMap(BaseModel):
    """Positions of items in a square, close to each other where their vectors are similar."""

    run: str
    channel: str | None
    channels: list[str] = Field(description="Channels by which the items can be mapped.")
    num_items: int = Field(
        description="Number of items of the run; the map shows the most popular ones."
    )
    items: list[str]
    x: list[float]
    y: list[float]
    cluster: list[int]
    popularity: list[int]


class MapPending(BaseModel):
    """A map that is being computed."""

    run: str
    status: Literal["computing"]


class Reload(BaseModel):
    """An attempt to load a new run."""

    at: str
    outcome: Literal["loaded", "refused"]
    run: str
    reason: str | None


class Reloads(BaseModel):
    """Attempts to load a new run, newest first."""

    run: str
    since: str = Field(description="When this process started.")
    reloads: list[Reload]
