"""Recipe: training settings that are chosen from the data, by short trainings.

A model lists `recipes`, settings for data of different kinds, neighbours beside each other. Each
trial trains a few hundred steps and is evaluated on the validation part with several weights of the
popularity prior. The search starts at the recipe that suits the data's histories, also with a
training of three times the length. With the better length, it goes on to the neighbours in one
direction and, if that leads to nothing better, in the other. A trial replaces the best one so far
if it is better by more than a standard error over the users; a recipe that is worse ends the
direction. A longer training has to be better than the whole ensemble of the shorter one, which
takes as many steps: on some data one hides what the other gains.

The full training ends with its last epoch, and its popularity prior is then chosen again.

Nothing depends on the clock unless there is a budget, so the same seed chooses the same recipe.
"""

from __future__ import annotations

import json
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np

from mmgcn.config import SettingError
from mmgcn.data.dataset import Dataset
from mmgcn.model import Model
from mmgcn.run import Run
from mmgcn.run_writing import write_json
from mmgcn.training.best_prior import gain_in_errors
from mmgcn.training.checkpoint import has_checkpoint
from mmgcn.training.recipe_trials import (
    CYCLE_EPOCHS,
    MAX_TRIAL_STEPS,
    Trial,
    Trials,
    ensemble_name,
    trial_folder,
)
from mmgcn.training.trainer import steps_per_epoch

