"""Recipe: training settings that are chosen from the data, by short trainings.

A model lists `recipes`, settings that suit data of different kinds. Each is trained for a few
hundred steps and evaluated on the validation part with several weights of the popularity prior.
Recipes are tried in an order that suits the data. A later one has to be better by more than a
standard error over the users, and one that is far worse ends the search. The best one is tried with
a longer training, too, which has to be better by two standard errors: it takes three times as long.

Nothing depends on the clock unless there is a budget, so the same seed chooses the same recipe.
"""

from __future__ import annotations

import json
import math
import shutil
import time
from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
import torch

from mmgcn.data.dataset import Dataset
from mmgcn.distributed.process_group import ProcessGroup
from mmgcn.distributed.user_shard import UserShard
from mmgcn.evaluation.hits import Csr
from mmgcn.evaluation.ranking import Scorer, evaluate
from mmgcn.model import Model
from mmgcn.popularity_prior import log_popularity
from mmgcn.run_writing import write_json
from mmgcn.training.trainer import MIN_STEPS_PER_EPOCH, Trainer
from mmgcn.training.validation import Validation

PRIORS = (0.0, 0.1, 0.2, 0.3, 0.4, 0.6, 0.8, 1.0, 1.3)
MAX_WORSE = 2  # priors after the best one of a window
RECENT = 0.1  # window of the popularity prior that is tried if there are timestamps
MAX_SCORES, MIN_USERS = 60_000_000, 1_000  # bounds of the validation users, drawn with the seed
MIN_TRIAL_STEPS, MAX_TRIAL_STEPS, TRIAL_EPOCHS = 100, 300, 4
LONGER = 3  # factor of the epochs of a longer training
MUCH_BETTER = 2.0  # standard errors by which a longer training has to be better
MAX_LONGER = 500_000  # training interactions; with more, an epoch has enough steps
MIN_HISTORY = 3  # interactions of a user of whom one may be held out
FAR_WORSE = 2.0  # standard errors that end the way along the recipes
SEARCH_SHARE = 0.4  # of a budget, for choosing
EVALS_PER_CYCLE = 4  # evaluations in a learning-rate cycle
OWN_SETTINGS = ("epochs", "stop_epoch", "popularity_prior", "popularity_window")


@dataclass(frozen=True)
class Trial:
    """A short training.

    Args:
        name: of the recipe.
        settings: settings of the recipe by name, with the best popularity prior.
        value: the metric on the validation part.
    """

    name: str
    settings: dict[str, Any]
    value: float


