"""Weights of torchvision: the entry of a reference, its file, and the network's features."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

from extract.family import Reference, UnknownModel
from extract.state_dict import fit_state_dict, load_state_dict
from extract.weights import Weights, WeightsUnavailable

if TYPE_CHECKING:
    import torch


def entry_of(reference: Reference) -> Any:
    """Return the weights that a reference names: an entry of torchvision's enumeration.

    If the reference names a file, it is the default entry, as a file does not state preprocessing.

    Raises:
        UnknownModel: torchvision has no such weights of the model, or none at all.
    """
    from torchvision import models

    entries = models.get_model_weights(reference.name)
    names = [entry.name for entry in entries]
    if not names:
        raise UnknownModel("no model with published weights", reference.name, [])
    given = reference.weights
    if given is None or Path(given).exists():
        return entries.DEFAULT
    if given not in names:
        raise UnknownModel(f"no file and no weights of {reference.name}", given, names)
    return entries[given]


def published(reference: Reference) -> Weights | None:
    """Return the published weights of a reference; None if it names a file."""
    if reference.weights is not None and Path(reference.weights).exists():
        return None
    url = str(entry_of(reference).url)
    _, dash, sha256 = Path(url).stem.rpartition("-")
    return Weights(
        name=f"torchvision:{reference.name}"
        + (f":{reference.weights}" if reference.weights else ""),
        kind="url",
        where=url,
        sha256=sha256 if dash and len(sha256) == 8 else None,
        licence="BSD-3-Clause",
    )


def weights_file(reference: Reference) -> Path:
    """Return the file of weights of a reference, after fetching it if needed.

    Raises:
        WeightsUnavailable: it is not on this machine and cannot be fetched.
    """
    weights = published(reference)
    if weights is not None:
        return weights.resolve()
    path = Path(str(reference.weights))
    if not path.is_file():
        raise WeightsUnavailable(f"{path} is a folder; the path of a file of weights is expected")
    return path


def load_network(name: str, file: Path) -> torch.nn.Module:
    """Return a network whose rows are its features, with all of its tensors from a file.

    Raises:
        WrongWeights: the file has the weights of another network.
    """
    network = build_network(name)
    state = load_state_dict(file)
    _, head = head_of(network)
    path = next(key for key, module in network.named_modules() if module is head)
    weight = state.get(f"{path}.weight")
    own = network.state_dict()
    if weight is not None and weight.shape[1:] == own[f"{path}.weight"].shape[1:]:
        # Another number of classes: the classifier is not used.
        for key in (f"{path}.weight", f"{path}.bias"):
            if key in own and key in state:
                state[key] = own[key]
    fit_state_dict(network, _without_auxiliary(state, own), file)
    return without_head(network)


def build_network(name: str) -> torch.nn.Module:
    """Return a network of torchvision without weights."""
    from torchvision import models

    auxiliary = {"aux_logits": False} if name in ("googlenet", "inception_v3") else {}
    # The random initialisation of these two is slow, and loading overwrites it.
    quick = {"init_weights": False} if auxiliary else {}
    network: torch.nn.Module = models.get_model(name, weights=None, **auxiliary, **quick)
    return network.eval()


def head_of(network: torch.nn.Module) -> tuple[str, torch.nn.Module]:
    """Return path and module of the classifier: the last linear or convolutional module.

    >>> from torchvision.models import shufflenet_v2_x0_5
    >>> head_of(shufflenet_v2_x0_5())[0]
    'fc'
    """
    import torch

    kinds = (torch.nn.Linear, torch.nn.Conv2d, torch.nn.Conv3d)
    found = [
        (path, module) for path, module in network.named_modules() if isinstance(module, kinds)
    ]
    return found[-1]


def without_head(network: torch.nn.Module) -> torch.nn.Module:
    """Return the network with its classifier replaced by an identity."""
    import torch

    path, _ = head_of(network)
    parent, _, name = path.rpartition(".")
    setattr(network.get_submodule(parent), name, torch.nn.Identity())
    return network


def _without_auxiliary(state: dict[str, Any], own: dict[str, Any]) -> dict[str, Any]:
    """Return the tensors without those of auxiliary classifiers, used only in training."""
    return {
        name: value
        for name, value in state.items()
        if name in own or not name.lower().startswith(("aux1.", "aux2.", "auxlogits."))
    }
