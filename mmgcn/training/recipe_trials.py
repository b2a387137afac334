"""Trials: short trainings on one data set, each evaluated with several popularity priors."""

from __future__ import annotations

import json
import shutil
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch

from mmgcn.data.dataset import Dataset
from mmgcn.distributed.process_group import ProcessGroup
from mmgcn.distributed.user_shard import UserShard
from mmgcn.evaluation.ranking import factor_scorer
from mmgcn.model import Model
from mmgcn.run_writing import write_json
from mmgcn.training.best_prior import ValidationSample, best_prior
from mmgcn.training.checkpoint import has_checkpoint
from mmgcn.training.trainer import Trainer, steps_per_epoch
from mmgcn.training.validation import selection_metric

MIN_TRIAL_STEPS, MAX_TRIAL_STEPS = 100, 300
CYCLE_EPOCHS = 4  # epochs of a learning-rate cycle; a trial has as many if its steps allow


@dataclass(frozen=True)
class Trial:
    """A short training.

    Args:
        name: name of the recipe.
        settings: settings of the recipe by name, with the best popularity prior.
        value: metric on the validation part.
    """

    name: str
    settings: dict[str, Any]
    value: float


def trial_folder(folder: Path, name: str) -> Path:
    """Return the folder of the checkpoint of the trial with that name."""
    return folder / name.replace(", ", "+").replace(" ", "-")


def ensemble_name(name: str) -> str:
    """Return the name of the trial of the whole ensemble that a trial is the first member of."""
    return f"{name}, ensemble"


class Trials:
    """Runs trials on one data set. A trial is the first learning-rate cycle of a full training.

    Attributes:
        metric: name of the metric, such as `recall@20`.
        trial_epochs: number of epochs of a trial.
    """

    def __init__(
        self,
        kind: type[Model[Any]],
        dataset: Dataset,
        given: Mapping[str, Any],
        *,
        folder: Path,
        seed: int,
        device: str,
    ) -> None:
        self._kind, self._dataset, self._given = kind, dataset, given
        self._folder, self._seed, self._device = folder, seed, device
        self._sample = ValidationSample.of(dataset, seed=seed)
        self.metric = selection_metric(len(dataset.items))
        parsed = kind.parse_settings(dict(given)).train
        assert parsed is not None
        steps = steps_per_epoch(dataset.train, parsed)
        num_steps = min(max(CYCLE_EPOCHS * steps, MIN_TRIAL_STEPS), MAX_TRIAL_STEPS)
        self.trial_epochs = max(1, round(num_steps / steps))
        self._stop_epoch = MAX_TRIAL_STEPS / steps if steps > MAX_TRIAL_STEPS else 0.0

    def run(
        self,
        name: str,
        settings: Mapping[str, Any],
        *,
        schedule: Mapping[str, Any] | None = None,
        start: Path | None = None,
    ) -> tuple[Trial, np.ndarray]:
        """Return a trial and its metric for each validation user; a finished one is read from file.

        Args:
            schedule: settings of a full training, to train the whole ensemble.
            start: folder of the trial that is its first cycle, if there is one.

        Shapes:
            the result: (V,).
        """
        path = trial_folder(self._folder, name)
        request = {"name": name, "settings": dict(settings), "seed": self._seed}
        stored, values_path = path.with_suffix(".json"), path.with_suffix(".npy")
        if stored.is_file() and values_path.is_file():
            record = json.loads(stored.read_text(encoding="utf-8"))
            if record["request"] == request:
                return Trial(**record["trial"]), np.load(values_path)
        own = {name: v for name, v in settings.items() if not name.startswith("popularity_")}
        of_training = {**schedule, **self._given} if schedule else self._first_cycle(own)
        evaluate = schedule is not None  # a full training is continued with its records
        prior, values = self._train(path, of_training, request, start, evaluate=evaluate)
        trial = Trial(name, {**own, **prior}, float(values.mean()))
        np.save(values_path, values)
        write_json(stored, {"request": request, "trial": asdict(trial)})
        return trial, values

    def remove_checkpoints(self, finished: Sequence[Trial], *, but: Sequence[Trial]) -> None:
        """Remove the checkpoints of finished trials, but not of some and of their ensembles."""
        kept = {name for trial in but for name in (trial.name, ensemble_name(trial.name))}
        for trial in finished:
            if trial.name not in kept:
                shutil.rmtree(trial_folder(self._folder, trial.name), ignore_errors=True)

    def _first_cycle(self, own: Mapping[str, Any]) -> dict[str, Any]:
        """Return the settings that train the first cycle, or a part of it if its steps are many."""
        free = self._kind.parse_settings(dict(self._given))
        return {
            **own,
            **self._given,
            "popularity_prior": 0.0,
            "epochs": own["epochs"] * self._kind.cycles(free.model),
            "eval_every": own["epochs"],
            "stop_epoch": self._stop_epoch or own["epochs"],
        }

    def _train(
        self,
        path: Path,
        settings: Mapping[str, Any],
        request: Mapping[str, Any],
        start: Path | None,
        *,
        evaluate: bool,
    ) -> tuple[dict[str, float], np.ndarray]:
        """Train with some settings; return the best prior and the metric of each user.

        Args:
            path: folder of the checkpoint, from which an interrupted training is resumed.
        """
        parsed = self._kind.parse_settings(settings)
        assert parsed.train is not None
        generator = torch.Generator().manual_seed(self._seed)
        model = self._kind(self._dataset, parsed.model, parsed.train, generator)
        shard = UserShard(model, self._dataset.train, ProcessGroup())
        model.to(self._device)
        path.mkdir(parents=True, exist_ok=True)
        trainer = Trainer(
            model,
            self._dataset,
            run=path,
            identity=request,
            shard=shard,
            evaluate=evaluate,
            start=start,
        )
        trainer.train(resume=has_checkpoint(path))
        model.set_prior(self._dataset.train, 0.0)
        embeddings = trainer.embeddings()
        assert embeddings is not None, "there is one process"
        return best_prior(
            factor_scorer(embeddings.user, embeddings.item),
            self._sample,
            scale=model.prior_scale,
            default=self._kind.default_settings().model.popularity_prior,
        )
