"""find_device: the device of a training."""

from __future__ import annotations

import os

import torch


class DeviceError(ValueError):
    """A device that is unknown or not available."""


def find_device(device: str) -> str:
    """Return the name of an available device; `auto` is a GPU if there is one, else the CPU.

    Of several processes on a machine, each gets its own GPU, by torchrun's LOCAL_RANK.

    Raises:
        DeviceError: the device is unknown or not available, or there are fewer GPUs than processes.
    """
    if device == "auto":
        device = "cuda" if torch.cuda.is_available() else "cpu"
    num_local = int(os.environ.get("LOCAL_WORLD_SIZE", "1"))
    if num_local > 1 and device.startswith("cuda") and torch.cuda.is_available():
        if device != "cuda":
            raise DeviceError(
                f"device is '{device}' for all {num_local} processes; each needs its own: use cuda"
            )
        if num_local > torch.cuda.device_count():
            raise DeviceError(
                f"{num_local} processes were started and torch finds {torch.cuda.device_count()} "
                "GPUs; start one process for each, or use cpu"
            )
        return f"cuda:{os.environ['LOCAL_RANK']}"
    if device == "cpu" or (device.startswith("cuda") and torch.cuda.is_available()):
        return device
    if device.startswith("cuda"):
        raise DeviceError(f"device is '{device}', but torch finds no GPU; use cpu")
    raise DeviceError(f"device is '{device}'; known: auto, cpu, cuda, cuda:N")
