"""Shared by the image encoders: resizing, and a network that runs fast over byte images."""

from __future__ import annotations

import ctypes
import sys
from functools import cache
from typing import TYPE_CHECKING, Any

import numpy as np

from extract.config import Engine, Precision
from extract.extras import install_command

if TYPE_CHECKING:
    import torch

M_TRIM_THRESHOLD, M_MMAP_THRESHOLD = -1, -3  # glibc's malloc.h
# Longer strips are cropped before they are scaled: a frame of 16,384 x 2 px would take 1.3 GB.
LONGEST_ASPECT = 16


def resize_and_crop(
    frames: np.ndarray, *, shorter_px: int, crop_px: int, bicubic: bool
) -> np.ndarray:
    """Return each frame resized by its shorter side, then cropped to the centre.

    torchvision's antialiased resize on bytes: the same pixels as PIL's, several times faster. A
    frame more than 16 times as long as it is wide is cropped first.

    Shapes:
        frames: (N, H, W, 3) uint8; the result: (N, 3, crop_px, crop_px) uint8.
    """
    import torch
    from torchvision.transforms.v2 import InterpolationMode, functional

    interpolation = InterpolationMode.BICUBIC if bicubic else InterpolationMode.BILINEAR
    images = bounded(torch.from_numpy(np.ascontiguousarray(frames)).permute(0, 3, 1, 2))
    scaled = functional.resize(images, [shorter_px], interpolation=interpolation, antialias=True)
    return np.asarray(functional.center_crop(scaled, [crop_px, crop_px]).contiguous().numpy())


def bounded(images: torch.Tensor) -> torch.Tensor:
    """Return images cropped to the centre so that none is more than 16 times as long as wide.

    Shapes:
        images: (N, 3, H, W).
    """
    from torchvision.transforms.v2 import functional

    longest = LONGEST_ASPECT * min(images.shape[2:])
    if max(images.shape[2:]) <= longest:
        return images
    cropped: torch.Tensor = functional.center_crop(
        images, [min(n, longest) for n in images.shape[2:]]
    )
    return cropped


class ImageNetwork:
    """A convolutional network over batches of byte images.

    Batch norm is folded into the convolutions. On a CPU: channels last, convolutions fused with the
    steps after them, and an allocator that keeps large blocks, since returning them to the system
    after each batch costs more than the computation. On CUDA: half precision, from pinned memory.
    ONNX Runtime runs only on the CPU, in float32.

    In bfloat16 or int8 on a CPU, the first batch is computed in float32, too, and `cosine` is the
    smallest cosine of a row to its float32 row.

    Args:
        network: maps (N, 3, H, W) float32 to (N, D); traceable, of torch's own modules.
        mean, std: mean and standard deviation of the pixels as bytes, per channel.
        input_px: side of the square images.
        batch_images: usual size of a batch.

    Raises:
        ValueError: ONNX Runtime on another device than the CPU, or in another precision than
            float32; or a precision that the processor cannot compute in.
        ImportError: ONNX Runtime is not installed.
    """

    def __init__(
        self,
        network: torch.nn.Module,
        *,
        mean: tuple[float, ...],
        std: tuple[float, ...],
        input_px: int,
        batch_images: int,
        device: str,
        engine: Engine,
        precision: Precision = "float32",
    ) -> None:
        import torch

        from extract.encoders._fusion import folded, traced

        self._device = torch.device(device)
        check_arithmetic(device, engine, precision)
        self.cosine: float | None = None
        self._float32_network: torch.nn.Module | None = None
        self._dtype = torch.bfloat16 if precision == "bfloat16" else torch.float32
        self._mean = torch.tensor(mean, device=self._device).view(1, 3, 1, 1)
        self._scale = 1 / torch.tensor(std, device=self._device).view(1, 3, 1, 1)
        keep_large_blocks()
        steps = traced(network.requires_grad_(False))
        network = folded(steps)
        if engine == "onnx":
            self._session: Any = onnx_session(network, torch.zeros(1, 3, input_px, input_px))
            return
        self._session = None
        shape = (batch_images, 3, input_px, input_px)
        if self._device.type == "cpu" and precision != "float32":
            self._float32_network = self._laid_out(folded(steps), torch.zeros(shape))
        if precision == "int8":
            from extract.encoders._int8 import channels_by_path, quantise

            low, high = ((byte - self._mean) * self._scale for byte in (0, 255))
            bounds = {"low": float(low.min()), "high": float(high.max())}
            quantise(network, torch.zeros(1, *shape[1:]), channels_by_path(steps), **bounds)
            self._network: torch.nn.Module = network
        else:
            self._network = self._laid_out(
                network.to(self._dtype), torch.zeros(shape, dtype=self._dtype)
            )

    def __call__(self, images: np.ndarray) -> np.ndarray:
        """Shapes: images: (N, 3, H, W) uint8; the result: (N, D) float32."""
        import torch

        batch = torch.from_numpy(images)
        with torch.inference_mode():
            if self._device.type == "cuda":
                batch = batch.pin_memory().to(self._device, non_blocking=True)
                batch = self._normalised(batch).to(memory_format=torch.channels_last)
                half = torch.float16 if self._dtype == torch.float32 else self._dtype
                with torch.autocast("cuda", half):
                    return np.asarray(self._network(batch).float().cpu())
            batch = self._normalised(batch.to(self._device))
            if self._session is None:
                batch = batch.to(memory_format=torch.channels_last)
                rows = self._network(batch.to(self._dtype)).float()
                if self._float32_network is not None:
                    cosines = torch.nn.functional.cosine_similarity(
                        rows, self._float32_network(batch)
                    )
                    self.cosine, self._float32_network = float(cosines.min()), None
                return np.asarray(rows.cpu())
            (rows,) = self._session.run(None, {"images": batch.numpy()})
            return np.asarray(rows)

    def _laid_out(self, network: torch.fx.GraphModule, example: torch.Tensor) -> torch.nn.Module:
        """Return the network on the device, in its memory format and with its fused calls."""
        import torch

        from extract.encoders import _onednn

        network = network.to(self._device).to(memory_format=torch.channels_last)
        if self._device.type == "cpu" and _onednn.is_available():
            with torch.inference_mode():
                _onednn.fuse_convolutions(network, example.to(memory_format=torch.channels_last))
        return network

    def _normalised(self, batch: torch.Tensor) -> torch.Tensor:
        return batch.float().sub_(self._mean).mul_(self._scale)


