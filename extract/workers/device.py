"""Which device encoders run on."""

from __future__ import annotations

import ctypes
import math
import sys

FRAME_BYTES = 64 << 20  # of one frame in a network on a GPU, with room to spare
MIN_FRAMES, MAX_FRAMES = 16, 256


def resolve_device(device: str) -> str:
    """Return the device that `auto` means here, or the given one if there is such a device.

    Raises:
        ValueError: there is not.
    """
    if device == "cpu" or (device == "auto" and not _has_cuda_driver()):
        return "cpu"
    import torch

    if device == "auto":
        return "cuda" if torch.cuda.is_available() else "cpu"
    if int(device.partition(":")[2] or 0) >= torch.cuda.device_count():
        raise ValueError(
            f"device is '{device}', but torch sees {torch.cuda.device_count()} GPUs here; pass "
            "--device cpu, or auto"
        )
    return device


def frames_at_once(device: str, *, share: float = 1.0) -> int | None:
    """Return how many frames a batch should have on a GPU: a power of two that its memory holds.

    Args:
        share: of the device's memory, where others use the rest; more than 1 counts as 1.

    Returns:
        None on the CPU: as many as the encoder likes.
    """
    if device == "cpu":
        return None
    import torch

    # All of its memory, not what is free: batches of another size would round in another way.
    memory_bytes = torch.cuda.get_device_properties(device).total_memory * min(share, 1.0)
    frames = 1 << int(math.log2(max(memory_bytes / FRAME_BYTES, 1)))
    return min(max(frames, MIN_FRAMES), MAX_FRAMES)


def _has_cuda_driver() -> bool:
    """Whether there is any use in asking torch, whose import takes seconds."""
    try:
        ctypes.CDLL("nvcuda.dll" if sys.platform == "win32" else "libcuda.so.1")
    except OSError:
        return False
    return True
