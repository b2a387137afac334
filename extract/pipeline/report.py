"""Report: what came of an extraction."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field
from pathlib import Path


@dataclass(frozen=True)
class Failure:
    """One clip that gave nothing, or less than it promised, in one modality."""

    id: str
    modality: str
    path: str
    reason: str


@dataclass
class Report:
    """What came of an extraction.

    Args:
        counts: for each modality, how many of the items are done, partial, missing, failed or not
            done; `skipped` counts those that were up to date before, whatever their state.
        failures: every item that is failed, in each modality, from this run or an earlier one.
        partial: the same for items of which less came out than their file promised.
        sets: the folder of each modality's features.
        seconds: how long it took.
        cosines: for modalities that were extracted in less than float32, the least cosine of a row
            to its float32 twin, over the first batch of each worker.
        interrupted: it was stopped before the end; the same call goes on.
        planned: of a dry run, how many of the items would be extracted, in any modality.
        notes: what a person should know of the store.
        estimated_seconds: of a dry run with `estimate`, how long that would take.
    """

    counts: dict[str, Counter[str]] = field(default_factory=dict)
    failures: list[Failure] = field(default_factory=list)
    partial: list[Failure] = field(default_factory=list)
    sets: dict[str, Path] = field(default_factory=dict)
    seconds: float = 0.0
    cosines: dict[str, float] = field(default_factory=dict)
    interrupted: bool = False
    planned: int | None = None
    estimated_seconds: float | None = None
    notes: list[str] = field(default_factory=list)