def check_arithmetic(device: str, engine: Engine, precision: Precision) -> None:
    """Refuse an engine or a precision that this machine cannot compute with.

    Raises:
        ValueError: the engine does not run on the device or in the precision, or the processor
            lacks the instructions that the precision needs.
    """
    on_cpu = device.partition(":")[0] == "cpu"
    if engine == "onnx" and not on_cpu:
        raise ValueError(
            f"the engine onnx runs on the CPU, not on {device}; use the device cpu, or the engine "
            "torch"
        )
    if engine == "onnx" and precision != "float32":
        raise ValueError(
            f"the engine onnx computes in float32, not in {precision}; use the engine torch, or "
            "the precision float32"
        )
    if precision == "int8" and not on_cpu:
        raise ValueError(
            f"int8 is computed on the CPU, not on {device}, which computes in half precision "
            "anyway; use the device cpu, or the precision float32"
        )
    if precision == "float32" or not on_cpu:
        return
    from extract.encoders import _int8, _onednn

    if precision == "int8" and not _int8.is_available():
        raise ValueError(
            "int8 needs an x86 processor with VNNI or AMX, and torch's oneDNN; sums of bytes "
            "overflow on this one: use the precision float32"
        )
    if precision == "bfloat16" and _onednn.is_available() and not _onednn.computes_bfloat16():
        raise ValueError(
            "bfloat16 needs an x86 processor with AVX-512 (BW, VL and DQ) or AVX-NE-CONVERT, which "
            "this one lacks: use the precision float32"
        )


def onnx_session(network: torch.nn.Module, example: torch.Tensor) -> Any:
    """Export a network in memory, and open it with ONNX Runtime.

    Raises:
        ImportError: the extra is not installed.
    """
    import contextlib
    import io
    import warnings

    import torch

    try:
        import onnxruntime
        import onnxscript  # noqa: F401  (the exporter needs it)
    except ImportError as error:
        raise ImportError(
            f"engine='onnx' needs {error.name}; install it with: {install_command('onnx')}"
        ) from error
    with warnings.catch_warnings(), contextlib.redirect_stdout(io.StringIO()):
        warnings.simplefilter("ignore")
        program = torch.onnx.export(
            network,
            (torch.cat([example, example]),),
            dynamo=True,
            input_names=["images"],
            dynamic_shapes=({0: torch.export.Dim("batch")},),
            verbose=False,
        )
    assert program is not None
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = torch.get_num_threads()
    options.log_severity_level = 3
    return onnxruntime.InferenceSession(
        program.model_proto.SerializeToString(), options, providers=["CPUExecutionProvider"]
    )


@cache
def keep_large_blocks() -> None:
    """Make glibc keep the memory of a batch for the next one. Does nothing on other systems."""
    if not sys.platform.startswith("linux"):
        return
    mallopt = getattr(ctypes.CDLL(None), "mallopt", None)
    if mallopt is None:  # musl has none
        return
    if not mallopt(M_MMAP_THRESHOLD, 1 << 30):
        mallopt(M_MMAP_THRESHOLD, 1 << 25)  # the maximum of older versions
    mallopt(M_TRIM_THRESHOLD, (1 << 31) - 1)