LONGER = 3  # factor of the epochs of a longer training
BETTER = 1.0  # standard errors that a trial has to gain
MAX_LONGER = 500_000  # training interactions; with more, an epoch has enough steps
MIN_HISTORY = 3  # training interactions of a user before one is held out
MAX_CYCLE_STEPS = 10_000  # of a learning-rate cycle of more than one epoch
SEARCH_SHARE = 0.4  # of the budget, for choosing
EVALS_PER_CYCLE = 4  # evaluations in a learning-rate cycle
MAX_EPOCH_STEPS = 60  # of an epoch, before the batch is doubled
MAX_BATCHES = 4  # size of the largest batch, in default ones
OWN_SETTINGS = ("epochs", "stop_epoch", "popularity_prior", "popularity_window")


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

    def schedule(self, num_cycles: int, num_steps: int) -> dict[str, Any]:
        """Return the settings of the full training, with learning-rate cycles as long as a trial.

        Cycles are longer where trials were cut short because there are many interactions.

        Args:
            num_steps: training steps of an epoch.
        """
        epochs_per_cycle = self._epochs_per_cycle(num_steps)
        epochs = epochs_per_cycle * num_cycles
        return {
            **self.settings,
            "epochs": epochs,
            "patience": epochs,
            "eval_every": max(1, epochs_per_cycle // EVALS_PER_CYCLE),
            "keep": "last",
        }

    def start(self, folder: Path, num_steps: int) -> Path | None:
        """Return the folder of the trial that is the full training, or its first cycle.

        None if cycles are longer than a trial, or interactions were held out of the trials.

        Args:
            folder: folder of the trials.
            num_steps: training steps of an epoch.
        """
        names = [ensemble_name(self.name)]
        if self._is_first_cycle(num_steps):
            names.append(self.name)
        folders = [] if self.held_out else [trial_folder(folder, name) for name in names]
        return next(filter(has_checkpoint, folders), None)

    def _is_first_cycle(self, num_steps: int) -> bool:
        is_whole = num_steps <= MAX_TRIAL_STEPS
        is_as_long = self._epochs_per_cycle(num_steps) == self.settings["epochs"]
        return is_whole and is_as_long

    def _epochs_per_cycle(self, num_steps: int) -> int:
        most = max(1, MAX_CYCLE_STEPS // num_steps)
        longest: int = max(self.settings["epochs"], min(CYCLE_EPOCHS, most))
        return longest

    def as_dict(self) -> dict[str, Any]:
        """Return the choice as a run's configuration stores it, without times."""
        return {
            "name": self.name,
            "metric": self.metric,
            "held_out": self.held_out,
            "trials": [asdict(trial) for trial in self.trials],
        }


OnTrial = Callable[[Trial], None]


def can_choose_recipe(kind: type[Model[Any]], given: Mapping[str, Any]) -> bool:
    """Return whether the model has recipes and the given settings contain none that they decide."""
    decided = {name for settings in kind.recipes.values() for name in settings}.union(OWN_SETTINGS)
    return bool(kind.recipes) and decided.isdisjoint(given)


def suitable_batch_size(kind: type[Model[Any]], num_interactions: int) -> int:
    """Return the batch size for training data of that size: the default, its double or fourfold.

    A step over a larger batch takes less time per interaction, and large data have steps enough.
    """
    settings = kind.train_defaults
    size = settings.batch_size
    while num_interactions > MAX_EPOCH_STEPS * size and size < MAX_BATCHES * settings.batch_size:
        size *= 2
    return size


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
        given: further settings, shared by all trials.
        folder: folder of finished trials, the checkpoint of an unfinished one, and the choice; an
            interrupted search resumes from it.
        budget_seconds: duration of choice and training together, of which the choice takes at most
            two fifths. It then depends on the speed of the machine.
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
    search = Trials(kind, dataset, given, folder=folder, seed=seed, device=device)
    started = time.monotonic()
    trials: list[Trial] = []

    def has_time(num_epochs: int) -> bool:
        """Return whether a further trial of that length is expected to end within the budget."""
        if budget_seconds is None:
            return True
        finished: int = sum(trial.settings["epochs"] for trial in trials)
        expected = (time.monotonic() - started) * (1 + num_epochs / finished)
        return expected <= SEARCH_SHARE * budget_seconds

    def attempt(
        name: str,
        settings: Mapping[str, Any],
        kept: Sequence[Trial],
        *,
        schedule: Mapping[str, Any] | None = None,
        start: Path | None = None,
    ) -> np.ndarray:
        search.remove_checkpoints(trials, but=kept)
        trial, values = search.run(name, settings, schedule=schedule, start=start)
        trials.append(trial)
        if on_trial is not None:
            on_trial(trial)
        return values

    free = kind.parse_settings(dict(given))
    assert free.train is not None
    num_cycles, num_steps = kind.cycles(free.model), steps_per_epoch(dataset.train, free.train)
    epochs = search.trial_epochs
    names = list(kind.recipes)
    first = names.index(kind.first_recipe(dataset))
    best_values = attempt(names[first], {**kind.recipes[names[first]], "epochs": epochs}, [])
    best, length = trials[0], ""
    if len(dataset.train) <= MAX_LONGER and has_time(LONGER * epochs):
        settings = {**kind.recipes[names[first]], "epochs": LONGER * epochs}
        values = attempt(f"{names[first]}, longer", settings, [best])
        longer, gain = trials[-1], gain_in_errors(values, best_values)
        is_better = gain > BETTER
        if gain > 0 and num_cycles > 1 and has_time((num_cycles - 1) * epochs):
            # As many steps train an ensemble, which gains as well.
            whole = Recipe(best.name, best.settings, search.metric, (), 0.0, held_out)
            values_of_ensemble = attempt(
                ensemble_name(best.name),
                best.settings,
                [best, longer],
                schedule=whole.schedule(num_cycles, num_steps),
                start=None if held_out else whole.start(folder, num_steps),
            )
            is_better = gain_in_errors(values, values_of_ensemble) > 0
        if is_better:
            best, best_values = longer, values
            epochs, length = LONGER * epochs, ", longer"
    start = best
    for direction in (names[first + 1 :], names[:first][::-1]):
        if best is not start:
            break
        for name in direction:
            if not has_time(epochs):
                break
            values = attempt(name + length, {**kind.recipes[name], "epochs": epochs}, [best])
            errors = gain_in_errors(values, best_values)
            if errors > BETTER:
                best, best_values = trials[-1], values
            elif errors < 0:
                break
    search.remove_checkpoints(trials, but=[best])
    seconds = time.monotonic() - started
    recipe = Recipe(best.name, best.settings, search.metric, tuple(trials), seconds, held_out)
    write_json(chosen, asdict(recipe))
    return recipe


def recipe_of_run(run: Path, model: str) -> dict[str, Any]:
    """Return the settings that trained a run.

    Raises:
        SettingError: the run is of another model.
    """
    config = Run.load(run).config
    if config["model"] != model:
        raise SettingError(
            f"the run at {run} is of the model {config['model']}, whose recipe {model} cannot use"
        )
    settings: dict[str, Any] = config["recipe"]
    return settings


def _hold_out(dataset: Dataset, seed: int) -> Dataset:
    """Return the data set with one training interaction of each user moved to the validation part.

    The last one if there are timestamps, otherwise a random one. Users with fewer than three
    interactions keep theirs.
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
