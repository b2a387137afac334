"""fit: train a model on a data set, choose on the validation part, leave a run folder."""

from __future__ import annotations

import itertools
import math
import shutil
import time
from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass, replace
from importlib.metadata import version
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor

from mmgcn.data.dataset import Dataset
from mmgcn.model import MODELS, Embeddings, Model, Training
from mmgcn.run import move_latest
from mmgcn.training.checkpoint import (
    Checkpoint,
    check_same,
    flat,
    optimiser_tensors,
    restore_optimiser,
    with_prefix,
    without_prefix,
)
from mmgcn.training.curves import draw_curves
from mmgcn.training.device import find_device
from mmgcn.training.folder import identity_of, new_folder, unfinished_folder, write_folder
from mmgcn.training.interruption import Interruption
from mmgcn.training.looks import Look, write_looks
from mmgcn.training.part import Part
from mmgcn.training.ranks import Ranks, joined
from mmgcn.training.sampling import Sampler
from mmgcn.training.standing import Best, Standing
from mmgcn.training.validation import Validation

MIN_STEPS_AN_EPOCH = 20  # small data would be looked at more often than it is learned from
CHECK_STEPS = 20  # between two looks for a loss that is not finite


class TrainingError(ValueError):
    """A training that cannot go on."""


@dataclass(frozen=True)
class FitResult:
    """What a training left.

    Args:
        run: the run folder.
        best_epoch: the epoch whose parameters were kept; 0 for a model that is solved.
        metrics: validation figures of that epoch, empty without a validation part.
        seconds: of the optimiser's steps alone.
        num_parameters: trained numbers.
    """

    run: Path
    best_epoch: int
    metrics: dict[str, float]
    seconds: float
    num_parameters: int


def fit(
    dataset: Dataset,
    *,
    model: str,
    out: Path,
    settings: Mapping[str, Any] | None = None,
    epochs: int | None = None,
    seed: int = 0,
    device: str = "auto",
    resume: bool = False,
    progress: Callable[[Look], None] | None = None,
) -> FitResult:
    """Train a model and write its run folder; `out/latest` then leads to it.

    Under torchrun the processes divide the users among them (see mmgcn.partition) and end in what
    one would, up to the order of sums. Only the first writes, and calls `progress`.

    Args:
        model: a name of MODELS.
        out: the folder of runs.
        settings: of the model, by name; values may be text.
        epochs: at most; overrides the setting of that name.
        seed: equal seeds on one device give equal runs.
        device: auto, cpu, cuda or cuda:N.
        resume: go on with the last training in `out` that did not end. On a CPU it ends in the
            same bits as if it had never stopped.
        progress: called after each look at the validation part.

    Raises:
        SettingError: an unknown setting or a bad value.
        UnknownName: an unknown model.
        ResumeError: nothing to resume, or it was another training.
        TrainingError: no training interactions, or a loss that is not finite.
        FolderError: the run cannot be written.
        PartitionError: a model or data that several processes cannot divide.
        RankError: processes that were started differently, or one that ended.
    """
    if len(dataset.train) == 0:
        raise TrainingError("there is no training interaction")
    kind = MODELS.get(model)
    chosen = kind.read_settings(settings or {})
    if epochs is not None:
        chosen = replace(chosen, epochs=epochs)
    place = find_device(device)
    with joined(place) as ranks:
        return _fit(dataset, kind, chosen, out, seed, place, resume, progress, ranks)


def _fit(
    dataset: Dataset,
    kind: type[Model],
    settings: Training,
    out: Path,
    seed: int,
    device: str,
    resume: bool,
    progress: Callable[[Look], None] | None,
    ranks: Ranks,
) -> FitResult:
    generator = torch.Generator().manual_seed(seed)
    made = kind(dataset, settings, generator)
    identity = identity_of(made, dataset, seed)
    versions = {name: version(name) for name in ("mmgcn", "torch")}
    ranks.agree(flat({**identity, "--resume": resume, "version": versions}))
    num_parameters = sum(parameter.numel() for parameter in made.parameters())
    part = Part(made, np.diff(dataset.train.csr()[0]), ranks)
    sampler = getattr(made, "neighbours", None)
    if sampler is not None:  # `auto` is decided by now, and by the number of ranks, too
        identity["pass"] = "whole" if sampler.num_neighbours is None else "sampled"
    made.to(device)
    run: Path = ranks.told(_folder(out, resume) if ranks.leads else None)
    trainer = Trainer(made, dataset, run, identity, generator, progress, part)
    try:
        if kind.closed_form:
            best_epoch, figures, seconds = trainer.solve()
        else:
            best_epoch, figures, seconds = trainer.train(resume=resume)
        trainer.write(
            {"best_epoch": best_epoch, "valid": figures, "train_seconds": round(seconds, 3)}
        )
    except BaseException:
        if ranks.leads and not (run / "checkpoint" / "state.json").is_file():
            shutil.rmtree(run, ignore_errors=True)  # there is nothing to go on with
        raise
    return FitResult(run, best_epoch, figures, seconds, num_parameters)


