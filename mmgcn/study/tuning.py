"""Tuning: search with Optuna for the settings with the best validation metric.

The first trial has the default settings, so that the best trial is never worse. The others are
sampled by a tree-structured Parzen estimator, and pruned at an evaluation below the median of
earlier trials. Every trial is written to a journal as it finishes.

Source: Bergstra et al., Algorithms for Hyper-Parameter Optimization, NeurIPS 2011; Akiba et al.,
Optuna: A Next-generation Hyperparameter Optimization Framework, KDD 2019.
"""

from __future__ import annotations

import json
import tempfile
import warnings
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

from extract.extras import install_command
from mmgcn.data.dataset import Dataset
from mmgcn.evaluation.metrics import refuse_longer_lists
from mmgcn.model import MODELS
from mmgcn.study.space import Choice, Range, Space
from mmgcn.study.trial import digest_of
from mmgcn.study.tuning_report import Report, TrialRecord, short
from mmgcn.training.eval_records import EvalRecord
from mmgcn.training.fit import fit

if TYPE_CHECKING:
    import optuna

JOURNAL = "tune.journal"
MIN_TRIALS = 5  # trials before any is pruned
MIN_EVALUATIONS = 2  # evaluations of a trial before it is pruned


class TuningError(ValueError):
    """A tuning that cannot start or resume; the message says why and what to do."""


class _Pruned(Exception):
    """A trial is below the median of earlier ones."""


def tune(
    dataset: Dataset,
    *,
    model: str,
    space: Space,
    out: Path,
    num_trials: int,
    settings: Mapping[str, Any],
    metric: str = "recall@20",
    seed: int = 0,
    device: str = "auto",
    report: Callable[[str], None] = lambda _: None,
) -> Report:
    """Run trials until there are `num_trials`, including those of earlier calls.

    Args:
        space: settings to tune, with their ranges.
        out: folder of the journal, from which a tuning resumes.
        num_trials: number of trials.
        settings: settings that all trials share.
        metric: validation metric to maximise.
        seed: seed of every draw and every training.
        report: called with a line of text before and after each trial.

    Raises:
        TuningError: Optuna is not installed, there is no validation part, or the journal has other
            data, settings or another space.
        ValueError: the metric's lists are longer than the catalogue.
        KeyboardInterrupt: the tuning was interrupted; finished trials are in the journal.
    """
    _require_optuna()
    import optuna

    if len(dataset.split.valid) == 0:
        raise TuningError("there is no validation part; pass `valid`, or another `split`")
    refuse_longer_lists(metric, len(dataset.items))
    kind = MODELS.get(model)
    base = kind.parse_settings(settings).as_dict()
    arguments = {
        "data": digest_of(dataset),
        "model": model,
        "settings": base,
        "space": {name: str(dimension) for name, dimension in space.items()},
        "metric": metric,
        "seed": seed,
    }
    study = _study(out, arguments)
    done = [trial for trial in study.trials if _counts(trial)]
    if not study.trials and all(base[name] in dimension for name, dimension in space.items()):
        study.enqueue_trial({name: base[name] for name in space})
    for number in range(len(done) + 1, num_trials + 1):
        # A new sampler per trial, so that a resumed study samples the same settings.
        study.sampler = optuna.samplers.TPESampler(seed=seed * 100_003 + len(study.trials))
        trial = study.ask()
        chosen = {name: _suggest(trial, name, dimension) for name, dimension in space.items()}
        report(f"[{number}/{num_trials}] {_line(chosen)} ...")
        try:
            value = _train(trial, dataset, model, {**settings, **chosen}, metric, seed, device)
        except _Pruned as reason:
            study.tell(trial, state=optuna.trial.TrialState.PRUNED)
            outcome = f"pruned, {reason}"
        except (ValueError, LookupError, RuntimeError, MemoryError) as error:
            trial.set_user_attr("error", " ".join(str(error).split()))
            study.tell(trial, state=optuna.trial.TrialState.FAIL)
            outcome = f"failed: {error}"
        except KeyboardInterrupt:
            study.tell(trial, state=optuna.trial.TrialState.FAIL)
            raise
        else:
            study.tell(trial, value)
            outcome = f"{metric} {value:.4f}, best {study.best_value:.4f}"
        report(f"[{number}/{num_trials}] {outcome}")
    return _report(study, model, metric, settings)


