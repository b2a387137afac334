"""Weights of timm: their source, and how they are loaded."""

from __future__ import annotations

from dataclasses import dataclass, fields
from pathlib import Path
from typing import TYPE_CHECKING, Any, Self

from extract.encoders._pretrained import read_settings
from extract.families._network import without_weights
from extract.family import Reference, UnknownModel
from extract.state_dict import load_state_dict
from extract.weights import (
    HUB_NAME,
    Weights,
    WeightsUnavailable,
    WrongWeights,
    first_line,
    model_files,
)

if TYPE_CHECKING:
    import torch


@dataclass(frozen=True)
class Architecture:
    """A network of timm, without its weights.

    Args:
        name: name of the architecture, without the tag of its weights.
        arguments: arguments of its function.
        pretrained: configuration of the weights: preprocessing, classifier, source.
    """

    name: str
    arguments: dict[str, Any]
    pretrained: dict[str, Any]

    @classmethod
    def of_name(cls, name: str) -> Self:
        """Return a model of the library, NAME or NAME.TAG.

        Raises:
            UnknownModel: there is no such model.
        """
        import timm

        architecture, _, tag = name.partition(".")
        if not timm.is_model(architecture):
            raise UnknownModel("no model of timm", name, timm.list_models())
        try:
            pretrained = timm.models.get_pretrained_cfg(name)
        except RuntimeError as error:
            tagged = timm.list_models(f"{architecture}.*", include_tags=True)
            raise UnknownModel(f"no weights of {architecture}", tag, tagged) from error
        return cls(architecture, {}, {} if pretrained is None else pretrained.to_dict())

    @classmethod
    def of_folder(cls, folder: Path) -> Self:
        """Return the model of a folder as timm saves it (`save_for_hf`).

        Raises:
            WrongWeights: it contains no such model.
        """
        import timm

        content = read_settings(folder, "config.json")
        name = content.get("architecture") if isinstance(content, dict) else None
        if not name or not timm.is_model(name):
            raise WrongWeights(
                f"{folder} contains no model of timm: a config.json with its architecture is "
                "expected, as timm.models.save_for_hf writes it"
            )
        pretrained = dict(content.get("pretrained_cfg", content))
        if "num_classes" in content:
            pretrained["num_classes"] = content["num_classes"]
        known = {field.name for field in fields(timm.models.PretrainedCfg)}
        pretrained = {key: value for key, value in pretrained.items() if key in known}
        return cls(name, dict(content.get("model_args") or {}), pretrained)

    def build(self, *, num_classes: int = 0, **more: object) -> torch.nn.Module:
        """Return the network; without weights unless `more` has some."""
        import timm

        network: torch.nn.Module = timm.create_model(
            self.name,
            pretrained_cfg={**self.pretrained, "source": None, "file": None},
            **{**self.arguments, "num_classes": num_classes, **more},
        )
        return network


def published(name: str, pretrained: dict[str, Any]) -> Weights | None:
    """Return the published weights of a configuration, if it has any."""
    licence = str(pretrained.get("license") or "not stated")
    hub, url = pretrained.get("hf_hub_id"), pretrained.get("url")
    if isinstance(hub, str) and HUB_NAME.fullmatch(hub):
        return Weights.of_hub(hub, licence=licence)
    if isinstance(url, str) and url:
        return Weights(name=f"timm:{name}", kind="url", where=url, sha256=None, licence=licence)
    return None


def weights_file(reference: Reference, folder: Path | None, weights: Weights | None) -> Path:
    """Return the file of weights of a reference.

    Args:
        folder: folder of the model, if it has one.
        weights: published weights, if there are any.

    Raises:
        WeightsUnavailable: there is no such file, and none can be fetched.
    """
    if reference.weights is not None:
        path = Path(reference.weights)
        if not path.exists():
            raise WeightsUnavailable(f"no weights at {path}; pass the path of a file")
    elif folder is not None:
        path = folder
    elif weights is not None:
        path = weights.resolve()
    else:
        raise WeightsUnavailable(
            f"timm publishes no weights of '{reference.name}'; pass a file: "
            f"timm:{reference.name}:FILE"
        )
    return model_files(path)[0] if path.is_dir() else path


def load_network(file: Path, architecture: Architecture) -> torch.nn.Module:
    """Return a network without its classifier, with all of its tensors from a file.

    Names are those of timm, or of a format that timm converts. A file with other names is accepted
    if its tensors have the same shapes and the same last names in the same order, as networks that
    were ported by hand have.

    Raises:
        WrongWeights: the file has the weights of another network.
    """
    state = load_state_dict(file)
    classes = _num_classes(state, architecture)
    own = without_weights(lambda: architecture.build(num_classes=classes).state_dict())
    if state.keys().isdisjoint(own) and _kinds(state) == _kinds(own):
        state = dict(zip(own, state.values(), strict=True))
    try:
        overlay = {"state_dict": state, "num_classes": classes, "hf_hub_id": None, "url": None}
        network: Any = architecture.build(
            num_classes=classes, pretrained=True, pretrained_cfg_overlay=overlay
        )
    except (RuntimeError, KeyError, ValueError) as error:
        lines = str(error).strip().splitlines()
        what = " ".join((lines[1] if len(lines) > 1 else first_line(error)).split())
        raise WrongWeights(
            f"{file} contains the weights of another network than {architecture.name}: {what[:200]}"
        ) from error
    network.pretrained_cfg.pop("state_dict", None)
    network.reset_classifier(0)
    loaded: torch.nn.Module = network.eval()
    return loaded


def _kinds(state: dict[str, Any]) -> list[tuple[str, tuple[int, ...]]]:
    return [(name.rpartition(".")[2], tuple(tensor.shape)) for name, tensor in state.items()]


def _num_classes(state: dict[str, Any], architecture: Architecture) -> int:
    """Return the number of classes in a file, or that of the configuration if it is unclear."""
    classifier = architecture.pretrained.get("classifier")
    weight = state.get(f"{classifier}.weight")
    if weight is not None:
        return int(weight.shape[0])
    return int(architecture.pretrained.get("num_classes", 1000))
