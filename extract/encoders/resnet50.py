"""ResNet50, trained on ImageNet.

Source: He, Zhang, Ren, Sun: Deep Residual Learning for Image Recognition, CVPR 2016. Network and
weights from torchvision (BSD-3-Clause), the recipe `IMAGENET1K_V2` with its own preprocessing.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np

from extract.config import Engine, Precision, Reads
from extract.encoder import Encoder
from extract.encoders._image import ImageNetwork, check_arithmetic, resize_and_crop
from extract.media import Frames
from extract.state_dict import fit_state_dict, load_state_dict
from extract.weights import Weights, resolve, sha256_of

IMAGENET1K_V2 = Weights(
    name="IMAGENET1K_V2",
    kind="url",
    where="https://download.pytorch.org/models/resnet50-11ad3fa6.pth",
    sha256="11ad3fa6",
    licence="BSD-3-Clause",
)


class ResNet50(Encoder):
    """The 2,048 averaged features before the classifier, a row per frame.

    Preprocessing is that of the weights: shorter side to 232 (bilinear, antialiased), centre crop
    of 224 x 224, normalised by ImageNet's mean and standard deviation. Pixels are rounded to bytes
    in between, as by the transforms on byte images.
    """

    name: str = "resnet50"
    reads: Reads = "frames"
    precisions: tuple[Precision, ...] = ("float32", "bfloat16", "int8")
    weights: Weights | None = IMAGENET1K_V2
    dim = 2048
    batch_units = 16

    def _path(self) -> Path:
        return resolve(IMAGENET1K_V2, self.given_weights)

    @property
    def provenance(self) -> dict[str, Any]:
        """Network, hash of the weights, and preprocessing."""
        return {
            "encoder": self.name,
            "version": 1,
            "weights_sha256": sha256_of(self._path()),
            "preprocessing": "shorter side 232 bilinear antialias, centre 224, ImageNet mean/std",
        }

    def check(self, device: str, *, engine: Engine = "torch") -> None:
        """See `Encoder`."""
        check_arithmetic(device, engine, self.precision)

    def load(self, device: str = "cpu", *, engine: Engine = "torch") -> None:
        """Build the network from its weights."""
        import torch
        from torchvision.models import resnet50

        path = self._path()
        network = resnet50()
        fit_state_dict(network, load_state_dict(path), path)
        network.fc = torch.nn.Identity()
        self._network = ImageNetwork(
            network,
            mean=(0.485 * 255, 0.456 * 255, 0.406 * 255),
            std=(0.229 * 255, 0.224 * 255, 0.225 * 255),
            input_px=224,
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
        return resize_and_crop(sample.data, shorter_px=232, crop_px=224, bicubic=False)

    def encode(self, units: np.ndarray) -> np.ndarray:
        """Shapes: units: (N, 3, 224, 224) uint8; the result: (N, 2048) float32."""
        return self._network(units)


ENCODER = ResNet50
