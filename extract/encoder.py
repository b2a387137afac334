"""Encoder: a frozen network with its own preprocessing and provenance."""

from __future__ import annotations

from abc import ABC, abstractmethod
from dataclasses import dataclass
from typing import Any, ClassVar, Literal

import numpy as np

from extract.registry import Registry
from extract.weights import Weights

Reads = Literal["frames", "waveform", "text", "item"]
Engine = Literal["torch", "onnx"]
Units = Any  # an array whose first axis counts units, or a list of them


@dataclass(frozen=True, eq=False)
class Windows:
    """Equal cuts of a clip's sound.

    Shapes:
        data: (N, S) float32, mono, in [-1, 1]; the last window may end in silence.
        pts_seconds: (N,) float64, where each window begins.
    """

    data: np.ndarray
    sample_rate: int
    pts_seconds: np.ndarray


class Encoder(ABC):
    """A frozen network with its own preprocessing and provenance.

    A clip is cut into units (a frame, a window of sound, a caption). `prepare` runs where the clip
    is decoded and turns a block of it into units; `encode` runs the network over a batch of units
    that may come from several clips, a row each. Both treat every unit alone: how a clip was cut
    into blocks and batches changes nothing.

    Class attributes:
        name: as in the registry.
        reads: what `prepare` is given: Frames, Windows, str, or Item.
        weights: the weights it uses unless told otherwise; None where it needs none.
        batch_units: how many units one call of `encode` likes to get.
        sample_rate_hz, window_seconds, hop_seconds, min_window_seconds: for encoders of sound, how
            it is to be cut. The last partial window is padded with silence and kept when it holds
            at least `min_window_seconds` of sound; a shorter clip gives one padded window.
    """

    name: ClassVar[str]
    reads: ClassVar[Reads]
    weights: ClassVar[Weights | None] = None
    dim: int
    batch_units: int = 32
    sample_rate_hz: ClassVar[int] = 16_000
    window_seconds: ClassVar[float] = 0.96
    hop_seconds: ClassVar[float] = 0.96
    min_window_seconds: ClassVar[float] = 0.1

    def __init__(self, weights: str | None = None) -> None:
        """Remember which weights: a name or a path; None means the class's own. Loads nothing."""
        self.given_weights = weights

    @property
    @abstractmethod
    def provenance(self) -> dict[str, Any]:
        """Everything that changes a number, as JSON: it becomes part of the store's digest."""

    @abstractmethod
    def load(self, device: str = "cpu", *, engine: Engine = "torch") -> None:
        """Build the network on the device, ready to encode.

        Raises:
            WeightsUnavailable: the weights are not here and cannot be fetched.
            ValueError: the weights are of another network.
        """

    @abstractmethod
    def prepare(self, sample: Any) -> Units:
        """Turn a block of a clip (Frames, Windows, str or Item) into its units, on the CPU."""

    @abstractmethod
    def encode(self, units: Units) -> np.ndarray:
        """Return one row a unit.

        Shapes:
            units: N of them; the result: (N, D) float32, finite.
        """


ENCODERS: Registry[type[Encoder]] = Registry(
    "encoder", package="extract.encoders", group="mmgcn.encoders"
)
