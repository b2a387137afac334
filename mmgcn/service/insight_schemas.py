"""Schemas of insights, for the OpenAPI document."""

from __future__ import annotations

from pydantic import BaseModel, Field


class Skew(BaseModel):
    """How unevenly interactions are spread over items."""

    num_items: int
    num_interactions: int
    num_cold: int = Field(description="Items without a training interaction.")
    gini: float = Field(description="0: all items equally popular; near 1: one has everything.")
    top: dict[str, float] = Field(
        description="Share of the interactions of the most popular items, by their share."
    )
    lorenz: list[tuple[float, float]] = Field(
        description="Share of the items, the least popular first; their share of the interactions."
    )


class Shares(BaseModel):
    """Shares of a group of items."""

    items: float = Field(description="Of the catalogue.")
    interactions: float = Field(description="Of the training interactions.")
    lists: float = Field(description="Of the positions in the lists.")


class Coverage(BaseModel):
    """Coverage and bias of the run in service."""

    run: str
    popularity: Skew
    modalities: dict[str, float] = Field(description="Share of the items that have it.")
    groups: dict[str, Shares] = Field(
        description="head: the most popular items, with 80 % of the interactions; tail: the other "
        "items with interactions; cold: those without."
    )
    list_length: int
    num_users: int = Field(description="Users whose lists were counted.")
    catalogue_coverage: float = Field(description="Share of the items that is in a list.")
    exposure_gini: float = Field(description="Gini coefficient of the positions in the lists.")
    history_quantiles: list[int] = Field(
        description="Training interactions of a user: minimum, quartiles, maximum."
    )


class Baseline(BaseModel):
    """What the most popular items reach on the validation part."""

    run: str
    num_users: int
    max_held_out: int = Field(description="Largest number of validation items of a user.")
    metrics: dict[str, float]
    member_starts: list[int] = Field(description="First epoch of each ensemble member.")
