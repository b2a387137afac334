"""fit: train a model on a data set, choose on the validation part, leave a run folder."""

from __future__ import annotations

import math
import shutil
import time
from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from mmgcn.data.dataset import Dataset
from mmgcn.evaluation.ranking import evaluate, factor_scorer
from mmgcn.model import MODELS, Model, Training
from mmgcn.run import move_latest
from mmgcn.training.checkpoint import (
    Checkpoint,
    check_same,
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
from mmgcn.training.sampling import Sampler

KS = (5, 10, 20, 50)
MIN_STEPS_AN_EPOCH = 20  # small data would be looked at more often than it is learned from
CHECK_STEPS = 20  # between two looks for a loss that is not finite
CHOSEN_BY = 20  # validation recall at this k ends the training and picks the epoch


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
    """
    if len(dataset.train) == 0:
        raise TrainingError("there is no training interaction")
    kind = MODELS.get(model)
    chosen = kind.Settings.read(dict(settings or {}))
    if epochs is not None:
        chosen = replace(chosen, epochs=epochs)
    place = find_device(device)
    generator = torch.Generator().manual_seed(seed)
    made = kind(dataset, chosen, generator).to(place)
    identity = identity_of(made, dataset, seed)
    run = unfinished_folder(out) if resume else new_folder(out)
    trainer = Trainer(made, dataset, run, identity, generator, progress)
    try:
        if kind.closed_form:
            best_epoch, figures, seconds = trainer.solve()
        else:
            best_epoch, figures, seconds = trainer.train(resume=resume)
        trainer.draw()
        ended = {
            "best_epoch": best_epoch,
            "valid": figures,
            "train_seconds": round(seconds, 3),
        }
        write_folder(run, made, dataset, identity, ended)
    except BaseException:
        if not (run / "checkpoint").is_dir():
            shutil.rmtree(run, ignore_errors=True)  # there is nothing to go on with
        raise
    trainer.clean()
    move_latest(run)
    num_parameters = sum(parameter.numel() for parameter in made.parameters())
    return FitResult(run, best_epoch, figures, seconds, num_parameters)


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
    ) -> None:
        self.model, self.dataset, self.run = model, dataset, run
        self.settings: Training = model.settings
        self.generator, self.progress, self.identity = generator, progress, identity
        self.looks: list[Look] = []
        self._losses: list[Tensor] = []  # of the steps since the last look
        self._steps_an_epoch = max(
            math.ceil(len(dataset.train) / self.settings.batch_size), MIN_STEPS_AN_EPOCH
        )
        self._seen = dataset.train.csr()
        self._relevant = dataset.split.valid.csr()
        self._ks = [k for k in KS if k <= model.num_items] or [model.num_items]
        chosen_k = max((k for k in self._ks if k <= CHOSEN_BY), default=self._ks[0])
        self._figure = f"recall@{chosen_k}"

    def solve(self) -> tuple[int, dict[str, float], float]:
        """Look once at a model that is not trained."""
        figures = self._evaluate()
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
        state: dict[str, Any] = {"step": 0, "seconds": 0.0, "best": None, "waited": 0}
        best = self._parameters()
        if resume:
            state, best = self._restore(optimiser)
        steps = self._steps_an_epoch
        end = steps * self.settings.epochs
        between = self.settings.eval_steps or steps * self.settings.eval_every
        with Interruption() as interruption:
            while state["step"] < end and state["waited"] < self.settings.patience:
                until = min((state["step"] // between + 1) * between, end)
                self._learn(optimiser, sampler, state, until, interruption)
                if state["step"] == until:
                    best = self._look(state, best)
                self._checkpoint(state, optimiser, best)
                if interruption.wanted:
                    raise KeyboardInterrupt
        self.model.load_state_dict(best)
        return state["best"]["epoch"], state["best"]["figures"], state["seconds"]

    def clean(self) -> None:
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
        state: dict[str, Any],
        until: int,
        interruption: Interruption,
    ) -> None:
        """Take steps up to that one, or to an interruption."""
        started = time.perf_counter()
        self.model.train()
        device = next(self.model.parameters()).device
        end = self._steps_an_epoch * self.settings.epochs
        while state["step"] < until and not interruption.wanted:
            self.model.share_done = state["step"] / end
            for group in optimiser.param_groups:
                group["lr"] = self._learning_rate(self.model.share_done)
            batch = self.model.draw(sampler).to(device)
            loss = self.model.loss(batch)
            optimiser.zero_grad(set_to_none=True)
            loss.backward()  # type: ignore[no-untyped-call]
            optimiser.step()
            self._losses.append(loss.detach())
            state["step"] += 1
            if len(self._losses) % CHECK_STEPS == 0:
                self._check(state["step"])
        self._check(state["step"])
        state["seconds"] += time.perf_counter() - started

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

    def _look(self, state: dict[str, Any], best: dict[str, Tensor]) -> dict[str, Tensor]:
        """Evaluate, write it down, and return the best parameters so far."""
        epoch = math.ceil(state["step"] / self._steps_an_epoch)
        loss = float(torch.stack(self._losses).mean())
        self._losses.clear()
        figures = self._evaluate()
        self._note(Look(epoch, state["step"], state["seconds"], loss, figures))
        value = figures.get(self._figure)
        # Without a validation part the last look is the best.
        if value is None or state["best"] is None or value > state["best"]["value"]:
            state["best"] = {"epoch": epoch, "value": value, "figures": figures}
            state["waited"] = 0
            return self._parameters()
        state["waited"] += 1
        return best

    def _parameters(self) -> dict[str, Tensor]:
        return {name: tensor.clone() for name, tensor in self.model.state_dict().items()}

    def _learning_rate(self, share_done: float) -> float:
        start = self.settings.learning_rate
        if self.settings.schedule == "constant":
            return start
        of_cycle = share_done * self.model.num_cycles % 1.0
        return start * (0.02 + 0.49 * (1 + math.cos(math.pi * of_cycle)))

    def _evaluate(self) -> dict[str, float]:
        if len(self._relevant[1]) == 0:
            return {}
        embeddings = self.model.embeddings()
        figures = evaluate(
            factor_scorer(embeddings.user, embeddings.item),
            num_items=self.model.num_items,
            relevant=self._relevant,
            seen=[self._seen],
            ks=self._ks,
        )
        return {name: float(value) for name, value in figures.items()}

    def _note(self, look: Look) -> None:
        self.looks.append(look)
        write_looks(self.run / "metrics.jsonl", self.looks)
        if self.progress is not None:
            self.progress(look)

    def draw(self) -> None:
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
        self, state: dict[str, Any], optimiser: torch.optim.Optimizer, best: Mapping[str, Tensor]
    ) -> None:
        tensors = {
            **with_prefix("model", self.model.state_dict()),
            **with_prefix("best", best),
            **with_prefix("optimiser", optimiser_tensors(optimiser)),
            "generator": self.generator.get_state(),
            "losses": torch.stack(self._losses) if self._losses else torch.zeros(0),
        }
        looks = [asdict(look) for look in self.looks]
        Checkpoint(state | {"identity": self.identity, "looks": looks}, tensors).save(
            self.run / "checkpoint"
        )

    def _restore(
        self, optimiser: torch.optim.Optimizer
    ) -> tuple[dict[str, Any], dict[str, Tensor]]:
        held = Checkpoint.load(self.run / "checkpoint")
        check_same(held.state["identity"], self.identity, self.run)
        self.model.load_state_dict(without_prefix("model", held.tensors))
        restore_optimiser(optimiser, without_prefix("optimiser", held.tensors))
        self.generator.set_state(held.tensors["generator"])
        self.looks = [Look(**look) for look in held.state["looks"]]
        self._losses = list(held.tensors["losses"].to(next(self.model.parameters()).device))
        names = ("step", "seconds", "best", "waited")
        return {name: held.state[name] for name in names}, without_prefix("best", held.tensors)
