"""Schemas of the service itself: the run in service, and whether it responds."""

from __future__ import annotations

from typing import Any, Literal

from pydantic import BaseModel, Field


class Refused(BaseModel):
    """A run that was not put into service."""

    run: str
    detail: str
    at: str = Field(description="Time, ISO 8601.")


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
    loaded: str = Field(description="When the run was put into service.")
    refused: Refused | None = Field(description="A newer run that was refused, and why.")


class Health(BaseModel):
    """The service runs."""

    status: Literal["ok"]


class Ready(BaseModel):
    """The service can respond."""

    run: str
    loaded: str = Field(description="When the run was put into service; it changes with the run.")
    has_refused: bool = Field(description="Whether a newer run was refused, see `/v1/run`.")
    feedback: Literal["on", "off", "unavailable"]
