"""Report: status counts and failures of an extraction."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field
from pathlib import Path


@dataclass(frozen=True)
class Failure:
    """A clip without rows, or with fewer than its file contains, in one modality."""

    id: str
    modality: str
    path: str
    reason: str


@dataclass
class Report:
    """Status of all items after an extraction.

    Args:
        counts: number of items that are done, partial, missing, failed or not done, for each
            modality; `skipped` counts those of any status that were already up to date.
        failures: all failed items, in each modality, of this run and earlier ones.
        partial: all items with fewer rows than their file contains, of this run and earlier ones.
        sets: folder of each modality's features.
        seconds: duration of the run.
        cosines: smallest cosine of a row to its float32 row, over the first batch of each worker,
            for each modality that is extracted in a lower precision than float32.
        interrupted: the run was stopped before its end; the same call resumes it.
        planned: number of items that a dry run would extract in any modality.
        notes: remarks on the store, for the user.
        estimated_seconds: estimated duration of the extraction, in a dry run with `estimate`.
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

    def add(self, other: Report) -> None:
        """Add the later report of other modalities of the same run."""
        for name in ("counts", "sets", "cosines"):
            getattr(self, name).update(getattr(other, name))
        for name in ("failures", "partial", "notes"):
            getattr(self, name).extend(getattr(other, name))
        self.seconds = max(self.seconds, other.seconds)
        self.interrupted = self.interrupted or other.interrupted
        if other.planned is not None:
            self.planned = max(self.planned or 0, other.planned)
        if other.estimated_seconds is not None:
            self.estimated_seconds = (self.estimated_seconds or 0.0) + other.estimated_seconds