@dataclass(frozen=True)
class Recipe:
    """The settings that were chosen, and the trials they were chosen from.

    Args:
        name: such as `long histories`.
        settings: settings of the model and of its training, by name.
        metric: name of the metric that chose, such as `recall@20`.
        seconds: duration of all trials.
        held_out: whether interactions of the training part were held out for choosing, because
            there is no validation part.
    """

    name: str
    settings: dict[str, Any]
    metric: str
    trials: tuple[Trial, ...]
    seconds: float
    held_out: bool

    def __str__(self) -> str:
        shown = ", ".join(
            f"{name} {value:g}" if isinstance(value, float) else f"{name} {value}"
            for name, value in self.settings.items()
        )
        return f"{self.name}, {shown}; best of {len(self.trials)} in {self.seconds:.0f} s"

    def schedule(self, num_cycles: int) -> dict[str, Any]:
        """Return the settings of the full training: each learning-rate cycle is a trial's.

        It is longer where the trials were cut short, since there are many interactions.
        """
        of_cycle = max(self.settings["epochs"], TRIAL_EPOCHS)
        epochs = of_cycle * num_cycles
        eval_every = max(1, of_cycle // EVALS_PER_CYCLE)
        return {**self.settings, "epochs": epochs, "patience": epochs, "eval_every": eval_every}

    def as_dict(self) -> dict[str, Any]:
        """Return the choice as a run's configuration stores it, without times."""
        return {
            "name": self.name,
            "metric": self.metric,
            "held_out": self.held_out,
            "trials": [asdict(trial) for trial in self.trials],
        }


OnTrial = Callable[[Trial], None]


def is_free(kind: type[Model[Any]], given: Mapping[str, Any]) -> bool:
    """Return whether the model has recipes and no given setting is one that they decide."""
    decided = {name for settings in kind.recipes.values() for name in settings}.union(OWN_SETTINGS)
    return bool(kind.recipes) and decided.isdisjoint(given)


def choose_recipe(
    kind: type[Model[Any]],
    dataset: Dataset,
    given: Mapping[str, Any],
    *,
    folder: Path,
    seed: int = 0,
    device: str = "cpu",
    budget_seconds: float | None = None,
    on_trial: OnTrial | None = None,
) -> Recipe | None:
    """Return the recipe that ranks best on the validation part, None if there is nothing to rank.

    Without a validation part, one interaction of each user with three or more is held out.

    Args:
        given: further settings, which all trials share.
        folder: for finished trials, the checkpoint of an unfinished one, and the choice; one that
            was interrupted continues there.
        budget_seconds: time of the full training, of which choosing takes at most two fifths. The
            choice then depends on the speed of the machine.
        on_trial: called after each trial.
    """
    chosen = folder / "recipe.json"
    if chosen.is_file():
        stored = json.loads(chosen.read_text(encoding="utf-8"))
        return Recipe(**{**stored, "trials": tuple(Trial(**each) for each in stored["trials"])})
    held_out = len(dataset.split.valid) == 0
    if held_out:
        dataset = _hold_out(dataset, seed)
        if len(dataset.split.valid) == 0:
            return None
    search = _Search(kind, dataset, given, folder=folder, seed=seed, device=device)
    started = time.monotonic()
    trials: list[Trial] = []

    def has_time() -> bool:
        elapsed = time.monotonic() - started
        expected = elapsed * (1 + 1 / len(trials)) if trials else 0.0
        return budget_seconds is None or expected <= SEARCH_SHARE * budget_seconds

    def attempt(name: str, settings: Mapping[str, Any]) -> np.ndarray:
        trial, values = search.run(name, settings)
        trials.append(trial)
        if on_trial is not None:
            on_trial(trial)
        return values

    epochs = search.trial_epochs
    names = kind.recipe_order(dataset)
    values = attempt(names[0], {**kind.recipes[names[0]], "epochs": epochs})
    best, best_values = trials[0], values
    for name in names[1:]:
        if not has_time():
            break
        values = attempt(name, {**kind.recipes[name], "epochs": epochs})
        errors = _gain_in_errors(values, best_values)
        if errors > 1:
            best, best_values = trials[-1], values
        elif errors < -FAR_WORSE:
            break
    if len(dataset.train) <= MAX_LONGER and has_time():
        values = attempt(f"{best.name}, longer", {**best.settings, "epochs": LONGER * epochs})
        if _gain_in_errors(values, best_values) > MUCH_BETTER:
            best = trials[-1]
    seconds = time.monotonic() - started
    recipe = Recipe(best.name, best.settings, search.metric, tuple(trials), seconds, held_out)
    write_json(chosen, asdict(recipe))
    return recipe


class _Search:
    """Trains and evaluates trials on one data set."""

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
        self._relevant, self._seen = _rows(relevant, users), _rows(dataset.train.csr(), users)
        self.metric = ""
        steps = max(math.ceil(len(dataset.train) / self._batch_size()), MIN_STEPS_PER_EPOCH)
        wanted = min(max(TRIAL_EPOCHS * steps, MIN_TRIAL_STEPS), MAX_TRIAL_STEPS)
        self.trial_epochs = max(1, round(wanted / steps))
        self._stop_epoch = MAX_TRIAL_STEPS / steps if steps > MAX_TRIAL_STEPS else 0.0

    def run(self, name: str, settings: Mapping[str, Any]) -> tuple[Trial, np.ndarray]:
        """Return a trial, and its metric for each validation user; from the folder if it is there.

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
                if mean > values.mean() and _gain_in_errors(found, before) > 1:
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


def _gain_in_errors(values: np.ndarray, before: np.ndarray) -> float:
    """Return the mean gain of paired values, in standard errors."""
    gain = values - before
    error = float(gain.std()) / math.sqrt(len(gain))
    return float(gain.mean()) / error if error else 0.0


def _with_prior(scorer: Scorer, prior: np.ndarray) -> Scorer:
    return lambda user_index: scorer(user_index) + prior


def _rows(csr: Csr, rows: np.ndarray) -> Csr:
    """Return some rows of a matrix of compressed rows."""
    indptr, indices = csr
    counts = np.diff(indptr)[rows]
    start = np.concatenate([[0], np.cumsum(counts)])
    offset = np.arange(start[-1]) - np.repeat(start[:-1], counts)
    return start, indices[np.repeat(indptr[rows], counts) + offset]


def _hold_out(dataset: Dataset, seed: int) -> Dataset:
    """Return the data set with one training interaction of each user moved to the validation part.

    It is the last one if there are timestamps, otherwise a random one; of users with three
    interactions or more.
    """
    train = dataset.train
    draw = np.random.default_rng(seed).random(len(train))
    order = np.lexsort((draw if train.timestamp is None else train.timestamp, train.user_index))
    user = train.user_index[order]
    is_last = np.r_[user[1:] != user[:-1], True] if len(user) else np.zeros(0, dtype=bool)
    degree = np.bincount(train.user_index, minlength=len(train.users))
    is_valid = np.zeros(len(train), dtype=bool)
    is_valid[order[is_last & (degree[user] >= MIN_HISTORY)]] = True
    split = replace(dataset.split, train=train.take(~is_valid), valid=train.take(is_valid))
    return replace(dataset, split=split)
