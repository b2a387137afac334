"""Trials: short trainings on one data set, each evaluated with several popularity priors."""

from __future__ import annotations

import json
import math
import shutil
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch

from mmgcn.data.dataset import Dataset
from mmgcn.distributed.process_group import ProcessGroup
from mmgcn.distributed.user_shard import UserShard
from mmgcn.evaluation.hits import Csr, rows_of
from mmgcn.evaluation.ranking import Scorer, evaluate
from mmgcn.model import Model
from mmgcn.popularity_prior import log_popularity
from mmgcn.run_writing import write_json
from mmgcn.training.trainer import MIN_STEPS_PER_EPOCH, Trainer
from mmgcn.training.validation import Validation

PRIORS = (0.0, 0.1, 0.2, 0.3, 0.4, 0.6, 0.8, 1.0, 1.3)
MAX_WORSE = 2  # weights tried beyond the best one of a window
RECENT = 0.1  # second window of the popularity prior, for interactions with timestamps
MAX_SCORES, MIN_USERS = 60_000_000, 1_000  # limits of the sample of validation users
MIN_TRIAL_STEPS, MAX_TRIAL_STEPS, TRIAL_EPOCHS = 100, 300, 4


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


class Trials:
    """Runs trials on one data set.

    Attributes:
        metric: name of the metric, such as `recall@20`; empty before the first trial.
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
        relevant = dataset.split.valid.csr()
        users = np.flatnonzero(np.diff(relevant[0]))
        num_users = max(MIN_USERS, MAX_SCORES // len(dataset.items))
        if len(users) > num_users:
            users = np.sort(np.random.default_rng(seed).permutation(users)[:num_users])
        self._users = users
        self._relevant, self._seen = _select(relevant, users), _select(dataset.train.csr(), users)
        self.metric = ""
        steps = max(math.ceil(len(dataset.train) / self._batch_size()), MIN_STEPS_PER_EPOCH)
        num_steps = min(max(TRIAL_EPOCHS * steps, MIN_TRIAL_STEPS), MAX_TRIAL_STEPS)
        self.trial_epochs = max(1, round(num_steps / steps))
        self._stop_epoch = MAX_TRIAL_STEPS / steps if steps > MAX_TRIAL_STEPS else 0.0

    def run(self, name: str, settings: Mapping[str, Any]) -> tuple[Trial, np.ndarray]:
        """Return a trial and its metric for each validation user; a finished one is read from file.

        Shapes:
            the result: (V,).
        """
        path = self._folder / name.replace(", ", "+").replace(" ", "-")
        request = {"name": name, "settings": dict(settings), "seed": self._seed}
        stored, values_path = path.with_suffix(".json"), path.with_suffix(".npy")
        if stored.is_file() and values_path.is_file():
            record = json.loads(stored.read_text(encoding="utf-8"))
            if record["request"] == request:
                self.metric = record["metric"]
                return Trial(**record["trial"]), np.load(values_path)
        own = {name: v for name, v in settings.items() if not name.startswith("popularity_")}
        alone = {**own, **self._given, **self._kind.trial_settings, "eval_every": own["epochs"]}
        alone |= {"stop_epoch": self._stop_epoch, "popularity_prior": 0.0}
        parsed = self._kind.parse_settings(alone)
        generator = torch.Generator().manual_seed(self._seed)
        assert parsed.train is not None
        model = self._kind(self._dataset, parsed.model, parsed.train, generator)
        shard = UserShard(model, self._dataset.train, ProcessGroup())
        model.to(self._device)
        path.mkdir(parents=True, exist_ok=True)
        trainer = Trainer(model, self._dataset, run=path, identity=request, shard=shard)
        trainer.train(resume=(path / "checkpoint" / "state.json").is_file())
        validation = Validation(model, self._dataset, shard)
        self.metric = validation.metric
        embeddings = validation.embeddings()
        user, item = embeddings.user[self._users], embeddings.item

        def scorer(user_index: np.ndarray) -> np.ndarray:
            return np.asarray(user[user_index] @ item.T)

        prior, values = self._best_prior(scorer, model.prior_scale)
        trial = Trial(name, {**own, **prior}, float(values.mean()))
        np.save(values_path, values)
        write_json(stored, {"request": request, "metric": self.metric, "trial": asdict(trial)})
        shutil.rmtree(path, ignore_errors=True)
        return trial, values

    def _best_prior(self, scorer: Scorer, scale: float) -> tuple[dict[str, Any], np.ndarray]:
        """Return the settings of the best popularity prior, and the metric of each user."""
        config = self._kind.default_settings().model
        best = {"popularity_prior": config.popularity_prior, "popularity_window": 1.0}
        default = scale * config.popularity_prior * log_popularity(self._dataset.train)
        values = before = self._values(_with_prior(scorer, default))
        windows = [1.0] if self._dataset.train.timestamp is None else [1.0, RECENT]
        for window in windows:
            logarithm = scale * log_popularity(self._dataset.train, window=window)
            peak, num_worse = -1.0, 0
            for weight in PRIORS:
                found = self._values(_with_prior(scorer, weight * logarithm))
                mean = float(found.mean())
                peak, num_worse = (mean, 0) if mean > peak else (peak, num_worse + 1)
                if num_worse > MAX_WORSE:
                    break
                if mean > values.mean() and gain_in_errors(found, before) > 1:
                    best = {"popularity_prior": weight, "popularity_window": window}
                    values = found
        return best, values

    def _values(self, scorer: Scorer) -> np.ndarray:
        k = int(self.metric.rpartition("@")[2])
        values = evaluate(
            scorer,
            num_items=len(self._dataset.items),
            relevant=self._relevant,
            seen=[self._seen],
            ks=[k],
            per_user=True,
        )
        return np.asarray(values[self.metric])

    def _batch_size(self) -> int:
        train = self._kind.parse_settings(dict(self._given)).train
        assert train is not None
        return train.batch_size


def gain_in_errors(values: np.ndarray, before: np.ndarray) -> float:
    """Return the mean gain of paired values, in standard errors."""
    gain = values - before
    error = float(gain.std()) / math.sqrt(len(gain))
    return float(gain.mean()) / error if error else 0.0


def _with_prior(scorer: Scorer, prior: np.ndarray) -> Scorer:
    return lambda user_index: scorer(user_index) + prior


def _select(csr: Csr, users: np.ndarray) -> Csr:
    """Return the rows of some users, in their order."""
    row, item = rows_of(csr, users)
    return np.concatenate([[0], np.cumsum(np.bincount(row, minlength=len(users)))]), item
