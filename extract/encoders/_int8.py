"""Data-free int8 quantisation of convolutional networks; imported only for precision int8.

A batch norm contains the mean and the standard deviation of each channel over the training images.
They bound the output of each convolution, so the scales follow from the weights alone and are the
same for every collection.

Source: Nagel, van Baalen, Blankevoort, Welling: Data-Free Quantization Through Weight Equalization
and Bias Correction, ICCV 2019, of which the ranges and the bias correction are used here.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache, reduce
from typing import cast

import torch
from torch.nn import BatchNorm2d, Conv2d, MaxPool2d
from torch.nn.functional import pad

from extract.encoders._fusion import Convolution, replace_convolutions
from extract.encoders._onednn import rectifier

DEVIATIONS = 6  # standard deviations from the mean to the end of the range, as in the paper
QUANTILES = 256


@dataclass(frozen=True, eq=False)
class Channels:
    """Mean and standard deviation of an activation, per channel.

    Shapes:
        mean, std: (C,).
    """

    mean: torch.Tensor
    std: torch.Tensor

    def plus(self, other: Channels) -> Channels:
        """Return the moments of the sum of two activations, assumed to be independent."""
        return Channels(self.mean + other.mean, (self.std**2 + other.std**2).sqrt())

    def clipped(self, ceiling: float) -> Channels:
        """Return the moments after clipping to [0, ceiling], of a normal distribution before it."""
        middles = (torch.arange(QUANTILES) + 0.5) / QUANTILES
        values = self.mean + self.std * torch.special.ndtri(middles)[:, None]
        values = values.clamp(0, ceiling)
        return Channels(values.mean(0), values.std(0, correction=0))


@dataclass(frozen=True)
class Scale:
    """Affine quantisation to bytes: value = (byte - zero) * step."""

    step: float
    zero: int

    @classmethod
    def between(cls, low: float, high: float) -> Scale:
        """Return the finest scale over [low, high]; the value 0 is always exact."""
        low, high = min(low, 0.0), max(high, 0.0)
        step = (high - low) / 255 or 1.0
        return cls(step, round(-low / step))


@cache
def is_available() -> bool:
    """Whether this processor sums products of bytes exactly.

    Without AVX-VNNI, AVX-512 VNNI or AMX, oneDNN sums them in pairs of 16 bits, which overflow.
    """
    if not hasattr(torch.ops.onednn, "qconv_pointwise"):
        return False
    conv = Conv2d(64, 16, 1, bias=False).requires_grad_(False)
    conv.weight.fill_(1)
    given = torch.full((1, 64, 8, 8), 255, dtype=torch.uint8)
    found = Convolution("", conv, "", None, tuple(given.shape), None, False, None)  # type: ignore[arg-type]
    step = _BytesStep(found, Scale(1.0, 0), torch.zeros(64), Scale(64.0, 0), None)
    with torch.inference_mode():
        return bool((step(given.to(memory_format=torch.channels_last)) == 255).all())


def channels_by_path(network: torch.fx.GraphModule) -> dict[str, Channels]:
    """Return the moments of the output of each convolution, from its batch norm, by path.

    Args:
        network: `traced`, not yet `folded`.
    """
    found = {}
    for node in network.graph.nodes:
        if node.op == "call_module":
            norm = network.get_submodule(node.target)
            if isinstance(norm, BatchNorm2d):
                moments = norm.bias.detach(), norm.weight.detach().abs()
                found[node.args[0].target] = Channels(*moments)
    return found


def quantise(
    network: torch.fx.GraphModule,
    example: torch.Tensor,
    channels: dict[str, Channels],
    *,
    low: float,
    high: float,
) -> None:
    """Quantise a network in place, from its first convolution to its last.

    Each output channel of a convolution has its own scale; the shift of its mean by the rounding of
    the weights is subtracted from the bias.

    Args:
        network: `folded`; it is changed.
        example: an image, for the shapes.
        channels: result of `channels_by_path`.
        low, high: range of the pixels; their mean is assumed to be zero.
    """
    graph = network.graph
    (images,) = (node for node in graph.nodes if node.op == "placeholder")
    nothing = torch.zeros(example.shape[1])
    scales = {images.name: Scale.between(low, high)}
    known = {images.name: Channels(nothing, nothing)}

    def is_pool(node: torch.fx.Node) -> bool:
        return node.op == "call_module" and isinstance(
            network.get_submodule(str(node.target)), MaxPool2d
        )

    def source(node: torch.fx.Node) -> str:
        while is_pool(node):  # it keeps the scale of its input
            node = cast(torch.fx.Node, node.args[0])
        return node.name

    def step(found: Convolution) -> torch.nn.Module:
        x, result, added = source(found.x), channels[found.path], None
        if found.other is not None:
            other = source(found.other)
            result, added = result.plus(known[other]), scales[other]
        low = float((result.mean - DEVIATIONS * result.std).min())
        high = float((result.mean + DEVIATIONS * result.std).max())
        if found.ceiling is not None:
            low, high = 0.0, min(high, found.ceiling)
            result = result.clipped(found.ceiling)
        known[found.name], scales[found.name] = result, Scale.between(low, high)
        return _BytesStep(found, scales[x], known[x].mean, scales[found.name], added)

    replace_convolutions(network, example, step)
    for node in list(graph.nodes):
        if is_pool(node) and source(node) in scales:
            scales[node.name] = scales[source(node)]
            pool = cast(MaxPool2d, network.get_submodule(str(node.target)))
            network.set_submodule(str(node.target), _BytesPool(pool))
        elif node.name not in scales:
            for given in node.all_input_nodes:
                if given.name in scales:
                    numbers = _ToNumbers(scales[given.name])
                    with graph.inserting_before(node):
                        node.replace_input_with(given, _call(network, numbers, given))
    with graph.inserting_after(images):
        quantised = _call(network, _ToBytes(scales[images.name]), images)
    images.replace_all_uses_with(quantised, delete_user_cb=lambda user: user is not quantised)
    network.recompile()


def _call(
    network: torch.fx.GraphModule, module: torch.nn.Module, given: torch.fx.Node
) -> torch.fx.Node:
    name = f"{given.name}{type(module).__name__}"
    network.add_module(name, module)
    return network.graph.call_module(name, (given,))


class _ToBytes(torch.nn.Module):
    def __init__(self, scale: Scale) -> None:
        super().__init__()
        self._scale = scale

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        numbers = x.div(self._scale.step).add_(self._scale.zero).round_()
        return numbers.clamp_(0, 255).to(torch.uint8)


class _ToNumbers(torch.nn.Module):
    def __init__(self, scale: Scale) -> None:
        super().__init__()
        self._scale = scale

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return x.float().sub_(self._scale.zero).mul_(self._scale.step)


class _BytesPool(torch.nn.Module):
    """Maximum of each window; torch's own module does not support bytes."""

    def __init__(self, pool: MaxPool2d) -> None:
        super().__init__()
        assert pool.dilation == 1
        assert not pool.ceil_mode
        self._size, self._stride, self._padding = (
            int(cast(int, side)) for side in (pool.kernel_size, pool.stride, pool.padding)
        )

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        x = pad(x, [self._padding] * 4)  # zero is the smallest byte at any scale
        for axis in (2, 3):
            x = reduce(torch.maximum, x.unfold(axis, self._size, self._stride).unbind(-1))
        return x


