"""Convolutions on x86 processors, fused with the sum and the rectifier after them."""

from __future__ import annotations

import math
import platform
from functools import cache

import torch
from torch.nn import Conv2d

from extract.encoders._fusion import Convolution, replace_convolutions


def is_available() -> bool:
    """Whether this build of torch has oneDNN's fused convolutions, on an x86 processor."""
    ops = ("_convolution_pointwise", "_convolution_pointwise_", "_reorder_convolution_weight")
    return (
        platform.machine() in ("x86_64", "AMD64")
        and torch.backends.mkldnn.is_available()  # type: ignore[no-untyped-call]
        and all(hasattr(torch.ops.mkldnn, name) for name in ops)
    )


@cache
def computes_bfloat16() -> bool:
    """Whether the fused convolutions run in bfloat16 on this processor.

    They need AVX-512 (BW, VL and DQ) or AVX-NE-CONVERT; torch raises if the processor has neither.
    """
    conv = Conv2d(16, 16, 1, bias=False).requires_grad_(False).to(torch.bfloat16)
    conv.weight.fill_(1)
    ones = torch.ones((1, 16, 8, 8), dtype=torch.bfloat16).to(memory_format=torch.channels_last)
    found = Convolution("", conv, "", None, tuple(ones.shape), None, False, None)  # type: ignore[arg-type]
    try:
        with torch.inference_mode():
            return bool((_FloatStep(found, 1)(ones) == 16).all())
    except RuntimeError:
        return False


def fuse_convolutions(network: torch.fx.GraphModule, example: torch.Tensor) -> None:
    """Replace each convolution, and the sum and rectifier after it, by one call of oneDNN.

    Weights are reordered for the processor once, not in each batch, and a sum overwrites its
    summand if nothing else uses it. torch.compile takes minutes for the same, this milliseconds;
    the results are equal.

    Args:
        network: `folded`; it is changed.
        example: a batch, for the shapes.
    """
    image = example[:1]  # all dimensions except that of the batch
    replace_convolutions(network, image, lambda found: _FloatStep(found, len(example)))


def rectifier(ceiling: float | None) -> tuple[str, list[float]]:
    """Return the name and the limits of a rectifier in oneDNN."""
    if ceiling is None:
        return "none", []
    return ("relu", []) if ceiling == math.inf else ("hardtanh", [0.0, ceiling])


class _FloatStep(torch.nn.Module):
    def __init__(self, found: Convolution, batch_size: int) -> None:
        super().__init__()
        conv = found.conv
        self._geometry = (conv.padding, conv.stride, conv.dilation, conv.groups)
        name, limits = rectifier(found.ceiling)
        self._after = name, limits, ""
        self._after_sum = "add", 1.0, None if name == "none" else name, limits, ""
        self._overwrites = found.overwrites
        self._bias = conv.bias
        self._weight = torch.ops.mkldnn._reorder_convolution_weight(
            conv.weight, *self._geometry, [batch_size, *found.input_shape[1:]]
        )

    def forward(self, x: torch.Tensor, other: torch.Tensor | None = None) -> torch.Tensor:
        ops = torch.ops.mkldnn
        rest = self._weight, self._bias, *self._geometry
        if other is None:
            result = ops._convolution_pointwise(x, *rest, *self._after)
        elif self._overwrites:
            result = ops._convolution_pointwise_.binary(other, x, *rest, *self._after_sum)
        else:
            result = ops._convolution_pointwise.binary(x, other, *rest, *self._after_sum)
        return result  # type: ignore[no-any-return]
