"""fit_final: choose recipe and epoch on a split, then train on all interactions with them."""

from __future__ import annotations

import json
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypedDict, Unpack

from mmgcn.data.dataset import Dataset
from mmgcn.distributed.process_group import join_process_group
from mmgcn.recommender_model import RecommenderModel
from mmgcn.run import Run
from mmgcn.run_writing import write_json
from mmgcn.training.checkpoint import ResumeError
from mmgcn.training.device import find_device
from mmgcn.training.fit import FitResult, Progress, fit
from mmgcn.training.folder import data_identity, is_resumable
from mmgcn.training.recipe import OnTrial
from mmgcn.training.trainer import TrainingError

PENDING = "final.json"  # in the folder of a selection, until its final run is written
SELECTION_SHARE = 0.5  # of the budget, for the selection

OnStage = Callable[[str], None]


class FitArguments(TypedDict, total=False):
    """Arguments that `fit_final` passes to both of its trainings."""

    settings: Mapping[str, Any] | None
    seed: int
    device: str
    progress: Progress | bool | None
    callbacks: Sequence[Progress]
    log: Sequence[str]
    on_trial: OnTrial | None


@dataclass(frozen=True)
class FinalResult:
    """The result of a final training.

    Args:
        selection: `run`, the name of the run that was trained on the split, and `valid`, its
            validation metrics.
        final: result of the training on all interactions, with the recipe of the selection.
    """

    selection: dict[str, Any]
    final: FitResult


def fit_final(
    dataset: Dataset,
    *,
    model: str | type[RecommenderModel[Any]],
    out: Path | str,
    epochs: int | None = None,
    recipe: str | Path = "auto",
    budget_seconds: float | None = None,
    resume: bool = False,
    on_stage: OnStage | None = None,
    **arguments: Unpack[FitArguments],
) -> FinalResult:
    """Train on the split to choose recipe and epoch, then on all interactions with them.

    The first run, the selection, has the metrics; `out/latest` never points to it. The second run
    has no held-out interactions and is the one to serve; its configuration names the selection.

    Arguments that are not listed here are those of `fit`; epochs and recipe apply to the first
    training.

    Args:
        budget_seconds: duration of both trainings together; the first takes at most half of it.
        resume: resume an interrupted call with the same arguments, in either training.
        on_stage: called with a line of text when each training starts.
        arguments: further arguments of `fit`, for both trainings.

    Raises:
        TrainingError: there is no validation part to choose on.
        ResumeError: there is no unfinished training, or it has other settings or data.
        SettingError, RunError, UnknownName, FolderError, PartitionError, RankError: as for `fit`.
    """
    if len(dataset.split.valid) == 0:
        raise TrainingError(
            "a final training first chooses on a validation part, and there is none; pass another "
            "`split`, or leave `final` out"
        )
    out, started = Path(out), time.monotonic()
    report: OnStage = on_stage if on_stage is not None else lambda _: None
    request = {
        "model": model if isinstance(model, str) else model.name,
        "seed": arguments.get("seed", 0),
        "epochs": epochs,
        "recipe": str(recipe),
        "settings": {k: str(v) for k, v in (arguments.get("settings") or {}).items()},
        **data_identity(dataset),
    }
    with join_process_group(find_device(arguments.get("device", "auto"))) as group:
        chosen = _pending(out, request) if resume and group.is_main else None
        chosen = group.broadcast(chosen)
        resume_final = False
        if chosen is None:
            if group.is_main and not resume:
                for path in out.glob(f"2*/{PENDING}"):  # of an abandoned call
                    path.unlink()
            report(f"1 of 2: choosing on the split {dataset.split.name}")
            chosen = fit(
                dataset,
                model=model,
                out=out,
                epochs=epochs,
                recipe=recipe,
                budget_seconds=None if budget_seconds is None else SELECTION_SHARE * budget_seconds,
                resume=resume,
                publish=False,
                **arguments,
            ).run
            if group.is_main:
                write_json(chosen / PENDING, request)
        elif group.is_main:
            resume_final = _is_started(out, chosen)
        resume_final = group.broadcast(resume_final)  # by now the selection is written
        all_data = dataset.without_held_out()
        selection = {"run": chosen.name, "valid": Run.load(chosen).config["valid"]}
        report(f"2 of 2: training on all {len(all_data.train):,} interactions")
        elapsed = time.monotonic() - started
        final = fit(
            all_data,
            model=model,
            out=out,
            recipe=chosen,
            budget_seconds=None if budget_seconds is None else max(budget_seconds - elapsed, 1.0),
            resume=resume_final,
            selection=selection,
            **arguments,
        )
        if group.is_main:
            (chosen / PENDING).unlink()
    return FinalResult(selection, final)


def _pending(out: Path, request: Mapping[str, Any]) -> Path | None:
    """Return the finished selection of an interrupted call, or None.

    Raises:
        ResumeError: the call had other arguments or data.
    """
    finished = sorted(path.parent for path in out.glob(f"2*/{PENDING}"))
    if not finished:
        return None
    stored = json.loads((finished[-1] / PENDING).read_text(encoding="utf-8"))
    differing = [key for key in request if stored.get(key) != request[key]]
    if differing:
        raise ResumeError(
            f"the selection {finished[-1]} had another {', '.join(differing)}; pass the same "
            "arguments and data, or fit without `resume`"
        )
    return finished[-1]


def _is_started(out: Path, chosen: Path) -> bool:
    """Return whether the final training has started and can be resumed."""
    later = (path for path in out.glob("2*") if path.name > chosen.name)
    return any(is_resumable(path) and not (path / "config.json").exists() for path in later)
