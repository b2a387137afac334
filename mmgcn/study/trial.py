"""Trial: one training of a study, and its outcome."""

from __future__ import annotations

import hashlib
import json
import sys
import time
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from importlib.metadata import version
from pathlib import Path
from typing import Any, Self

from mmgcn.data.dataset import Dataset
from mmgcn.data.loading import load_dataset
from mmgcn.data.options import DataOptions
from mmgcn.evaluation.list_details import list_details
from mmgcn.model import MODELS
from mmgcn.run import Run
from mmgcn.study import user_metrics
from mmgcn.study.change import Change
from mmgcn.training.fit import fit


@dataclass(frozen=True, eq=False)
class Trial:
    """A model with settings and a seed, on data with an optional change.

    Args:
        data: options of the data set.
        model: name of the model.
        seed: seed of the training and the change.
        settings: settings that differ from the model's defaults.
        change: change to the data set.
        device: auto, cpu, cuda or cuda:N.
        label: name in tables; by default that of the model.
    """

    data: DataOptions
    model: str
    seed: int = 0
    settings: Mapping[str, Any] = field(default_factory=dict)
    change: Change = field(default_factory=Change)
    device: str = "auto"
    label: str = ""

    @property
    def name(self) -> str:
        """Name in tables."""
        return self.label or self.model

    def key(self, data_digest: str) -> str:
        """Return a digest of everything that affects the outcome; equal for equal trials.

        Raises:
            UnknownName, SettingError: the model or a setting is unknown.
        """
        identity = {
            "data": data_digest,
            "model": self.model,
            "settings": MODELS.get(self.model).parse_settings(self.settings).as_dict(),
            "seed": self.seed,
            "change": asdict(self.change),
            "device": self.device,
            "mmgcn": version("mmgcn"),
        }
        return hashlib.blake2b(
            json.dumps(identity, sort_keys=True).encode(), digest_size=8
        ).hexdigest()

    def to_json(self) -> dict[str, Any]:
        """Return the trial as JSON values, for another process."""
        return asdict(self)

    @classmethod
    def from_json(cls, plain: Mapping[str, Any]) -> Self:
        """Return the trial from the result of `to_json`."""
        data, change = DataOptions(**plain["data"]), Change(**plain["change"])
        return cls(**{**plain, "data": data, "change": change})


@dataclass(frozen=True)
class Outcome:
    """Metrics and costs of a trial.

    Args:
        valid, test: metrics by name, such as `recall@20`; empty without such a part.
        best_epoch: epoch whose parameters were kept; 0 for a model in closed form.
        train_seconds: duration of the optimiser's steps only; 0 for a model in closed form.
        total_seconds: duration from building the model to writing the run, including all
            evaluations on the validation part.
        peak_memory_bytes: peak memory of the process, including libraries and data.
        peak_gpu_bytes: peak memory of torch on a GPU.
        num_parameters: number of trained parameters.
        details: further metrics of the lists, such as `test map@20`, see
            `evaluation.list_details`; empty for a trial of an older version.
    """

    valid: dict[str, float]
    test: dict[str, float]
    best_epoch: int
    train_seconds: float
    total_seconds: float
    peak_memory_bytes: int
    peak_gpu_bytes: int
    num_parameters: int
    details: dict[str, float] = field(default_factory=dict)


def digest_of(dataset: Dataset) -> str:
    """Return a digest of all interactions, ids and features."""
    digest = hashlib.blake2b(digest_size=8)
    for part in (dataset.split.train, dataset.split.valid, dataset.split.test):
        digest.update(f"{len(part)};".encode())
        digest.update(part.user_index.tobytes() + part.item_index.tobytes())
    for ids in (dataset.users, dataset.items):
        digest.update("\n".join(ids.ids.to_list()).encode("utf-8", "surrogatepass"))
    for name, values in dataset.features.items():
        digest.update(f"{name} {values.shape};".encode())
        digest.update(values.tobytes() + dataset.present[name].tobytes())
    return digest.hexdigest()


def train(trial: Trial, folder: Path, users: Path | None = None) -> Outcome:
    """Train in this process and return the outcome.

    Args:
        folder: folder of the run, which the caller removes.
        users: file for the metrics of each user, see `user_metrics`.

    Raises:
        ValueError, LookupError, OSError: see `load_dataset` and `fit`.
    """
    dataset = trial.change.apply(load_dataset(trial.data), trial.seed)
    started = time.perf_counter()
    result = fit(
        dataset,
        model=trial.model,
        out=folder,
        settings=trial.settings,
        seed=trial.seed,
        device=trial.device,
    )
    seconds = time.perf_counter() - started
    memory, gpu_memory = peak_memory_bytes(), peak_gpu_bytes()
    run = Run.load(result.run)
    test_metrics = user_metrics.metrics_of_users(run, "test")
    if users is not None:
        user_metrics.save(users, run)
    return Outcome(
        result.metrics,
        {name: float(values.mean()) for name, values in test_metrics.items()},
        result.best_epoch,
        result.seconds,
        seconds,
        memory,
        gpu_memory,
        result.num_parameters,
        {
            f"{part} {name}": value
            for part in ("valid", "test")
            for name, value in list_details(run, part, content=dataset.features).items()
        },
    )


def peak_memory_bytes() -> int:
    """Return the peak memory of this process, 0 if the system does not report it."""
    try:
        # Not getrusage, which on Linux includes the memory of the parent process.
        for line in Path("/proc/self/status").read_text(encoding="ascii").splitlines():
            if line.startswith("VmHWM:"):
                return int(line.split()[1]) * 1024
    except OSError:
        pass
    try:
        import resource
    except ImportError:  # Windows
        return 0
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return peak if sys.platform == "darwin" else peak * 1024


def peak_gpu_bytes() -> int:
    """Return the peak memory of torch on a GPU, 0 without a GPU."""
    import torch

    return int(torch.cuda.max_memory_allocated()) if torch.cuda.is_available() else 0
