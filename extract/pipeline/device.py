"""Which device encoders run on."""

from __future__ import annotations

import ctypes
import sys


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


def _has_cuda_driver() -> bool:
    """Whether there is any use in asking torch, whose import takes seconds."""
    try:
        ctypes.CDLL("nvcuda.dll" if sys.platform == "win32" else "libcuda.so.1")
    except OSError:
        return False
    return True
