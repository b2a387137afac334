"""fit: train a model on a data set, choose the best epoch, and write a run folder."""

from __future__ import annotations

import shutil
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from importlib.metadata import version
from pathlib import Path
from typing import Any

import torch

from extract.extras import install_command
from mmgcn.closed_form_model import ClosedFormModel
from mmgcn.config import DEFAULT_MODEL
from mmgcn.data.dataset import Dataset
from mmgcn.distributed.process_group import join_process_group
from mmgcn.distributed.user_shard import UserShard
from mmgcn.model import MODELS, Model
from mmgcn.recommender_model import RecommenderModel
from mmgcn.run_writing import move_latest
from mmgcn.training.checkpoint import flat, has_checkpoint
from mmgcn.training.curves import plot_curves
from mmgcn.training.device import find_device
from mmgcn.training.eval_records import EvalRecord, write_records
from mmgcn.training.final_prior import with_final_prior
from mmgcn.training.folder import identity_of, run_folder, write_folder
from mmgcn.training.loggers import check_loggers, open_loggers
from mmgcn.training.progress_bar import check_callbacks, notifier
from mmgcn.training.recipe import (
    OnTrial,
    Recipe,
    can_choose_recipe,
    choose_recipe,
    recipe_of_run,
    suitable_batch_size,
)
from mmgcn.training.trainer import Trainer, TrainingError, steps_per_epoch
from mmgcn.training.validation import Validation, count_users

Progress = Callable[[EvalRecord], None]


@dataclass(frozen=True)
class FitResult:
    """The result of a training.

    Args:
        run: the run folder.
        best_epoch: epoch whose parameters were kept; 0 for a model in closed form.
        metrics: validation metrics of that epoch, empty without a validation part.
        seconds: duration of the optimiser's steps only.
        num_parameters: number of trained parameters.
        notes: remarks on omissions, such as curves without matplotlib.
        recipe: the chosen settings; None if they were given or are the model's defaults.
    """

    run: Path
    best_epoch: int
    metrics: dict[str, float]
    seconds: float
    num_parameters: int
    notes: tuple[str, ...] = ()
    recipe: Recipe | None = None


def fit(
    dataset: Dataset,
    *,
    model: str | type[RecommenderModel[Any]] = DEFAULT_MODEL,
    out: Path | str = "runs",
    settings: Mapping[str, Any] | None = None,
    epochs: int | None = None,
    recipe: str | Path = "auto",
    seed: int = 0,
    device: str = "auto",
    budget_seconds: float | None = None,
    resume: bool = False,
    progress: Progress | bool | None = None,
    callbacks: Sequence[Progress] = (),
    log: Sequence[str] = (),
    on_trial: OnTrial | None = None,
    publish: bool = True,
    selection: Mapping[str, Any] | None = None,
) -> FitResult:
    """Train a model and write its run folder, to which `out/latest` then points.

    Under torchrun the users are divided among the processes (see mmgcn.distributed.partition); the
    result equals that of one process, up to the order of sums. Only the main process writes files
    and calls `progress`.

    `recipe` in the run's config.json contains the settings that reproduce the evaluated parameters,
    with `stop_epoch` at the best epoch; `recipe=RUN` trains with them on other data, such as all
    interactions.

    Args:
        model: a name of MODELS, or a subclass of Model or ClosedFormModel; by default linear_mmgcn.
        out: the folder of runs.
        settings: settings of the model and of its training by name; values may be text.
        epochs: overrides the setting of that name.
        recipe: `auto` chooses settings by short trainings on the validation part, for models that
            have recipes, unless `settings` contain one that a recipe decides; `default` uses the
            model's defaults; or a run folder, whose recipe is used.
        seed: seed of every random draw; equal seeds on one device give equal runs.
        device: auto, cpu, cuda or cuda:N.
        budget_seconds: maximum duration of the training, including the choice of the recipe and
            excluding start-up and writing; None for no limit. The best epoch until then is kept.
        resume: resume the last unfinished training in `out`. On a CPU the result equals that of an
            uninterrupted training bit for bit. If `out` contains no run, a new training begins.
        progress: called after each evaluation on the validation part; True shows a bar, in a
            terminal or in a notebook.
        callbacks: called after `progress`, in this order, such as a logger's. An exception in one
            ends the training, which `resume` continues.
        log: names of loggers that receive every evaluation: tensorboard, with events in
            RUN/tensorboard, or wandb.
        on_trial: called after each trial of the choice of a recipe.
        publish: whether `out/latest` then points to the run.
        selection: run that chose the recipe, and its metrics, to store in the configuration.

    Raises:
        SettingError: an unknown setting or a bad value, or a recipe of another model.
        RunError: no run at `recipe`.
        UnknownName: an unknown model.
        ValueError, ImportError: a logger that is unknown, or not installed.
        TypeError: `callbacks` is not a list of functions.
        ResumeError: all runs in `out` are finished, or have other settings or data.
        TrainingError: no training interactions, or a loss that is not finite.
        FolderError: the run cannot be written.
        PartitionError: a model or data that cannot be divided among several processes.
        RankError: processes with different arguments, or one that died.
    """
    if len(dataset.train) == 0:
        raise TrainingError("there are no training interactions")
    kind = _kind(model)
    given = dict(settings or {}) | ({} if epochs is None else {"epochs": epochs})
    if recipe not in ("auto", "default"):
        given = recipe_of_run(Path(recipe), kind.name) | given
    schedule = kind.parse_settings(given).train  # refuse a mistake before anything is written
    check_callbacks(callbacks)
    check_loggers(log)
    device = find_device(device)
    deadline = None if budget_seconds is None else time.monotonic() + budget_seconds
    with (
        join_process_group(device) as group,
        run_folder(Path(out), group, resume=resume) as run,
        open_loggers(log if group.is_main else (), run=run, settings=given) as loggers,
        notifier(
            progress,
            [*callbacks, *loggers],
            on_trial,
            num_epochs=schedule.epochs if schedule else 0,
        ) as (notify, on_trial),
    ):
        choice, start = None, None
        if recipe == "auto" and issubclass(kind, Model) and can_choose_recipe(kind, given):
            given = {"batch_size": suitable_batch_size(kind, len(dataset.train))} | given
            if group.is_main:
                choice = choose_recipe(
                    kind,
                    dataset,
                    given,
                    folder=run / "trials",
                    seed=seed,
                    device=device,
                    budget_seconds=budget_seconds,
                    on_trial=on_trial,
                )
            choice = group.broadcast(choice)
            if choice is not None:
                free = kind.parse_settings(given)
                assert free.train is not None
                num_steps = steps_per_epoch(dataset.train, free.train)
                given = choice.schedule(kind.cycles(free.model), num_steps) | given
                if group.size == 1:
                    start = choice.start(run / "trials", num_steps)
        parsed = kind.parse_settings(given)
        identity = identity_of(kind.name, parsed, dataset, seed)
        versions = {name: version(name) for name in ("mmgcn", "torch")}
        group.assert_equal(flat({**identity, "resume": resume, "version": versions}))
        if issubclass(kind, ClosedFormModel):
            solved = kind(dataset, parsed.model)
            validation = Validation(solved, dataset, UserShard(solved, dataset.train, group))
            result = _solve(validation, dataset, identity, run, notify, selection)
            if publish:
                move_latest(run)
            return result
        assert issubclass(kind, Model)
        assert parsed.train is not None
        generator = torch.Generator().manual_seed(seed)
        trained = kind(dataset, parsed.model, parsed.train, generator)
        shard = UserShard(trained, dataset.train, group)
        trained.to(device)
        identity["resolved"] = trained.resolved_settings()
        group.assert_equal(identity["resolved"])
        trainer = Trainer(
            trained,
            dataset,
            run=run,
            identity=identity,
            shard=shard,
            progress=notify,
            deadline=deadline,
            start=start,
        )
        # A training that was interrupted in the choice of its recipe has no checkpoint yet.
        result = _train(
            trainer,
            dataset,
            identity,
            choice,
            selection,
            resume=resume and group.broadcast(has_checkpoint(run)),
        )
        if publish and group.is_main:
            move_latest(run)
        return result


