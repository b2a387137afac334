"""Where a training runs."""

from __future__ import annotations

import os

import torch


class DeviceError(ValueError):
    """A device that is not known, or not here."""


def find_device(device: str) -> str:
    """Return the device that `auto` stands for, or the given one if it is there.

    Of several processes on a machine each gets a GPU of its own, by torchrun's LOCAL_RANK.

    Raises:
        DeviceError: it is not, no device is called so, or there are fewer GPUs than processes.
    """
    if device == "auto":
        device = "cuda" if torch.cuda.is_available() else "cpu"
    here = int(os.environ.get("LOCAL_WORLD_SIZE", "1"))
    if here > 1 and device.startswith("cuda") and torch.cuda.is_available():
        if device != "cuda":
            raise DeviceError(
                f"device is '{device}' for all {here} processes; each needs its own, so use "
                "--device cuda"
            )
        if here > torch.cuda.device_count():
            raise DeviceError(
                f"{here} processes were started and torch sees {torch.cuda.device_count()} GPUs "
                "here; start one for each, or use --device cpu"
            )
        return f"cuda:{os.environ['LOCAL_RANK']}"
    if device == "cpu" or (device.startswith("cuda") and torch.cuda.is_available()):
        return device
    if device.startswith("cuda"):
        raise DeviceError(f"device is '{device}', but torch sees no GPU here; use --device cpu")
    raise DeviceError(f"device is '{device}'; known: auto, cpu, cuda, cuda:N")
