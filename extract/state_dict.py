"""State dicts: tensors by name, read from a file and put into the network that they are of."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from extract.weights import WrongWeights, first_line


def load_state_dict(path: Path) -> dict[str, Any]:
    """Read a file of tensors by name: .safetensors, or torch's own with weights alone.

    Raises:
        WrongWeights: it is no such file.
    """
    import torch

    try:
        if path.suffix == ".safetensors":
            from safetensors.torch import load_file

            return dict(load_file(path))
        held = torch.load(path, map_location="cpu", weights_only=True)
    except Exception as error:  # a damaged file makes their readers raise errors of every kind
        raise WrongWeights(f"{path} is no file of weights: {first_line(error)}") from error
    if isinstance(held, dict) and isinstance(held.get("state_dict"), dict):
        held = held["state_dict"]
    if not isinstance(held, dict) or not all(isinstance(v, torch.Tensor) for v in held.values()):
        raise WrongWeights(f"{path} does not hold tensors by name")
    return held


def fit_state_dict(network: Any, state: dict[str, Any], path: Path) -> None:
    """Load tensors into a network that must have exactly those.

    Raises:
        WrongWeights: names or shapes differ; the message gives the first differences.
    """
    own = network.state_dict()
    absent = [name for name in own if name not in state and "num_batches_tracked" not in name]
    extra = [name for name in state if name not in own]
    shapes = [name for name in own if name in state and own[name].shape != state[name].shape]
    if absent or extra or shapes:
        parts = (("lacks", absent), ("has besides", extra), ("has of another shape", shapes))
        told = "; ".join(f"{what} {', '.join(names[:2])}" for what, names in parts if names)
        raise WrongWeights(f"{path} holds the weights of another network: it {told}")
    network.load_state_dict(state, strict=False)
