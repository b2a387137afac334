"""ImageEncoder: shared by the encoders of images of all families."""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Callable
from functools import cached_property
from typing import TYPE_CHECKING, Any

import numpy as np

from extract.config import Engine, Reads
from extract.encoder import Encoder
from extract.encoders._image import bounded
from extract.families._encoder import MeasuredEncoder
from extract.families._network import (
    Forward,
    FrozenNetwork,
    Measures,
    check_precision,
    measure,
)

if TYPE_CHECKING:
    import torch

    from extract.media import Frames


class ImageEncoder(MeasuredEncoder):
    """A row per frame or window, by a network of a library, with its weights' preprocessing.

    If the preprocessing ends in (byte * scale - mean) / std, units are bytes, and this last step is
    done on the batch; the results equal those of the library.

    A subclass defines `_geometry`, `_normalisation`, `_build`, `_forward`, and loads the weights
    in `_loaded_network`.
    """

    reads: Reads = "frames"

    @abstractmethod
    def _geometry(self, images: torch.Tensor) -> torch.Tensor:
        """Return images resized and cropped.

        Shapes:
            images: (N, 3, H, W) uint8; the result: (N, 3, h, w) uint8.
        """

    @property
    @abstractmethod
    def _normalisation(self) -> tuple[float, tuple[float, ...], tuple[float, ...]]:
        """Scale of a byte, then mean and standard deviation of each channel."""

    @property
    @abstractmethod
    def _unit_shape(self) -> tuple[int, ...]:
        """Shape of a unit."""

    @abstractmethod
    def _build(self) -> torch.nn.Module:
        """Return the network without weights."""

    @abstractmethod
    def _loaded_network(self) -> torch.nn.Module:
        """Return the network with its weights."""

    @property
    @abstractmethod
    def _forward(self) -> Forward:
        """Return the rows of a batch."""

    @cached_property
    def _measures(self) -> Measures:
        return measure(self._build, self._forward, self._unit_shape)

    @property
    def unit_bytes(self) -> int:  # type: ignore[override]
        """Memory of a frame in the network."""
        return max(Encoder.unit_bytes, self._measures.unit_bytes)

    def check(self, device: str, *, engine: Engine = "torch") -> None:
        """See `Encoder`."""
        check_precision(self.name, device, engine, self.precision)

    def load(self, device: str = "cpu", *, engine: Engine = "torch") -> None:
        """Build the network from its weights."""
        self._network = FrozenNetwork(
            self._loaded_network(), self._forward, device=device, precision=self.precision
        )

    def prepare(self, sample: Frames) -> np.ndarray:
        """Shapes: sample.data: (N, H, W, 3) uint8; the result: (N, 3, h, w) uint8."""
        import torch

        images = torch.from_numpy(np.ascontiguousarray(sample.data)).permute(0, 3, 1, 2)
        return np.asarray(self._geometry(bounded(images)).contiguous().numpy())

    def encode(self, units: np.ndarray) -> np.ndarray:
        """Shapes: units: (N, 3, h, w) uint8, or (N, T, 3, h, w); the result: (N, D) float32."""
        import torch

        scale, mean, std = self._normalisation
        batch = torch.from_numpy(units).float().mul_(scale)
        batch.sub_(torch.tensor(mean).view(-1, 1, 1)).div_(torch.tensor(std).view(-1, 1, 1))
        return self._network(batch)


def through_pil(transform: Callable[[Any], torch.Tensor], images: torch.Tensor) -> torch.Tensor:
    """Return images transformed one by one as images of PIL.

    The libraries' transforms were written for these. On tensors of bytes, the same transforms give
    other pixels: bicubic ones differ by up to 20 levels in torchvision's first version.

    Shapes:
        images: (N, 3, H, W) uint8; the result: (N, 3, h, w) uint8.
    """
    import torch
    from PIL import Image

    frames = images.permute(0, 2, 3, 1).contiguous().numpy()  # -> (N, H, W, 3)
    return torch.stack([transform(Image.fromarray(frame)) for frame in frames])
