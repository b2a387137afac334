"""State dicts: read tensors by name from a file, and load them into their network."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

from extract.weights import WrongWeights, first_line

if TYPE_CHECKING:
    import torch


def load_state_dict(path: Path) -> dict[str, Any]:
    """Return the tensors of a file by name: .safetensors, or torch's format with weights_only=True.

    Raises:
        WrongWeights: the file has another format.
    """
    import torch

    try:
        if path.suffix == ".safetensors":
            from safetensors.torch import load_file

            return dict(load_file(path))
        state = torch.load(path, map_location="cpu", weights_only=True)
    except Exception as error:  # readers raise errors of any type for a damaged file
        raise WrongWeights(f"{path} is not a file of weights: {first_line(error)}") from error
    if isinstance(state, dict) and isinstance(state.get("state_dict"), dict):
        state = state["state_dict"]
    if not isinstance(state, dict) or not all(isinstance(v, torch.Tensor) for v in state.values()):
        raise WrongWeights(f"{path} does not contain tensors by name")
    return state


def fit_state_dict(network: torch.nn.Module, state: dict[str, Any], path: Path) -> None:
    """Load tensors into a network, which must have exactly the same names and shapes.

    Raises:
        WrongWeights: names or shapes differ; the message gives the first differences.
    """
    own = network.state_dict()
    absent = [name for name in own if name not in state and "num_batches_tracked" not in name]
    extra = [name for name in state if name not in own]
    shapes = [name for name in own if name in state and own[name].shape != state[name].shape]
    if absent or extra or shapes:
        parts = (("lacks", absent), ("has in addition", extra), ("has with another shape", shapes))
        differences = "; ".join(f"{what} {', '.join(names[:2])}" for what, names in parts if names)
        raise WrongWeights(f"{path} contains the weights of another network: it {differences}")
    network.load_state_dict(state, strict=False)
