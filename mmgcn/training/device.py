"""Where a training runs."""

from __future__ import annotations

import torch


class DeviceError(ValueError):
    """A device that is not known, or not here."""


def find_device(device: str) -> str:
    """Return the device that `auto` stands for, or the given one if it is there.

    Raises:
        DeviceError: it is not, or no device is called so.
    """
    if device == "auto":
        return "cuda" if torch.cuda.is_available() else "cpu"
    if device == "cpu" or (device.startswith("cuda") and torch.cuda.is_available()):
        return device
    if device.startswith("cuda"):
        raise DeviceError(f"device is '{device}', but torch sees no GPU here; use --device cpu")
    raise DeviceError(f"device is '{device}'; known: auto, cpu, cuda, cuda:N")
