"""Modules of a sentence-transformers folder after its network: pooling, dense layers, norms."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from extract.encoders._pretrained import read_settings, required_settings
from extract.families._hf_states import pooled_states
from extract.state_dict import fit_state_dict, load_state_dict
from extract.weights import WrongWeights, model_files, sha256_of

if TYPE_CHECKING:
    import torch

MODES = {
    "pooling_mode_cls_token": "cls",
    "pooling_mode_max_tokens": "max",
    "pooling_mode_mean_tokens": "mean",
    "pooling_mode_mean_sqrt_len_tokens": "mean_sqrt_len_tokens",
    "pooling_mode_weightedmean_tokens": "weightedmean",
    "pooling_mode_lasttoken": "lasttoken",
}
ACTIVATIONS = ("Identity", "Tanh", "ReLU", "GELU", "Sigmoid", "SiLU")
KINDS = ("Dense", "LayerNorm", "Normalize")
Layer = Callable[[Any], Any]


@dataclass(frozen=True)
class Modules:
    """The modules of a folder.

    Args:
        network: folder of the network and the tokenizer.
        max_tokens: maximum length of a text, if the folder states it.
        lower_case: whether texts are converted to lower case first.
        modes: kinds of pooling, whose results are concatenated.
        pools_prompt: whether tokens of the prompt take part in pooling.
        layers: kind and folder of each module after pooling.
    """

    network: Path
    max_tokens: int | None
    lower_case: bool
    modes: tuple[str, ...]
    pools_prompt: bool
    layers: tuple[tuple[str, Path], ...]

    @property
    def provenance(self) -> dict[str, Any]:
        """Pooling, and the modules after it with the hashes of their weights."""
        return {
            "pooling": list(self.modes),
            "pools_prompt": self.pools_prompt,
            "lower_case": self.lower_case,
            "modules": [
                {
                    "kind": kind,
                    "settings": read_settings(folder, "config.json"),
                    "weights_sha256": None if kind == "Normalize" else sha256_of(folder),
                }
                for kind, folder in self.layers
            ],
        }

    def width(self, hidden: int) -> int:
        """Return the width of the rows of a network with states of this width."""
        width = hidden * len(self.modes)
        for kind, folder in self.layers:
            if kind == "Dense":
                width = int(required_settings(folder, "config.json")["out_features"])
        return width

    def pool(
        self, states: torch.Tensor, mask: torch.Tensor, *, original: torch.Tensor
    ) -> torch.Tensor:
        """Return the pooled states of tokens.

        Args:
            mask: tokens that take part in pooling; `original`: tokens that are not padding.

        Shapes:
            states: (B, T, D); mask, original: (B, T); the result: (B, D) or (B, 2 D) ...
        """
        import torch

        return torch.cat([POOLINGS[mode](states, mask, original) for mode in self.modes], dim=-1)

    def load(self, device: str) -> list[Layer]:
        """Return the modules after pooling, with their weights.

        Raises:
            WrongWeights: the weights of a module are missing or have another shape.
        """
        return [_layer(kind, folder, device) for kind, folder in self.layers]


def read_modules(folder: Path) -> Modules:
    """Return the modules of a folder.

    Raises:
        WrongWeights: it has no modules.json, or unknown modules.
    """
    listed = [
        (str(module.get("type")).rpartition(".")[2], folder / str(module.get("path", "")))
        for module in read_settings(folder, "modules.json")
    ]
    kinds = [kind for kind, _ in listed]
    if kinds[:2] != ["Transformer", "Pooling"] or not set(kinds[2:]) <= set(KINDS):
        raise WrongWeights(
            f"{folder} has the modules {', '.join(kinds) or 'none'}; Transformer and Pooling are "
            f"expected, then any of {', '.join(KINDS)}"
        )
    settings = read_settings(listed[0][1], "sentence_bert_config.json")
    pooling = required_settings(listed[1][1], "config.json")
    given = pooling.get("pooling_mode") or [
        mode for name, mode in MODES.items() if pooling.get(name)
    ]
    modes = (given,) if isinstance(given, str) else tuple(given or ["mean"])
    if not set(modes) <= set(POOLINGS):
        raise WrongWeights(
            f"{folder} pools by {', '.join(modes)}; any of {', '.join(POOLINGS)} is expected"
        )
    limit = settings.get("max_seq_length")
    return Modules(
        network=listed[0][1],
        max_tokens=None if limit is None else int(limit),
        lower_case=bool(settings.get("do_lower_case", False)),
        modes=modes,
        pools_prompt=bool(pooling.get("include_prompt", True)),
        layers=tuple(listed[2:]),
    )


def _layer(kind: str, folder: Path, device: str) -> Layer:
    import torch

    if kind == "Normalize":
        return lambda rows: torch.nn.functional.normalize(rows, dim=-1)
    settings = required_settings(folder, "config.json")
    file = model_files(folder)[0]
    state = load_state_dict(file)
    if kind == "LayerNorm":
        norm = torch.nn.LayerNorm(settings["dimension"])
        fit_state_dict(norm, _part(state, "norm."), file)
        return norm.to(device)
    linear = torch.nn.Linear(
        settings["in_features"], settings["out_features"], bias=settings.get("bias", True)
    )
    name = str(settings.get("activation_function", "torch.nn.modules.activation.Tanh"))
    activation = name.rpartition(".")[2]
    own = name.startswith("torch.nn.") and activation in ACTIVATIONS
    if (
        not own
        or settings.get("use_residual")
        or settings.get("module_input_name")
        not in (
            None,
            "sentence_embedding",
        )
    ):
        raise WrongWeights(
            f"{folder} has a dense layer with {name}; one of the rows is expected, with an "
            f"activation of {', '.join(ACTIVATIONS)} and without a residual"
        )
    fit_state_dict(linear, _part(state, "linear."), file)
    return torch.nn.Sequential(linear, getattr(torch.nn, activation)()).to(device)


def _part(state: Mapping[str, Any], prefix: str) -> dict[str, Any]:
    return {name.removeprefix(prefix): value for name, value in state.items()}


def _sums(states: torch.Tensor, mask: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
    weight = mask.unsqueeze(-1).to(states.dtype)  # (B, T, 1)
    return (states * weight).sum(dim=1), weight.sum(dim=1).clamp(min=1e-9)


def _mean(states: torch.Tensor, mask: torch.Tensor, _original: torch.Tensor) -> torch.Tensor:
    total, count = _sums(states, mask)
    return total / count


def _mean_sqrt(states: torch.Tensor, mask: torch.Tensor, _original: torch.Tensor) -> torch.Tensor:
    total, count = _sums(states, mask)
    return total / count.sqrt()


def _max(states: torch.Tensor, mask: torch.Tensor, _original: torch.Tensor) -> torch.Tensor:
    return states.masked_fill(mask.unsqueeze(-1) == 0, float("-inf")).max(dim=1).values


def _weighted(states: torch.Tensor, mask: torch.Tensor, original: torch.Tensor) -> torch.Tensor:
    positions = original.cumsum(dim=1)  # 1 for the first token that is not padding
    total, count = _sums(states, mask * positions)
    return total / count


def _cls(states: torch.Tensor, mask: torch.Tensor, _original: torch.Tensor) -> torch.Tensor:
    return pooled_states(states, "cls", mask=mask)


def _last(states: torch.Tensor, mask: torch.Tensor, _original: torch.Tensor) -> torch.Tensor:
    return pooled_states(states, "last", mask=mask)


POOLINGS: dict[str, Callable[[Any, Any, Any], Any]] = {
    "cls": _cls,
    "max": _max,
    "mean": _mean,
    "mean_sqrt_len_tokens": _mean_sqrt,
    "weightedmean": _weighted,
    "lasttoken": _last,
}
