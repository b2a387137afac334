"""Schemas of requests for media."""

from __future__ import annotations

from pydantic import BaseModel, ConfigDict, Field

from mmgcn.service.schemas import Id

MAX_POSTERS = 200  # of a request


class PosterRequest(BaseModel):
    """A request for the posters of videos."""

    model_config = ConfigDict(
        extra="forbid", json_schema_extra={"examples": [{"item_ids": ["clip-003", "clip-006"]}]}
    )

    item_ids: list[Id] = Field(min_length=1, max_length=MAX_POSTERS)


class PosterStates(BaseModel):
    """State of the posters, each item once."""

    ready: list[str]
    waiting: list[str] = Field(description="Being drawn; request them again later.")
    failed: list[str] = Field(description="Items without a video, or whose video has no poster.")
