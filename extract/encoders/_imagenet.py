"""ImageNetEncoder: base class of the convolutional networks trained on ImageNet."""

from __future__ import annotations

from abc import abstractmethod
from typing import TYPE_CHECKING, Any

import numpy as np

from extract.config import Engine, Precision, Reads
from extract.encoders._file import FileEncoder
from extract.encoders._image import ImageNetwork, check_arithmetic, resize_and_crop
from extract.media import Frames

if TYPE_CHECKING:
    import torch

INPUT_PX = 224


class ImageNetEncoder(FileEncoder):
    """The averaged features before the classifier, a row per frame.

    Attributes:
        preprocessing: description of the preprocessing of a frame.
        shorter_px: length of the shorter side, before the centre crop of 224 x 224.
        bicubic: whether scaling is bicubic instead of bilinear; both are antialiased.
        mean, std: mean and standard deviation of the bytes of each channel.
    """

    reads: Reads = "frames"
    precisions: tuple[Precision, ...] = ("float32", "bfloat16", "int8")
    batch_units = 16
    preprocessing: str
    shorter_px: int
    bicubic: bool
    mean: tuple[float, float, float]
    std: tuple[float, float, float]

    @property
    def settings(self) -> dict[str, Any]:
        """The preprocessing."""
        return {"preprocessing": self.preprocessing}

    def check(self, device: str, *, engine: Engine = "torch") -> None:
        """See `Encoder`."""
        check_arithmetic(device, engine, self.precision)

    @abstractmethod
    def _build(self) -> torch.nn.Module:
        """Return the network with its weights, without its classifier."""

    def load(self, device: str = "cpu", *, engine: Engine = "torch") -> None:
        """Build the network from its weights."""
        self._network = ImageNetwork(
            self._build(),
            mean=self.mean,
            std=self.std,
            input_px=INPUT_PX,
            batch_images=self.batch_units,
            device=device,
            engine=engine,
            precision=self.precision,
        )

    @property
    def cosine(self) -> float | None:
        """See `Encoder`."""
        return self._network.cosine

    def prepare(self, sample: Frames) -> np.ndarray:
        """Shapes: sample.data: (N, H, W, 3) uint8; the result: (N, 3, 224, 224) uint8."""
        return resize_and_crop(
            sample.data, shorter_px=self.shorter_px, crop_px=INPUT_PX, bicubic=self.bicubic
        )

    def encode(self, units: np.ndarray) -> np.ndarray:
        """Shapes: units: (N, 3, 224, 224) uint8; the result: (N, D) float32."""
        return self._network(units)