def _folder(out: Path, resume: bool) -> Path:
    return unfinished_folder(out) if resume else new_folder(out)


class Trainer:
    """One training: epochs, looks, checkpoints."""

    def __init__(
        self,
        model: Model,
        dataset: Dataset,
        run: Path,
        identity: dict[str, Any],
        generator: torch.Generator,
        progress: Callable[[Look], None] | None,
        part: Part,
    ) -> None:
        self.model, self.dataset, self.run = model, dataset, run
        self.part, self.ranks = part, part.ranks
        self.settings: Training = model.settings
        self.generator, self.progress, self.identity = generator, progress, identity
        self.looks: list[Look] = []
        self._losses: list[Tensor] = []  # of the steps since the last look
        self._steps_an_epoch = max(
            math.ceil(len(dataset.train) / self.settings.batch_size), MIN_STEPS_AN_EPOCH
        )
        self._device = next(itertools.chain(model.parameters(), model.buffers())).device
        self._validation = Validation(model, dataset, part)

    def solve(self) -> tuple[int, dict[str, float], float]:
        """Look once at a model that is not trained."""
        figures = self._validation.figures()
        self._note(Look(0, 0, 0.0, 0.0, figures))
        return 0, figures, 0.0

    def train(self, *, resume: bool) -> tuple[int, dict[str, float], float]:
        """Train to the end, from the last checkpoint if there is one to resume.

        Returns:
            The best epoch, its figures, and the seconds of all steps. The model holds the best
            parameters.
        """
        optimiser = torch.optim.AdamW(
            [p for p in self.model.parameters() if p.requires_grad],
            lr=self.settings.learning_rate,
            weight_decay=self.settings.weight_decay,
            fused=True,  # one pass over the parameters: a third of the time on a CPU
        )
        sampler = Sampler(
            self.dataset.train.user_index,
            self.dataset.train.item_index,
            num_items=self.model.num_items,
            generator=self.generator,
            user_balance=self.settings.user_balance,
            only_watched=self.settings.negatives == "watched",
        )
        standing, best = Standing(), self._parameters()
        if resume:
            standing, best = self._restore(optimiser)
        steps = self._steps_an_epoch
        end = steps * self.settings.epochs
        between = self.settings.eval_steps or steps * self.settings.eval_every
        with Interruption(patient=self.ranks.size > 1) as interruption:
            while standing.step < end and standing.waited < self.settings.patience:
                until = min((standing.step // between + 1) * between, end)
                self._learn(optimiser, sampler, standing, until, interruption)
                if standing.step == until and self._look(standing):
                    best = self._parameters()
                self._checkpoint(standing, optimiser, best)
                if self.ranks.any(interruption.wanted):
                    raise KeyboardInterrupt
        self.model.load_state_dict(best)
        assert standing.best is not None, "every training has an epoch, and ends with a look"
        return standing.best.epoch, standing.best.figures, standing.seconds

    def write(self, ended: Mapping[str, Any]) -> None:
        """Write the run folder of the model as it is; `latest` then leads to it."""
        state = self.part.whole(self.model.state_dict(), self.part.names)
        embeddings = self._validation.embeddings()
        user = self.ranks.rows(torch.from_numpy(embeddings.user), self.part.bounds)
        if user is None:
            return
        self._draw()
        whole = Embeddings(user.numpy(), embeddings.item_parts)
        write_folder(self.run, self.model, self.dataset, self.identity, state, whole, ended)
        self._clean()
        move_latest(self.run)

    def _clean(self) -> None:
        """Remove the checkpoint of a training that has ended."""
        folder = self.run / "checkpoint"
        if folder.is_dir():
            for path in folder.iterdir():
                path.unlink()
            folder.rmdir()

    def _learn(
        self,
        optimiser: torch.optim.Optimizer,
        sampler: Sampler,
        standing: Standing,
        until: int,
        interruption: Interruption,
    ) -> None:
        """Take steps up to that one, or to an interruption."""
        started = time.perf_counter()
        self.model.train()
        end = self._steps_an_epoch * self.settings.epochs
        while standing.step < until and not self.ranks.any(interruption.wanted):
            self.model.share_done = standing.step / end
            for group in optimiser.param_groups:
                group["lr"] = self._learning_rate(self.model.share_done)
            loss = self.part.loss(self.model, self.model.draw(sampler), self._device)
            optimiser.zero_grad(set_to_none=True)
            loss.backward()  # type: ignore[no-untyped-call]
            self.part.add_gradients(self.model)
            optimiser.step()
            self._losses.append(self.ranks.sum(loss.detach()))
            standing.step += 1
            if len(self._losses) % CHECK_STEPS == 0:
                self._check(standing.step)
        self._check(standing.step)
        standing.seconds += time.perf_counter() - started

    def _check(self, step: int) -> None:
        """Stop where a loss is not finite. Looked at now and then: each look waits for a GPU."""
        if not self._losses:
            return
        losses = torch.stack(self._losses)
        bad = (~losses.isfinite()).nonzero()
        if len(bad):
            first = step - len(losses) + int(bad[0]) + 1
            raise TrainingError(
                f"the loss became {float(losses[bad[0]])} in step {first}, epoch "
                f"{math.ceil(first / self._steps_an_epoch)}; lower learning_rate (now "
                f"{self.settings.learning_rate:g}) or raise temperature (now "
                f"{self.settings.temperature:g}), and look at the features with: mmgcn inspect"
            )

    def _look(self, standing: Standing) -> bool:
        """Look at the validation part, write it down, and return whether it is the best so far."""
        epoch = math.ceil(standing.step / self._steps_an_epoch)
        loss = float(torch.stack(self._losses).mean())
        self._losses.clear()
        figures = self._validation.figures()
        self._note(Look(epoch, standing.step, standing.seconds, loss, figures))
        return standing.take(Best(epoch, figures.get(self._validation.figure), figures))

    def _parameters(self) -> dict[str, Tensor]:
        return {name: tensor.clone() for name, tensor in self.model.state_dict().items()}

    def _learning_rate(self, share_done: float) -> float:
        start = self.settings.learning_rate
        if self.settings.schedule == "constant":
            return start
        of_cycle = share_done * self.model.num_cycles % 1.0
        return start * (0.02 + 0.49 * (1 + math.cos(math.pi * of_cycle)))

    def _note(self, look: Look) -> None:
        self.looks.append(look)
        if not self.ranks.leads:
            return
        write_looks(self.run / "metrics.jsonl", self.looks)
        if self.progress is not None:
            self.progress(look)

    def _draw(self) -> None:
        """Draw the curves of all looks into the run folder."""
        families = ("recall", "ndcg")
        names = [n for n in self.looks[-1].figures if n.partition("@")[0] in families]
        draw_curves(
            self.run / "curves.png",
            epochs=[look.epoch for look in self.looks],
            losses=[look.loss for look in self.looks],
            figures={name: [look.figures[name] for look in self.looks] for name in names},
        )

    def _checkpoint(
        self, standing: Standing, optimiser: torch.optim.Optimizer, best: Mapping[str, Tensor]
    ) -> None:
        cut = self.part.names
        tensors = {
            **with_prefix("model", self.part.whole(self.model.state_dict(), cut)),
            **with_prefix("best", self.part.whole(best, cut)),
            **with_prefix(
                "optimiser",
                self.part.whole(optimiser_tensors(optimiser), self._cut_of_optimiser()),
            ),
            "generator": self.generator.get_state(),
            "losses": torch.stack(self._losses) if self._losses else torch.zeros(0),
        }
        if not self.ranks.leads:
            return
        looks = [asdict(look) for look in self.looks]
        state = {**standing.as_dict(), "identity": self.identity, "looks": looks}
        Checkpoint(state, tensors).save(self.run / "checkpoint")

    def _restore(self, optimiser: torch.optim.Optimizer) -> tuple[Standing, dict[str, Tensor]]:
        """Go back to the last checkpoint, and return how far that was, with the best parameters."""
        held = Checkpoint.load(self.run / "checkpoint") if self.ranks.leads else None
        if held is not None:
            check_same(held.state["identity"], self.identity, self.run)
        cut = {f"{prefix}.{name}" for prefix in ("model", "best") for name in self.part.names}
        cut |= {f"optimiser.{name}" for name in self._cut_of_optimiser()}
        tensors = self.part.own(self.ranks.spread(held.tensors if held else {}), cut)
        state = self.ranks.told(held.state if held else None)
        self.model.load_state_dict(without_prefix("model", tensors))
        restore_optimiser(optimiser, without_prefix("optimiser", tensors))
        self.generator.set_state(tensors["generator"])
        self.looks = [Look(**look) for look in state["looks"]]
        self._losses = list(tensors["losses"].to(self._device))
        return Standing.of(state), without_prefix("best", tensors)

    def _cut_of_optimiser(self) -> set[str]:
        """Return the names of the optimiser's tensors that hold rows of users."""
        trained = [n for n, p in self.model.named_parameters() if p.requires_grad]
        places = [place for place, name in enumerate(trained) if name in self.part.names]
        return {f"{place}.{moment}" for place in places for moment in ("exp_avg", "exp_avg_sq")}
