"""Encoder: a frozen network with its own preprocessing and provenance."""

from __future__ import annotations

from abc import ABC, abstractmethod
from dataclasses import dataclass
from typing import Any, get_args

import numpy as np

from extract.config import Engine, Precision, Reads, TokenPooling
from extract.registry import Registry
from extract.weights import Weights

Segment = tuple[float, float, str]  # start and end in seconds, and text
Units = Any  # an array whose first axis counts units, or a list of them


@dataclass(frozen=True, eq=False)
class Windows:
    """Windows of equal length of a clip's audio.

    Shapes:
        data: (N, S) float32, mono, in [-1, 1]; the last window may be padded with silence.
        pts_seconds: (N,) float64, start of each window.

    Raises:
        ValueError: the arrays have other shapes or types.
    """

    data: np.ndarray
    sample_rate: int
    pts_seconds: np.ndarray

    def __post_init__(self) -> None:
        if self.data.ndim != 2 or self.data.dtype != np.float32:
            raise ValueError(
                f"windows of audio are (N, S) float32, not {self.data.shape} {self.data.dtype}"
            )
        if self.pts_seconds.shape != self.data.shape[:1]:
            raise ValueError(
                f"{len(self.data)} windows need as many times, not {self.pts_seconds.shape}"
            )

    def __len__(self) -> int:
        return len(self.data)


class Encoder(ABC):
    """A frozen network with its own preprocessing and provenance.

    A clip consists of units (frames, windows of audio, a caption). `prepare` runs where the clip is
    decoded and turns a block of it into units; `encode` runs the network over a batch of units of
    several clips, and returns a row for each. A row must not depend on the other units in its block
    or batch. For an encoder of video, `prepare` turns each frame into an array, and a unit is a
    window of consecutive ones.

    Attributes (of the class if they are the same for all weights):
        name: name in the registry; for an encoder of a family, FAMILY:NAME.
        reads: input of `prepare`: Frames (for frames and video), Windows, str, or Item.
        weights: default weights; None if it needs none.
        version: version of its computation, raised when equal settings give other rows.
        batch_units: number of units in a batch of `encode`.
        unit_bytes: memory of a unit in the network on a GPU, rounded up.
        precisions: precisions that its network supports; `precision` is that of an instance.
        poolings: supported ways to reduce the states of tokens to a row; `pooling` is that of an
            instance, None the one of the network's configuration.
        sample_rate_hz, window_seconds, hop_seconds, min_window_seconds: windows of encoders that
            read audio. The last partial window is padded with silence, and dropped if it contains
            less than `min_window_seconds` of audio; a shorter clip has one padded window.
        num_window_frames, num_hop_frames, window_fps: windows of encoders that read video: frames
            in each, frames from the start of one to that of the next, and frames per second.

    Raises:
        ValueError: a subclass defines a class attribute with an invalid value.
    """

    name: str
    reads: Reads
    weights: Weights | None = None
    version: int = 1
    dim: int
    batch_units: int = 32
    unit_bytes: int = 64 << 20
    precisions: tuple[Precision, ...] = ("float32",)
    precision: Precision = "float32"
    poolings: tuple[TokenPooling, ...] = ()
    pooling: TokenPooling | None = None
    sample_rate_hz: int = 16_000
    window_seconds: float = 0.96
    hop_seconds: float = 0.96
    min_window_seconds: float = 0.1
    num_window_frames: int = 16
    num_hop_frames: int = 16
    window_fps: float = 15.0

    def __init_subclass__(cls) -> None:
        super().__init_subclass__()
        if getattr(cls, "reads", "item") not in get_args(Reads):
            raise ValueError(
                f"{cls.__name__} reads {cls.reads!r}; an encoder reads {', '.join(get_args(Reads))}"
            )
        numbers = cls.sample_rate_hz, cls.window_seconds, cls.hop_seconds
        if not all(isinstance(number, int | float) for number in numbers):
            return  # defined by the instance, as they depend on its weights
        if min(numbers) <= 0 or not 0 <= cls.min_window_seconds <= cls.window_seconds:
            raise ValueError(
                f"{cls.__name__} has windows of {cls.sample_rate_hz} Hz audio, "
                f"{cls.window_seconds} s every {cls.hop_seconds} s, with at least "
                f"{cls.min_window_seconds} s in the last; rate, window and hop must be positive, "
                "and the minimum between 0 and the window"
            )

    def __init__(self, weights: str | None = None) -> None:
        """Store the weights, a name or a path; None for the class's default. Loads nothing."""
        self.given_weights = weights

    @property
    @abstractmethod
    def settings(self) -> dict[str, Any]:
        """What changes a row beside the weights, as JSON: layer, preprocessing, windows."""

    def hashes(self) -> dict[str, str]:
        """Return the hashes of the files of its weights, by name; none if it has no files."""
        return {}

    @property
    def provenance(self) -> dict[str, Any]:
        """Everything that changes a row, as JSON: part of the digest of the feature set."""
        return {"encoder": self.name, "version": self.version, **self.hashes(), **self.settings}

    @abstractmethod
    def load(self, device: str = "cpu", *, engine: Engine = "torch") -> None:
        """Build the network on the device.

        Raises:
            WeightsUnavailable: the weights are not on this machine and cannot be fetched.
            ValueError: the weights are of another network.
        """

    def check(self, device: str, *, engine: Engine = "torch") -> None:  # noqa: ARG002  (a hook)
        """Check that this machine can run it. Called before anything is loaded or decoded.

        Args:
            device: cpu, cuda or cuda:N.

        Raises:
            ValueError: the encoder cannot run on the device with the engine in its `precision`.
        """
        return

    @property
    def published(self) -> Weights | None:
        """Published weights that it uses, present or not; None for a local path."""
        return self.weights if self.given_weights is None else None

    @property
    def revision(self) -> str | None:
        """Repository and commit of its weights, if they come from a hub."""
        return None

    @property
    def cosine(self) -> float | None:
        """Smallest cosine of a row to its float32 row, over the first batch.

        None before the first batch, and in float32.
        """
        return None

    def segments(
        self,
        rows: np.ndarray,  # noqa: ARG002  (an offer)
        pts_seconds: np.ndarray,  # noqa: ARG002
    ) -> tuple[Segment, ...] | None:
        """Return the segments of speech in a clip, for an encoder of speech; None for others.

        Shapes:
            rows: (T, D); pts_seconds: (T,).
        """
        return None

    @abstractmethod
    def prepare(self, sample: Any) -> Units:
        """Turn a block of a clip (Frames, Windows, str or Item) into its units, on the CPU."""

    @abstractmethod
    def encode(self, units: Units) -> np.ndarray:
        """Return a row per unit.

        Shapes:
            units: N units, (N, T, ...) for video; the result: (N, D) float32, finite.
        """


ENCODERS: Registry[type[Encoder]] = Registry(
    "encoder", package="extract.encoders", group="mmgcn.encoders", base=Encoder
)