class _BytesStep(torch.nn.Module):
    """A convolution of bytes, fused with the sum and the rectifier after it.

    Args:
        found: the convolution.
        input_scale: scale of its input.
        means: means of its input. Shapes: (C,).
        output_scale: scale of its output.
        other_scale: scale of the summand.
    """

    def __init__(
        self,
        found: Convolution,
        input_scale: Scale,
        means: torch.Tensor,
        output_scale: Scale,
        other_scale: Scale | None,
    ) -> None:
        super().__init__()
        conv = found.conv
        weight = conv.weight.detach()
        steps = weight.abs().amax((1, 2, 3)).clamp_min(1e-12) / 127
        rounded = (weight / steps.view(-1, 1, 1, 1)).round()
        lost = (weight - rounded * steps.view(-1, 1, 1, 1)).sum((2, 3))
        means = means.view(conv.groups, -1).repeat_interleave(len(weight) // conv.groups, 0)
        bias = torch.zeros(len(weight)) if conv.bias is None else conv.bias.detach()
        self._bias = bias + (lost * means).sum(1)
        self._geometry = (conv.stride, conv.padding, conv.dilation, conv.groups)
        self._input_scale, self._output_scale, self._other_scale = (
            input_scale,
            output_scale,
            other_scale,
        )
        self._after = (*rectifier(found.ceiling), "")
        self._overwrites = found.overwrites
        self._steps, self._zeros = steps, torch.zeros(len(weight), dtype=torch.int64)
        self._weight = torch.ops.onednn.qconv_prepack(
            rounded.to(torch.int8),
            steps,
            input_scale.step,
            input_scale.zero,
            *self._geometry,
            found.input_shape,
        )

    def forward(self, x: torch.Tensor, other: torch.Tensor | None = None) -> torch.Tensor:
        ops = torch.ops.onednn
        before = (
            x,
            self._input_scale.step,
            self._input_scale.zero,
            self._weight,
            self._steps,
            self._zeros,
        )
        after = *self._geometry, self._output_scale.step, self._output_scale.zero, torch.uint8
        if other is None:
            result = ops.qconv_pointwise(*before, self._bias, *after, *self._after)
        else:
            assert self._other_scale is not None
            summand = other if self._overwrites else other.clone()
            sum_of = self._other_scale.step, self._other_scale.zero, "sum", 1.0
            result = ops.qconv2d_pointwise.binary(
                *before, summand, self._bias, *after, *sum_of, *self._after
            )
        return result  # type: ignore[no-any-return]
