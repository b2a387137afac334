"""Networks of any library: their rows, their width, and the memory of a unit."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, TypeVar

import numpy as np

from extract.config import Engine, Precision
from extract.encoders._image import check_arithmetic, keep_large_blocks
from extract.family import UnknownModel

if TYPE_CHECKING:
    import torch

BATCH_BYTES = 256 << 20  # of the activations of a batch on a CPU; the same on every machine
MAX_UNITS = 16
ALIVE = 4  # approximate number of outputs as large as the largest one that are in memory at once

T = TypeVar("T")
Forward = Callable[..., Any]  # (network, batch) -> rows


class FrozenNetwork:
    """A network that returns rows, in a precision.

    On a CPU, bfloat16 is torch's autocast: matrix products and convolutions in bfloat16, the rest
    in float32. The first batch is computed in float32, too, and `cosine` is the smallest cosine of
    a row to its float32 row. On CUDA, the network computes in half precision.

    Args:
        network: network in evaluation mode.
        forward: returns the rows (N, D) of a batch.
    """

    def __init__(
        self,
        network: torch.nn.Module,
        forward: Forward,
        *,
        device: str,
        precision: Precision = "float32",
    ) -> None:
        import torch

        keep_large_blocks()
        self._device = torch.device(device)
        self._network = network.eval().requires_grad_(False).to(self._device)
        self._forward, self._precision = forward, precision
        self.cosine: float | None = None

    def __call__(self, batch: torch.Tensor, *more: torch.Tensor) -> np.ndarray:
        """Return the rows of a batch.

        Args:
            more: further arguments of `forward`.

        Shapes:
            batch: (N, ...) float32; the result: (N, D) float32.
        """
        import torch

        on_cpu = self._device.type == "cpu"
        half = torch.bfloat16 if on_cpu or self._precision == "bfloat16" else torch.float16
        reduced = not on_cpu or self._precision == "bfloat16"
        given = [tensor.to(self._device) for tensor in (batch, *more)]
        with torch.inference_mode():
            with torch.autocast(self._device.type, half, enabled=reduced):
                rows = self._forward(self._network, *given).float()
            if on_cpu and reduced and self.cosine is None:
                exact = self._forward(self._network, *given)
                self.cosine = float(torch.nn.functional.cosine_similarity(rows, exact).min())
        return np.asarray(rows.cpu().numpy())


@dataclass(frozen=True)
class Measures:
    """Width of a network's rows, and bytes of its activations for one unit."""

    width: int
    unit_bytes: int

    @property
    def batch_units(self) -> int:
        """Number of units in a batch on a CPU: a power of two, at most 16."""
        units = MAX_UNITS
        while units > 1 and units * self.unit_bytes > BATCH_BYTES:
            units //= 2
        return units


def without_weights(build: Callable[[], T]) -> T:
    """Return the network that `build` returns, on torch's device `meta`, which takes no memory.

    If that fails, it is built on the CPU: some networks compute with tensors while being built.
    """
    import torch

    try:
        with torch.device("meta"), torch.inference_mode():
            return build()
    except (NotImplementedError, RuntimeError):
        with torch.inference_mode():
            return build()


def measure(
    build: Callable[[], torch.nn.Module], forward: Forward, unit: tuple[int, ...]
) -> Measures:
    """Return the measures of a network, without its weights.

    Args:
        build: returns the network without weights.
        unit: shape of one unit of its input.
    """
    import torch

    largest = 0

    def note(_module: object, _inputs: object, output: object) -> None:
        nonlocal largest
        if isinstance(output, torch.Tensor):
            largest = max(largest, output.numel() * 4)

    def width() -> int:
        network = build().eval()
        for module in network.modules():
            module.register_forward_hook(note)
        return int(forward(network, torch.zeros(1, *unit)).shape[1])

    return Measures(without_weights(width), largest * ALIVE)


def check_precision(name: str, device: str, engine: Engine, precision: Precision) -> None:
    """Refuse an engine or a precision that the encoders of families do not support.

    Raises:
        ValueError: the engine is onnx, or the processor lacks the precision.
    """
    if engine == "onnx":
        raise ValueError(
            f"the engine onnx runs resnet50 and efficientnet_lite0, not {name}; use the engine "
            "torch"
        )
    check_arithmetic(device, engine, precision)


def output_rows(network: torch.nn.Module, batch: torch.Tensor) -> torch.Tensor:
    """Return the output of a network that returns rows. Shapes: (N, ...) -> (N, D)."""
    rows: torch.Tensor = network(batch)
    return rows


def layer_forward(layer: str, forward: Forward, *, channels_last: bool = False) -> Forward:
    """Return a forward function whose rows are the pooled output of a module.

    Maps are pooled by the mean over positions, sequences by the mean over tokens.

    Args:
        layer: path of the module, "blocks.3".
        forward: runs the network.
        channels_last: whether its maps are (N, H, W, C).

    Raises:
        UnknownModel: when called, if the network has no such module.
        ValueError: when called, if the module's output is not a tensor of rows, tokens or maps.
    """

    def forward_to_layer(network: torch.nn.Module, batch: torch.Tensor) -> torch.Tensor:
        found: list[Any] = []
        modules = dict(network.named_modules())
        if layer not in modules:
            raise UnknownModel("no layer of the network", layer, [name for name in modules if name])

        def keep(_module: object, _inputs: object, output: object) -> None:
            found.append(output[0] if isinstance(output, tuple) else output)

        handle = modules[layer].register_forward_hook(keep)
        try:
            forward(network, batch)
        finally:
            handle.remove()
        return pooled_output(found[-1] if found else None, layer, channels_last=channels_last)

    return forward_to_layer


def pooled_output(output: object, layer: str, *, channels_last: bool = False) -> torch.Tensor:
    """Return rows of a layer's output: rows themselves, mean of tokens, or mean of positions.

    Shapes:
        output: (N, D), (N, T, D), (N, D, H, W), (N, D, T, H, W), or (N, H, W, D) if
            `channels_last`; the result: (N, D).

    Raises:
        ValueError: the output has another shape, or is not a tensor.
    """
    import torch

    if isinstance(output, torch.Tensor) and 2 <= output.ndim <= 5:
        if output.ndim == 2:
            return output
        if output.ndim == 3:
            return output.mean(dim=1)  # (N, T, D) -> (N, D)
        positions = tuple(range(1, output.ndim - 1) if channels_last else range(2, output.ndim))
        return output.mean(dim=positions)  # (N, D, H, W) -> (N, D)
    shape = (
        f"of shape {tuple(output.shape)}" if isinstance(output, torch.Tensor) else "not a tensor"
    )
    raise ValueError(
        f"the output of layer '{layer}' is {shape}; rows, tokens or maps are expected: name "
        "another layer"
    )
