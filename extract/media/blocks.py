"""What a clip decodes to: blocks of frames and blocks of sound."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np


@dataclass(frozen=True, eq=False)
class Frames:
    """Pictures in the order in which they are shown, as a person would see them.

    Upright (rotation and mirroring of the file are applied), with square pixels, in RGB.

    Shapes:
        data: (T, H, W, 3) uint8, RGB.
        pts_seconds: (T,) float64, the time at which each is shown, from the first picture of the
            file (which may be one that cannot be decoded); strictly increasing.
    """

    data: np.ndarray
    pts_seconds: np.ndarray

    def __post_init__(self) -> None:
        if self.data.ndim != 4 or self.data.shape[3] != 3 or self.data.dtype != np.uint8:
            raise ValueError(
                f"frames are (T, H, W, 3) uint8, not {self.data.shape} {self.data.dtype}"
            )
        if self.pts_seconds.shape != self.data.shape[:1]:
            raise ValueError(
                f"{len(self.data)} frames need as many times, not {self.pts_seconds.shape}"
            )

    def __len__(self) -> int:
        return len(self.data)


@dataclass(frozen=True, eq=False)
class Waveform:
    """Mono sound.

    Shapes:
        data: (S,) float32, finite and in [-1, 1].

    `start_seconds` is where the block begins, from the first picture of the file: below 0 if sound
    comes before it. In a file without pictures the first sample is at 0.
    """

    data: np.ndarray
    sample_rate: int
    start_seconds: float = 0.0

    def __post_init__(self) -> None:
        if self.data.ndim != 1 or self.data.dtype != np.float32:
            raise ValueError(f"a waveform is (S,) float32, not {self.data.shape} {self.data.dtype}")
        if self.sample_rate <= 0:
            raise ValueError(f"a sample rate is a positive number of Hz, not {self.sample_rate}")

    @property
    def seconds(self) -> float:
        """How long the block lasts."""
        return len(self.data) / self.sample_rate
