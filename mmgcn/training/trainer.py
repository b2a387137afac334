"""Trainer: epochs, evaluations and checkpoints of one training."""

from __future__ import annotations

import itertools
import math
import time
from collections.abc import Callable, Mapping
from dataclasses import asdict, replace
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor

from mmgcn.config import SettingError
from mmgcn.data.dataset import Dataset
from mmgcn.data.interactions import Interactions
from mmgcn.distributed.user_shard import UserShard
from mmgcn.model import Model
from mmgcn.recommender_model import Embeddings
from mmgcn.sampling import Sampler
from mmgcn.train_config import TrainConfig
from mmgcn.training.checkpoint import (
    Checkpoint,
    check_same,
    optimiser_tensors,
    restore_optimiser,
    with_prefix,
    without_prefix,
)
from mmgcn.training.eval_records import EvalRecord, write_records
from mmgcn.training.interruption import Interruption
from mmgcn.training.state import BestRecord, TrainingState
from mmgcn.training.validation import Validation

MIN_STEPS_PER_EPOCH = 20  # with fewer, evaluation would take longer than training
CHECK_STEPS = 20  # steps between checks for a loss that is not finite


class TrainingError(ValueError):
    """A training that cannot continue."""


def steps_per_epoch(train: Interactions, config: TrainConfig) -> int:
    """Return the number of training steps of an epoch."""
    return max(math.ceil(len(train) / config.batch_size), MIN_STEPS_PER_EPOCH)


