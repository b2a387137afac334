"""Checkpoints: everything that a training needs to go on as if it had not stopped."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from safetensors import SafetensorError
from safetensors.torch import load_file, save_file
from torch import Tensor

from mmgcn.run import write_json


class ResumeError(ValueError):
    """There is nothing to resume, or it was another training."""


@dataclass(eq=False)
class Checkpoint:
    """The state of a training between two steps.

    Args:
        state: step, best figure, seconds and the like, as JSON.
        tensors: by name: model.*, best.*, optimiser.*, the generator's state, and the losses since
            the last look.
    """

    state: dict[str, Any]
    tensors: dict[str, Tensor]

    def save(self, folder: Path) -> None:
        """Write it whole or not at all; the one before it stays until this one is there.

        Raises:
            OSError: the disk does not take it.
        """
        folder.mkdir(parents=True, exist_ok=True)
        name = f"step-{self.state['step']}.safetensors"
        temporary = folder / f".{name}.tmp"
        try:
            save_file({k: v.contiguous() for k, v in self.tensors.items()}, temporary)
        except SafetensorError as error:
            raise OSError(f"no checkpoint can be written to {folder}: {error}") from error
        temporary.replace(folder / name)
        write_json(folder / "state.json", self.state | {"tensors": name})
        for old in folder.glob("step-*.safetensors"):
            if old.name != name:
                old.unlink()

    @classmethod
    def load(cls, folder: Path) -> Checkpoint:
        """Read the last one.

        Raises:
            ResumeError: there is none.
        """
        try:
            state = json.loads((folder / "state.json").read_text(encoding="utf-8"))
        except FileNotFoundError as error:
            raise ResumeError(f"no checkpoint in {folder}") from error
        return cls(state, load_file(folder / state["tensors"]))


def check_same(before: Mapping[str, Any], now: Mapping[str, Any], where: Path) -> None:
    """Refuse to go on with another model, other settings or other data.

    Raises:
        ResumeError: naming the first difference.
    """
    was, given = flat(before), flat(now)
    for name in dict.fromkeys((*given, *was)):
        if was.get(name) != given.get(name):
            raise ResumeError(
                f"the training in {where} was another one: its {name} was {was.get(name)!r} and is "
                f"now {given.get(name)!r}; give the same, or fit without --resume"
            )


def flat(value: Mapping[str, Any], prefix: str = "") -> dict[str, Any]:
    """Return the leaves by their dotted names: {"a": {"b": 1}} -> {"a.b": 1}."""
    leaves: dict[str, Any] = {}
    for name, inner in value.items():
        if isinstance(inner, Mapping):
            leaves |= flat(inner, f"{prefix}{name}.")
        else:
            leaves[f"{prefix}{name}"] = inner
    return leaves


def with_prefix(prefix: str, tensors: Mapping[str, Tensor]) -> dict[str, Tensor]:
    """Return the tensors under `prefix.`."""
    return {f"{prefix}.{name}": tensor.detach().cpu() for name, tensor in tensors.items()}


def without_prefix(prefix: str, tensors: Mapping[str, Tensor]) -> dict[str, Tensor]:
    """Return what lies under `prefix.`."""
    start = f"{prefix}."
    return {name[len(start) :]: t for name, t in tensors.items() if name.startswith(start)}


def optimiser_tensors(optimiser: torch.optim.Optimizer) -> dict[str, Tensor]:
    """Return an optimiser's state as tensors by `parameter.name`."""
    held = optimiser.state_dict()["state"]
    return {
        f"{index}.{name}": value.clone()
        for index, entry in held.items()
        for name, value in entry.items()
    }


def restore_optimiser(optimiser: torch.optim.Optimizer, tensors: Mapping[str, Tensor]) -> None:
    """Put back what `optimiser_tensors` returned."""
    state: dict[int, dict[str, Tensor]] = {}
    for name, tensor in tensors.items():
        index, _, key = name.partition(".")
        state.setdefault(int(index), {})[key] = tensor
    optimiser.load_state_dict(optimiser.state_dict() | {"state": state})
