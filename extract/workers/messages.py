"""Messages between a worker and its parent; `wire` encodes them."""

from __future__ import annotations

from dataclasses import dataclass
from importlib import import_module
from typing import Any

import numpy as np

from extract.catalogue import AnyFile
from extract.config import ExtractConfig, Precision, TokenPooling
from extract.encoder import Encoder
from extract.media import Coverage


@dataclass(frozen=True)
class EncoderSpec:
    """Name and arguments of an encoder, from which another process creates it."""

    module: str
    qualname: str
    weights: str | None
    precision: Precision = "float32"
    pooling: TokenPooling | None = None

    @classmethod
    def of(cls, encoder: Encoder) -> EncoderSpec:
        """Describe an encoder.

        Raises:
            ValueError: another process cannot import it.
        """
        kind = type(encoder)
        if kind.__module__ == "__main__" or "<locals>" in kind.__qualname__:
            raise ValueError(
                f"the encoder '{encoder.name}' is defined in {kind.__module__} as "
                f"{kind.__qualname__}, where workers cannot import it; move it to a module of its "
                "own, at the top level"
            )
        settings = encoder.given_weights, encoder.precision, encoder.pooling
        return cls(kind.__module__, kind.__qualname__, *settings)

    def build(self) -> Encoder:
        """Return the encoder, not loaded."""
        member: Any = import_module(self.module)
        for name in self.qualname.split("."):
            member = getattr(member, name)
        encoder: Encoder = member(self.weights)
        encoder.precision, encoder.pooling = self.precision, self.pooling
        return encoder


@dataclass(frozen=True)
class Setup:
    """Configuration of a worker, sent before its first clip.

    Args:
        encoders: encoder of each slot; None if the worker does not use it.
        encodes: whether it encodes; otherwise it sends units to its parent.
    """

    encoders: tuple[EncoderSpec | None, ...]
    encodes: bool
    config: ExtractConfig


@dataclass(frozen=True)
class Job:
    """A clip, and the slots of its encoders; none if only its title is read."""

    index: int
    id: str
    path: AnyFile
    encoders: tuple[int, ...]


@dataclass(frozen=True)
class Finish:
    """Request to a worker: finish the current clip, send all rows, start no other clip, and end."""


@dataclass(frozen=True)
class Ready:
    """The worker has loaded its encoders, or `error` is the reason why not."""

    resident_bytes: int = 0
    error: str | None = None


@dataclass(frozen=True)
class Started:
    """The worker is opening this clip: if it dies, this clip is the cause."""

    index: int


@dataclass(frozen=True)
class Allowed:
    """Seconds that a large or long clip may take in addition to the timeout."""

    index: int
    seconds: float


@dataclass(frozen=True)
class Clock:
    """Seconds spent on decoding the clip; its clock is stopped while the worker encodes."""

    decode_seconds: float
    running: bool


@dataclass(frozen=True)
class UnitsOf:
    """Units of a clip, for an encoder.

    Shapes:
        units: (N, ...); pts_seconds: (N,) float64, or (N, 2) of windows of frames: start and end.
    """

    index: int
    encoder: int
    units: Any
    pts_seconds: np.ndarray


@dataclass(frozen=True)
class RowsOf:
    """All rows of one clip by one encoder, and their smallest cosine to float32 rows.

    Shapes:
        rows: (T, D) float32; pts_seconds: (T,) float64, or (T, 2): start and end.
    """

    index: int
    encoder: int
    rows: np.ndarray
    pts_seconds: np.ndarray
    encode_seconds: float = 0.0
    cosine: float | None = None


@dataclass(frozen=True)
class FileFacts:
    """Size, time and hash of a file, by which a changed file is recognised."""

    size_bytes: int = 0
    mtime_ns: int = 0
    content_hash: str = ""


@dataclass(frozen=True)
class Decoded:
    """The clip was read to its end, or `error` is the reason why not."""

    index: int
    facts: FileFacts | None = None
    title: str | None = None
    error: str | None = None
    video: Coverage | None = None
    audio: Coverage | None = None
    has_video: bool = False
    has_audio: bool = False
    hash_seconds: float = 0.0
    decode_seconds: float = 0.0


@dataclass(frozen=True)
class Broken:
    """An error that was not caused by a clip; it ends the run."""

    error: str
