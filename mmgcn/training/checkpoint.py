"""Checkpoint: the complete state of a training, which resumes from it bit for bit."""

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

from mmgcn.run_writing import write_json


class ResumeError(ValueError):
    """A training that cannot be resumed: there is none, or it has other settings or data."""


@dataclass(eq=False)
class Checkpoint:
    """The state of a training between two steps.

    Args:
        state: training state, identity and evaluation records, as JSON values.
        tensors: tensors by name: model.*, best.*, optimiser.*, the generator's state, and the
            losses since the last evaluation.
    """

    state: dict[str, Any]
    tensors: dict[str, Tensor]

    def save(self, folder: Path) -> None:
        """Write the checkpoint atomically, then remove the previous one.

        Raises:
            OSError: the files cannot be written.
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
        """Return the last checkpoint of a folder.

        Raises:
            ResumeError: there is none.
        """
        try:
            state = json.loads((folder / "state.json").read_text(encoding="utf-8"))
        except FileNotFoundError as error:
            raise ResumeError(f"no checkpoint in {folder}") from error
        return cls(state, load_file(folder / state["tensors"]))


def has_checkpoint(run: Path) -> bool:
    """Return whether a run has a checkpoint to continue from."""
    return (run / "checkpoint" / "state.json").is_file()


def check_same(before: Mapping[str, Any], now: Mapping[str, Any], where: Path) -> None:
    """Refuse to resume a training of another model, with other settings or on other data.

    Raises:
        ResumeError: they differ; the message names the first difference.
    """
    stored, current = flat(before), flat(now)
    for name in dict.fromkeys((*current, *stored)):
        if stored.get(name) != current.get(name):
            raise ResumeError(
                f"the training in {where} is not the same: its {name} was {stored.get(name)!r} and "
                f"is now {current.get(name)!r}; use the same, or fit without resume"
            )


def flat(value: Mapping[str, Any], prefix: str = "") -> dict[str, Any]:
    """Return nested values by dotted names: {"a": {"b": 1}} -> {"a.b": 1}."""
    leaves: dict[str, Any] = {}
    for name, inner in value.items():
        if isinstance(inner, Mapping):
            leaves |= flat(inner, f"{prefix}{name}.")
        else:
            leaves[f"{prefix}{name}"] = inner
    return leaves


def with_prefix(prefix: str, tensors: Mapping[str, Tensor]) -> dict[str, Tensor]:
    """Return the tensors on the CPU, with `prefix.` added to their names."""
    return {f"{prefix}.{name}": tensor.detach().cpu() for name, tensor in tensors.items()}


def without_prefix(prefix: str, tensors: Mapping[str, Tensor]) -> dict[str, Tensor]:
    """Return the tensors whose names start with `prefix.`, which is removed."""
    start = f"{prefix}."
    return {name[len(start) :]: t for name, t in tensors.items() if name.startswith(start)}


def optimiser_tensors(optimiser: torch.optim.Optimizer) -> dict[str, Tensor]:
    """Return an optimiser's state as tensors, named by the parameter's index: `0.exp_avg`."""
    state = optimiser.state_dict()["state"]
    return {
        f"{index}.{name}": value.clone()
        for index, entry in state.items()
        for name, value in entry.items()
    }


def restore_optimiser(optimiser: torch.optim.Optimizer, tensors: Mapping[str, Tensor]) -> None:
    """Restore the state that `optimiser_tensors` returned."""
    state: dict[int, dict[str, Tensor]] = {}
    for name, tensor in tensors.items():
        index, _, key = name.partition(".")
        state.setdefault(int(index), {})[key] = tensor
    optimiser.load_state_dict(optimiser.state_dict() | {"state": state})
