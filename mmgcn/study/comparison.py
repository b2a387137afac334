"""Comparison of several models on one split, over seeds."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from mmgcn.closed_form_model import ClosedFormModel
from mmgcn.data.options import DataOptions
from mmgcn.evaluation.list_details import FURTHER_METRICS, GROUPS
from mmgcn.model import MODELS
from mmgcn.study import difference, user_metrics
from mmgcn.study.bar_chart import draw
from mmgcn.study.difference import Difference
from mmgcn.study.journal import Results
from mmgcn.study.row import Row
from mmgcn.study.table import markdown, write_csv, write_text
from mmgcn.study.trial import Outcome, Trial
from mmgcn.study.user_metrics import FAMILIES

PARTS = ("valid", "test")
MEBIBYTE = 2**20


def trials_of(
    data: DataOptions,
    models: Sequence[str],
    *,
    num_seeds: int,
    settings: Mapping[str, Mapping[str, Any]],
    epochs: int | None = None,
    device: str = "auto",
) -> list[Trial]:
    """Return the trainings of a comparison: seeds 0, 1, ... of each model; 0 if in closed form.

    Args:
        settings: settings of each model, by name.
        epochs: maximum number of epochs of every trained model.
    """
    trials = []
    for model in models:
        solved = issubclass(MODELS.get(model), ClosedFormModel)
        chosen = dict(settings.get(model, {}))
        if epochs is not None and not solved:
            chosen = {"epochs": epochs} | chosen
        trials += [
            Trial(data, model, seed, chosen, device=device)
            for seed in range(1 if solved else num_seeds)
        ]
    return trials


def rows_of(results: Results, *, metric: str) -> list[Row]:
    """Return a row per model with a finished training, the best by `valid METRIC` first."""
    by_model: dict[str, list[Outcome]] = {}
    for trial, outcome in results.outcomes.items():
        by_model.setdefault(trial.model, []).append(outcome)
    rows = []
    for model, outcomes in by_model.items():
        columns = [_columns(outcome) for outcome in outcomes]
        values = {name: [each[name] for each in columns if name in each] for name in columns[0]}
        rows.append(Row(model, issubclass(MODELS.get(model), ClosedFormModel), values))
    return sorted(rows, key=lambda row: -(row.mean(f"valid {metric}") or 0.0))


def differences_of(
    results: Results, rows: Sequence[Row], *, baseline: str | None = None
) -> tuple[list[Difference], list[str]]:
    """Return the differences of models from the baseline, and the models that lack them.

    A model lacks them if the metrics of users are not stored for one of its trainings.

    Args:
        baseline: name of the baseline model; by default that of the first row.
    """
    by_model: dict[str, list[dict[str, np.ndarray]]] = {row.model: [] for row in rows}
    for trial in results.outcomes:
        path = results.users.get(trial)
        by_model[trial.model].append(user_metrics.load(path) if path is not None else {})
    unknown = [model for model, seeds in by_model.items() if not all(seeds)]
    metrics = {
        model: {name: np.stack([seed[name] for seed in seeds]) for name in seeds[0]}
        for model, seeds in by_model.items()
        if model not in unknown
    }
    chosen = baseline or next((row.model for row in rows), None)
    if chosen is None or chosen not in metrics:
        return [], unknown
    return difference.differences_of(metrics, baseline=chosen), unknown


def _columns(outcome: Outcome) -> dict[str, float]:
    return {
        **{f"valid {name}": value for name, value in outcome.valid.items()},
        **{f"test {name}": value for name, value in outcome.test.items()},
        **outcome.details,
        "train_seconds": outcome.train_seconds,
        "total_seconds": outcome.total_seconds,
        "peak_memory_mib": outcome.peak_memory_bytes / MEBIBYTE,
        "peak_gpu_mib": outcome.peak_gpu_bytes / MEBIBYTE,
        "num_parameters": outcome.num_parameters,
        "best_epoch": outcome.best_epoch,
    }


def accuracy(rows: Sequence[Row], part: str, *, k: int) -> tuple[list[str], list[list[str]]]:
    """Return metrics of a part, mean ± deviation, as columns and rows of text.

    Both are empty if there is no such part.
    """
    metrics = [f"{part} {family}@{k}" for family in FAMILIES]
    if not any(metrics[0] in row.values for row in rows):
        return [], []
    lines = [
        [
            row.model,
            "1, solved" if row.deterministic else str(row.num_seeds),
            *(_with_spread(row, name, 4) for name in metrics),
        ]
        for row in rows
    ]
    return ["model", "seeds", *metrics], lines


def details(rows: Sequence[Row], *, k: int) -> list[tuple[list[str], list[list[str]]]]:
    """Return tables of further metrics and of groups, of the test part or the validation part."""
    part = "test" if any(f"test map@{k}" in row.values for row in rows) else "valid"
    tables = []
    for names in (
        [f"{part} {name}@{k}" for name in FURTHER_METRICS],
        [f"{part} recall@{k} {group}" for group in GROUPS],
    ):
        known = [name for name in names if any(name in row.values for row in rows)]
        lines = [[row.model, *(_with_spread(row, name, 4) for name in known)] for row in rows]
        tables += [(["model", *(name.replace("_", " ") for name in known)], lines)] if known else []
    return tables


def cost(rows: Sequence[Row]) -> tuple[list[str], list[list[str]]]:
    """Return time, memory and size of the models as columns and rows of text."""
    gpu = any(row.mean("peak_gpu_mib") for row in rows)
    lines = [
        [
            row.model,
            "-" if row.deterministic else _with_spread(row, "train_seconds", 1),
            _with_spread(row, "total_seconds", 1),
            f"{row.mean('peak_memory_mib') or 0:,.0f}",
            *([f"{row.mean('peak_gpu_mib') or 0:,.0f}"] if gpu else []),
            f"{row.mean('num_parameters') or 0:,.0f}",
            "-" if row.deterministic else f"{row.mean('best_epoch') or 0:.1f}",
        ]
        for row in rows
    ]
    columns = ["model", "training s", "total s", "memory MiB", *(["GPU MiB"] if gpu else [])]
    return [*columns, "parameters", "epoch"], lines


def write(
    out: Path, rows: Sequence[Row], differences: Sequence[Difference], *, k: int, about: str
) -> None:
    """Write compare.csv, compare.md, compare.png and differences.csv.

    Args:
        k: list length of the shown metrics.
        about: sentence on the data, for the Markdown file.
    """
    names = list(dict.fromkeys(name for row in rows for name in row.values))
    columns = [side for name in names for side in (f"{name} mean", f"{name} sd")]
    cells = [
        [row.model, row.num_seeds, row.deterministic]
        + [cell for name in names for cell in (row.mean(name), row.spread(name))]
        for row in rows
    ]
    write_csv(out / "compare.csv", ["model", "seeds", "deterministic", *columns], cells)
    difference.write(out / "differences.csv", differences)
    more = details(rows, k=k)
    text = "\n".join(markdown(*table) for table in (*tables(rows, differences, k=k), *more))
    legend = f"{LEGEND}\n\n{difference.LEGEND}" if differences else LEGEND
    legend += f"\n\n{DETAILS_LEGEND}" if more else ""
    write_text(out / "compare.md", f"{about}\n\n{text}\n{legend}\n")
    draw(out / "compare.png", rows, differences, k=k)


def tables(
    rows: Sequence[Row], differences: Sequence[Difference], *, k: int
) -> list[tuple[list[str], list[list[str]]]]:
    """Return columns and rows of each table that is not empty: metrics, differences, cost."""
    found = [accuracy(rows, part, k=k) for part in PARTS]
    found += [difference.table_of(differences, f"{part} recall@{k}") for part in PARTS]
    return [table for table in (*found, cost(rows)) if table[1]]


LEGEND = (
    "Mean ± standard deviation over seeds. Epochs and the order of rows are chosen on the "
    "validation part. Training: the optimiser's steps only. Total: from building the model to "
    "writing the run. Memory: peak of the process, including libraries and data. "
    "Epoch: the best one, whose parameters were kept."
)


DETAILS_LEGEND = (
    "Coverage: share of the catalogue in at least one list. Novelty: mean self-information of the "
    "items, in bits. Popularity lift: popularity of the lists divided by that of the users' "
    "histories, minus 1. Diversity: 1 minus the mean cosine between features of a list's items. "
    "Few, many: users with at most, or more than, the median number of training interactions. "
    "Warm, cold: held-out items with and without training interactions."
)


def _with_spread(row: Row, column: str, digits: int) -> str:
    mean, deviation = row.mean(column), row.spread(column)
    if mean is None:
        return "-"
    if deviation is None:
        return f"{mean:.{digits}f}"
    return f"{mean:.{digits}f} ± {deviation:.{digits}f}"
