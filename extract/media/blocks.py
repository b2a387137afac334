"""Decoded output of a media file: blocks of frames and blocks of audio samples."""

from __future__ import annotations

from dataclasses import dataclass
from typing import NamedTuple

import numpy as np


class TimedFrame(NamedTuple):
    """One frame, (H, W, 3) uint8 RGB, and its presentation time from the first frame.

    `samplings` are the numbers of the samplings that selected it.
    """

    pts_seconds: float
    rgb: np.ndarray
    samplings: tuple[int, ...] = (0,)


@dataclass(frozen=True, eq=False)
class Frames:
    """A batch of frames of one size, in presentation order.

    They are upright (the file's rotation and mirroring are applied), with square pixels, in RGB.
    `sampling` is the number of the sampling that selected them, if a file is read with several.

    Shapes:
        data: (T, H, W, 3) uint8, RGB.
        pts_seconds: (T,) float64, presentation times, from the first frame of the file (even if
            that one cannot be decoded); strictly increasing.
    """

    data: np.ndarray
    pts_seconds: np.ndarray
    sampling: int = 0

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
    """A block of mono audio.

    `start_seconds` is the time of the first sample, from the first frame of the file: negative if
    the audio starts before the video. In a file without video the first sample is at 0.

    Shapes:
        data: (S,) float32, finite and in [-1, 1].
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
        """Duration of the block."""
        return len(self.data) / self.sample_rate