class Trainer:
    """Trains a model and chooses the best epoch on the validation part.

    Args:
        model: model on its device, reduced to the shard's users.
        run: run folder, for records and checkpoints.
        identity: model, settings and data; a checkpoint with another identity is refused.
        progress: called after each evaluation, in the main process.
        deadline: value of `time.monotonic` at which training stops; None for no limit.
        evaluate: whether to evaluate on the validation part; otherwise the last epoch is chosen.
        start: folder of a training with the same steps so far, which this one continues; None to
            begin at the first step.

    Attributes:
        records: the evaluations so far.
        steps_per_epoch: number of training steps in an epoch.

    Raises:
        SettingError: the schedule has fewer steps than learning-rate cycles.
    """

    def __init__(
        self,
        model: Model[Any],
        dataset: Dataset,
        *,
        run: Path,
        identity: Mapping[str, Any],
        shard: UserShard,
        progress: Callable[[EvalRecord], None] | None = None,
        deadline: float | None = None,
        evaluate: bool = True,
        start: Path | None = None,
    ) -> None:
        self.model, self.run, self.identity = model, run, identity
        self.config = model.train_config
        self.shard, self.group = shard, shard.group
        self.records: list[EvalRecord] = []
        self.steps_per_epoch = steps_per_epoch(dataset.train, self.config)
        self._num_steps = self.steps_per_epoch * self.config.epochs  # of the full schedule
        if model.num_cycles > self._num_steps:
            raise SettingError(
                f"{model.name} has {model.num_cycles} learning-rate cycles (ensemble members) in "
                f"{self._num_steps} training steps; raise epochs, or lower their number"
            )
        self._progress, self._deadline, self._evaluates = progress, deadline, evaluate
        self._start = start
        self._losses: list[Tensor] = []  # of the steps since the last evaluation
        self._device = next(itertools.chain(model.parameters(), model.buffers())).device
        self._validation = Validation(model, dataset, shard)
        self._optimiser = torch.optim.AdamW(
            [p for p in model.parameters() if p.requires_grad],
            lr=self.config.learning_rate,
            weight_decay=self.config.weight_decay,
            fused=True,  # one pass over the parameters: a third of the time on a CPU
        )
        self._sampler = Sampler.of(dataset.train, model.generator, self.config)

    def train(self, *, resume: bool) -> tuple[BestRecord, float]:
        """Train to the end, from the last checkpoint if `resume` is set.

        Returns:
            The best evaluation, whose parameters the model then has, with metrics over all
            validation users, and the seconds of all steps.

        Raises:
            ResumeError: no checkpoint, or one with another identity.
            TrainingError: a loss is not finite.
            KeyboardInterrupt: the training was interrupted, after a checkpoint was written.
        """
        state, best = TrainingState(), self._parameters()
        if resume:
            state, best = self._restore(self.run, self.identity)
        elif self._start is not None:
            state, best = self._continue(self._start)
        config = self.config
        end = self._num_steps
        if config.stop_epoch:
            end = max(1, round(config.stop_epoch * self.steps_per_epoch))
        interval = config.eval_steps or self.steps_per_epoch * config.eval_every
        with Interruption(ignore_repeats=self.group.size > 1) as interruption:
            while state.step < end and state.num_waited < config.patience:
                if state.best is not None and self._is_late():
                    break
                until = min((state.step // interval + 1) * interval, end)
                self._take_steps(state, until, interruption)
                if (state.step == until or self._is_late()) and self._evaluate(state):
                    best = self._parameters()
                self._save_checkpoint(state, best)
                if self.group.any(interruption.requested):
                    raise KeyboardInterrupt
        assert state.best is not None, "a training has an epoch or more, and ends in an evaluation"
        record = state.best
        if config.keep == "last" and state.step >= end:
            record = self._best_record(self.records[-1])
        else:
            self.model.load_state_dict(best)
        if self._evaluates and self._validation.is_sampled:
            record = replace(record, metrics=self.metrics())
        return record, state.seconds

    def metrics(self) -> dict[str, float]:
        """Return the metrics of the model as it is, over all validation users."""
        return self._validation.metrics() if self._evaluates else {}

    def embeddings(self) -> Embeddings | None:
        """Return the embeddings of all users, in the main process; None in the others."""
        own = self._validation.embeddings()
        assert isinstance(own.user, np.ndarray)
        user = self.group.gather_rows(torch.from_numpy(own.user), self.shard.bounds)
        return None if user is None else Embeddings(user.numpy(), own.item_parts)

    def remove_checkpoint(self) -> None:
        """Remove the checkpoint of a training that has ended."""
        folder = self.run / "checkpoint"
        if folder.is_dir():
            for path in folder.iterdir():
                path.unlink()
            folder.rmdir()

    def _take_steps(self, state: TrainingState, until: int, interruption: Interruption) -> None:
        """Train up to a step, an interruption or the deadline."""
        started = time.perf_counter()
        self.model.train()
        start = state.step
        while state.step < until and not self.group.any(interruption.requested):
            if state.step > start and self._is_late():
                break
            progress = state.step / self._num_steps
            for group in self._optimiser.param_groups:
                group["lr"] = self._learning_rate(progress)
            batch = self.model.draw(self._sampler)
            loss = self.shard.loss(self.model, batch, self._device, progress=progress)
            self._optimiser.zero_grad(set_to_none=True)
            loss.backward()  # type: ignore[no-untyped-call]
            self.shard.add_gradients(self.model)
            self._optimiser.step()
            self._losses.append(self.group.sum(loss.detach()))
            state.step += 1
            if len(self._losses) % CHECK_STEPS == 0:
                self._check_losses(state.step)
        self._check_losses(state.step)
        state.seconds += time.perf_counter() - started

    def _is_late(self) -> bool:
        return self._deadline is not None and self.group.any(time.monotonic() > self._deadline)

    def _check_losses(self, step: int) -> None:
        """Refuse a loss that is not finite. Reading losses waits for a GPU, so not in each step."""
        if not self._losses:
            return
        losses = torch.stack(self._losses)
        bad = (~losses.isfinite()).nonzero()
        if len(bad):
            first = step - len(losses) + int(bad[0]) + 1
            raise TrainingError(
                f"the loss became {float(losses[bad[0]])} in step {first}, epoch "
                f"{math.ceil(first / self.steps_per_epoch)}; lower learning_rate (now "
                f"{self.config.learning_rate:g}) or raise temperature (now "
                f"{self.config.temperature:g}), and check the features with: mmgcn inspect"
            )

    def _evaluate(self, state: TrainingState) -> bool:
        """Evaluate on the validation part, and return whether the result is the best so far."""
        epoch = math.ceil(state.step / self.steps_per_epoch)
        loss = float(torch.stack(self._losses).mean())
        self._losses.clear()
        metrics = self._validation.metrics(sample=True) if self._evaluates else {}
        record = EvalRecord(epoch, state.step, state.seconds, loss, metrics)
        self.records.append(record)
        self._report(record)
        return state.update(self._best_record(record))

    def _report(self, record: EvalRecord) -> None:
        if self.group.is_main:
            write_records(self.run / "metrics.jsonl", self.records)
            if self._progress is not None:
                self._progress(record)

    def _best_record(self, record: EvalRecord) -> BestRecord:
        value = record.metrics.get(self._validation.metric)
        return BestRecord(record.epoch, record.step, value, record.metrics)

    def _parameters(self) -> dict[str, Tensor]:
        return {name: tensor.clone() for name, tensor in self.model.state_dict().items()}

    def _learning_rate(self, progress: float) -> float:
        start = self.config.learning_rate
        if self.config.schedule == "constant":
            return start
        in_cycle = progress * self.model.num_cycles % 1.0
        return start * (0.02 + 0.49 * (1 + math.cos(math.pi * in_cycle)))

    def _save_checkpoint(self, state: TrainingState, best: Mapping[str, Tensor]) -> None:
        sharded = self.shard.sharded
        moments = self.shard.gather(optimiser_tensors(self._optimiser), self._sharded_moments())
        tensors = {
            **with_prefix("model", self.shard.gather(self.model.state_dict(), sharded)),
            **with_prefix("best", self.shard.gather(best, sharded)),
            **with_prefix("optimiser", moments),
            "generator": self.model.generator.get_state(),
            "losses": torch.stack(self._losses) if self._losses else torch.zeros(0),
        }
        if not self.group.is_main:
            return
        records = [asdict(record) for record in self.records]
        stored = {**state.as_dict(), "identity": self.identity, "records": records}
        Checkpoint(stored, tensors).save(self.run / "checkpoint")

    def _continue(self, start: Path) -> tuple[TrainingState, dict[str, Tensor]]:
        """Load what a shorter training ended with, and evaluate it if that was not done."""
        state, best = self._restore(start)
        if any(record.metrics for record in self.records):
            for record in self.records:
                self._report(record)
            return state, best
        self._losses = [torch.tensor(record.loss, device=self._device) for record in self.records]
        self.records.clear()
        state.best = None
        self._evaluate(state)
        return state, self._parameters()

    def _restore(
        self, run: Path, identity: Mapping[str, Any] | None = None
    ) -> tuple[TrainingState, dict[str, Tensor]]:
        """Load the last checkpoint of a run; return its state and the best parameters.

        Raises:
            ResumeError: there is none, or it does not have the identity.
        """
        checkpoint = Checkpoint.load(run / "checkpoint") if self.group.is_main else None
        if checkpoint is not None and identity is not None:
            check_same(checkpoint.state["identity"], identity, run)
        sharded = {f"{kind}.{name}" for kind in ("model", "best") for name in self.shard.sharded}
        sharded |= {f"optimiser.{name}" for name in self._sharded_moments()}
        tensors = self.shard.scatter(checkpoint.tensors if checkpoint else {}, sharded)
        stored = self.group.broadcast(checkpoint.state if checkpoint else {})
        self.model.load_state_dict(without_prefix("model", tensors))
        restore_optimiser(self._optimiser, without_prefix("optimiser", tensors))
        self.model.generator.set_state(tensors["generator"])
        self.records = [EvalRecord(**record) for record in stored["records"]]
        self._losses = list(tensors["losses"].to(self._device))
        return TrainingState.from_dict(stored), without_prefix("best", tensors)

    def _sharded_moments(self) -> set[str]:
        """Return the names of the optimiser's tensors with one row per user."""
        trained = [n for n, p in self.model.named_parameters() if p.requires_grad]
        indices = [index for index, name in enumerate(trained) if name in self.shard.sharded]
        return {f"{index}.{moment}" for index in indices for moment in ("exp_avg", "exp_avg_sq")}