def _train(
    trainer: Trainer,
    dataset: Dataset,
    identity: Mapping[str, Any],
    choice: Recipe | None,
    selection: Mapping[str, Any] | None,
    *,
    resume: bool,
) -> FitResult:
    best, seconds = trainer.train(resume=resume)
    model, run = trainer.model, trainer.run
    if choice is not None and not choice.held_out:
        choice = with_final_prior(choice, trainer, dataset, seed=identity["seed"])
        best = replace(best, metrics=trainer.metrics())
        weight = choice.settings["popularity_prior"]
        identity = {**identity, "settings": {**identity["settings"], "popularity_prior": weight}}
    state = trainer.shard.gather(model.state_dict(), trainer.shard.sharded)
    embeddings = trainer.embeddings()
    notes: tuple[str, ...] = ()
    if embeddings is not None:  # the main process
        if not plot_curves(run / "curves.png", trainer.records):
            notes = (f"no curves.png without matplotlib; {install_command('plots')}",)
        stop_epoch = best.step / trainer.steps_per_epoch
        outcome = {
            "best_epoch": best.epoch,
            "recipe": {**identity["settings"], "stop_epoch": stop_epoch},
            "choice": None if choice is None else choice.as_dict(),
            **_stored(selection),
            "validation_users": count_users(dataset),
            "valid": best.metrics,
            "train_seconds": round(seconds, 3),
        }
        write_folder(run, dataset, identity, embeddings, outcome, state=state)
        trainer.remove_checkpoint()
        shutil.rmtree(run / "trials", ignore_errors=True)
    num_parameters = sum(parameter.numel() for parameter in model.parameters())
    return FitResult(run, best.epoch, best.metrics, seconds, num_parameters, notes, choice)


def _solve(
    validation: Validation,
    dataset: Dataset,
    identity: Mapping[str, Any],
    run: Path,
    progress: Progress | None,
    selection: Mapping[str, Any] | None,
) -> FitResult:
    record = EvalRecord(0, 0, 0.0, 0.0, validation.metrics())
    write_records(run / "metrics.jsonl", [record])
    if progress is not None:
        progress(record)
    outcome = {
        "best_epoch": 0,
        "recipe": identity["settings"],
        "valid": record.metrics,
        "train_seconds": 0.0,
        **_stored(selection),
    }
    write_folder(run, dataset, identity, validation.embeddings(), outcome)
    return FitResult(run, 0, record.metrics, 0.0, 0)


def _stored(selection: Mapping[str, Any] | None) -> dict[str, Any]:
    return {} if selection is None else {"selection": dict(selection)}


def _kind(model: str | type[RecommenderModel[Any]]) -> type[RecommenderModel[Any]]:
    if isinstance(model, str):
        return MODELS.get(model)
    if isinstance(model, type) and issubclass(model, Model | ClosedFormModel):
        return model
    raise TypeError(
        f"model is {model!r}; expected a name such as 'lightgcn', or a subclass of Model or "
        "ClosedFormModel"
    )