def _train(
    trial: optuna.Trial,
    dataset: Dataset,
    model: str,
    settings: Mapping[str, Any],
    metric: str,
    seed: int,
    device: str,
) -> float:
    """Train a trial and return its metric."""
    num_records = 0

    def report(record: EvalRecord) -> None:
        nonlocal num_records
        num_records += 1
        trial.report(record.metrics[metric], num_records)
        trial.set_user_attr("epoch", record.epoch)
        trial.set_user_attr("seconds", record.train_seconds)
        if trial.should_prune():
            raise _Pruned(f"{metric} {record.metrics[metric]:.4f} in epoch {record.epoch}")

    with tempfile.TemporaryDirectory(prefix="mmgcn-tune-") as folder:
        result = fit(
            dataset,
            model=model,
            out=Path(folder),
            settings=settings,
            recipe="default",
            seed=seed,
            device=device,
            progress=report,
        )
    trial.set_user_attr("epoch", result.best_epoch)
    trial.set_user_attr("seconds", result.seconds)
    return result.metrics[metric]


def _require_optuna() -> None:
    try:
        import optuna
    except ImportError as error:
        raise TuningError(f"tuning needs Optuna: {install_command('tune')}") from error
    optuna.logging.set_verbosity(optuna.logging.WARNING)


def _study(out: Path, arguments: Mapping[str, Any]) -> optuna.Study:
    """Open or create the study in a folder, and mark trials of a killed process as failed."""
    import optuna

    out.mkdir(parents=True, exist_ok=True)
    backend = optuna.storages.journal.JournalFileBackend(str(out / JOURNAL))
    study = optuna.create_study(
        storage=optuna.storages.JournalStorage(backend),
        study_name="tune",
        load_if_exists=True,
        direction="maximize",
        pruner=optuna.pruners.MedianPruner(
            n_startup_trials=MIN_TRIALS, n_warmup_steps=MIN_EVALUATIONS
        ),
    )
    plain = json.loads(json.dumps(arguments))
    earlier = study.user_attrs.get("arguments")
    if earlier is None:
        study.set_user_attr("arguments", plain)
    elif earlier != plain:
        changed = [name for name in plain if earlier.get(name) != plain[name]]
        raise TuningError(
            f"{out / JOURNAL} has another {' and '.join(changed)}; pass another `out`, or the "
            "arguments it was created with"
        )
    for trial in study.trials:
        if trial.state == optuna.trial.TrialState.RUNNING:
            study.tell(trial.number, state=optuna.trial.TrialState.FAIL)
    return study


def _counts(trial: optuna.Trial) -> bool:
    """Return whether a trial counts: it finished, was pruned, or failed with an error."""
    import optuna

    states = optuna.trial.TrialState
    ended = trial.state in (states.COMPLETE, states.PRUNED)
    return bool(ended or (trial.state == states.FAIL and "error" in trial.user_attrs))


def _suggest(trial: optuna.Trial, name: str, dimension: Range | Choice) -> Any:
    if isinstance(dimension, Choice):
        return trial.suggest_categorical(name, dimension.values)
    low, high, log = dimension.low, dimension.high, dimension.log
    suggest = trial.suggest_int if dimension.is_integer else trial.suggest_float
    return suggest(name, low, high, log=log)


def _report(study: optuna.Study, model: str, metric: str, shared: Mapping[str, Any]) -> Report:
    import optuna

    defaults = MODELS.get(model).parse_settings(shared).as_dict()
    fixed = {name: defaults[name] for name in shared}  # parsed, if given as text
    states = optuna.trial.TrialState
    names = {states.COMPLETE: "complete", states.PRUNED: "pruned"}
    records = []
    for trial in study.trials:
        error = trial.user_attrs.get("error")
        if trial.state == states.WAITING:
            continue
        records.append(
            TrialRecord(
                trial.number,
                names.get(trial.state, "failed" if error else "interrupted"),
                trial.value if trial.state == states.COMPLETE else _last(trial),
                dict(trial.params),
                trial.user_attrs.get("epoch"),
                trial.user_attrs.get("seconds"),
                error,
            )
        )
    complete = [each for each in records if each.state == "complete"]
    best = max(complete, key=lambda each: (each.value or 0.0, -each.number), default=None)
    importance: dict[str, float] = {}
    if len({each.value for each in complete}) > 1:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # the evaluator is experimental
            importance = optuna.importance.get_param_importances(
                study, evaluator=optuna.importance.PedAnovaImportanceEvaluator()
            )
    return Report(model, metric, records, best, importance, defaults, fixed)


def _last(trial: optuna.Trial) -> float | None:
    """Return the metric at the last evaluation of an unfinished trial."""
    values: dict[int, float] = trial.intermediate_values
    return values[max(values)] if values else None


def _line(settings: Mapping[str, Any]) -> str:
    return ", ".join(f"{name} {short(value)}" for name, value in settings.items())
