"""ResNet50, trained on ImageNet.

Source: He, Zhang, Ren, Sun: Deep Residual Learning for Image Recognition, CVPR 2016. Network and
weights from torchvision (BSD-3-Clause), the recipe `IMAGENET1K_V2` with its own preprocessing.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from extract.encoders._imagenet import ImageNetEncoder
from extract.state_dict import fit_state_dict, load_state_dict
from extract.weights import Weights

if TYPE_CHECKING:
    import torch

IMAGENET1K_V2 = Weights(
    name="IMAGENET1K_V2",
    kind="url",
    where="https://download.pytorch.org/models/resnet50-11ad3fa6.pth",
    sha256="11ad3fa6",
    licence="BSD-3-Clause",
)


class ResNet50(ImageNetEncoder):
    """The 2,048 averaged features before the classifier, a row per frame.

    Preprocessing is that of the weights: shorter side to 232 (bilinear, antialiased), centre crop
    of 224 x 224, normalised by ImageNet's mean and standard deviation. Resized pixels are rounded
    to bytes, as by the transforms on byte images.
    """

    name: str = "resnet50"
    weights: Weights | None = IMAGENET1K_V2
    dim = 2048
    preprocessing = "shorter side 232 bilinear antialias, centre 224, ImageNet mean/std"
    shorter_px = 232
    bicubic = False
    mean = (0.485 * 255, 0.456 * 255, 0.406 * 255)
    std = (0.229 * 255, 0.224 * 255, 0.225 * 255)

    def _build(self) -> torch.nn.Module:
        import torch
        from torchvision.models import resnet50

        path = self._path()
        network: torch.nn.Module = resnet50()
        fit_state_dict(network, load_state_dict(path), path)
        network.fc = torch.nn.Identity()
        return network


ENCODER = ResNet50
