"""What an extraction says while it runs and when it has ended."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field
from pathlib import Path


@dataclass(frozen=True)
class Failure:
    """One clip that could not be extracted in one modality."""

    id: str
    modality: str
    path: str
    reason: str


@dataclass(frozen=True)
class Progress:
    """Where an extraction stands.

    Args:
        num_done, num_total: clips.
        num_failed: clips of which some modality failed.
        seconds: since the start.
        num_encoder_rows: frames, windows and captions encoded so far.
        decode_seconds, encode_seconds, write_seconds: spent on each, summed over the workers.
    """

    num_done: int
    num_total: int
    num_failed: int
    seconds: float
    num_encoder_rows: int
    decode_seconds: float
    encode_seconds: float
    write_seconds: float

    @property
    def bottleneck(self) -> str:
        """What takes most of the time: decoding, encoding or writing."""
        spent = {
            "decoding": self.decode_seconds,
            "encoding": self.encode_seconds,
            "writing": self.write_seconds,
        }
        return max(spent, key=lambda what: spent[what])


@dataclass
class Report:
    """What came of an extraction.

    Args:
        counts: for each modality, how many items have each status now; `skipped` counts those
            that were up to date before.
        failures: every item that failed, in each modality it failed in, this time or before.
        partial: the same for items of which less came out than their file promised.
        sets: the folder of each modality's features.
        seconds: how long it took.
        interrupted: it was stopped before the end; the same command goes on.
        planned: of a dry run, how many clips would be decoded.
    """

    counts: dict[str, Counter[str]] = field(default_factory=dict)
    failures: list[Failure] = field(default_factory=list)
    partial: list[Failure] = field(default_factory=list)
    sets: dict[str, Path] = field(default_factory=dict)
    seconds: float = 0.0
    interrupted: bool = False
    planned: int | None = None
