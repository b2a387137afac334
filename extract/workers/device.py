"""Device of the encoders, and the batch size that fits its memory."""

from __future__ import annotations

import ctypes
import math
import sys

MAX_UNITS = 256


def resolve_device(device: str) -> str:
    """Return the device that `auto` means on this machine, or the given one.

    Raises:
        ValueError: the device does not exist.
    """
    if device == "cpu" or (device == "auto" and not _has_cuda_driver()):
        return "cpu"
    import torch

    if device == "auto":
        return "cuda" if torch.cuda.is_available() else "cpu"
    if int(device.partition(":")[2] or 0) >= torch.cuda.device_count():
        raise ValueError(
            f"device is '{device}', but torch sees {torch.cuda.device_count()} GPUs here; pass "
            "device='cpu' or device='auto'"
        )
    return device


def units_at_once(device: str, unit_bytes: int, *, share: float = 1.0) -> int | None:
    """Return the number of units in a batch on a GPU: a power of two that fits its memory.

    Args:
        unit_bytes: memory of one unit in the network.
        share: share of the device's memory that may be used; more than 1 counts as 1.

    Returns:
        None on the CPU: the encoder's own number.
    """
    if device == "cpu":
        return None
    import torch

    # Total memory, not free memory: batches of another size round differently.
    memory_bytes = torch.cuda.get_device_properties(device).total_memory * min(share, 1.0)
    units = 1 << int(math.log2(max(memory_bytes / unit_bytes, 1)))
    return min(units, MAX_UNITS)


def _has_cuda_driver() -> bool:
    """Whether there is a driver; importing torch to find out takes seconds."""
    try:
        ctypes.CDLL("nvcuda.dll" if sys.platform == "win32" else "libcuda.so.1")
    except OSError:
        return False
    return True
