"""Compare models on several data sets in one table, and name where the default is not the best.

    python -m benchmarks.everywhere DATA... [--models linear_mmgcn,lightgcn,ease,popularity]
                                    [--seeds 3] [--out everywhere]

DATA is a folder with `train.csv` and `valid.csv`, or with `interactions.csv`; its features are all
its NAME.npy (row i is item "i") and the feature store `features/`, if they are there.

Nothing is chosen on the part that is reported. Recipes and epochs are chosen on a random half of
`valid.csv`; the other half is the test part. `interactions.csv` is split by time where it has
timestamps (the last interaction of a user is the test part, the one before chooses), at random
otherwise.

Trainings run one after the other, each in a process of its own; those that finished are read from
`--out` when the command is run again.
"""

from __future__ import annotations

import argparse
import math
import sys
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import polars as pl

from mmgcn.data.loading import load_dataset
from mmgcn.data.options import DataOptions
from mmgcn.study.comparison import rows_of, trials_of
from mmgcn.study.journal import Journal, run_trials
from mmgcn.study.row import Row
from mmgcn.study.table import markdown, write_text
from mmgcn.study.trial import digest_of

DEFAULT = "linear_mmgcn"
MODELS = f"{DEFAULT},mmgcn,lightgcn,ease,itemknn,popularity"
METRIC = "recall@20"
SEED = 0  # of the halves


@dataclass(frozen=True)
class DataSet:
    """The results of all models on one data set."""

    name: str
    size: str
    rows: dict[str, Row]

    def value(self, model: str) -> float | None:
        """Return the mean metric of a model, None if no training of it finished."""
        return self.rows[model].mean(f"test {METRIC}") if model in self.rows else None


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("data", nargs="+", type=Path, help="folders")
    parser.add_argument("--models", default=MODELS, help="names, with commas; the first is judged")
    parser.add_argument("--seeds", type=int, default=3)
    parser.add_argument("--out", type=Path, default=Path("everywhere"))
    arguments = parser.parse_args()
    models = arguments.models.split(",")
    sets = [compare(folder, models, arguments.seeds, arguments.out) for folder in arguments.data]
    text = "\n".join([accuracy(sets, models), cost(sets, models), *verdict(sets, models)]) + "\n"
    write_text(arguments.out / "everywhere.md", text)
    print(text)


def compare(folder: Path, models: list[str], seeds: int, out: Path) -> DataSet:
    """Train all models on one data set."""
    options = options_of(folder, out / folder.name)
    dataset = load_dataset(options)
    size = (
        f"{len(dataset.users):,} users, {len(dataset.items):,} items, {len(dataset.train):,} "
        f"training interactions, {', '.join(dataset.features) or 'ids alone'}"
    )
    trials = trials_of(options, models, num_seeds=seeds, settings={})
    results = run_trials(
        trials,
        data_digest=digest_of(dataset),
        journal=Journal.open(out / folder.name / "trials.jsonl"),
        report=lambda line: print(f"{folder.name} {line}", file=sys.stderr, flush=True),
    )
    rows = rows_of(results, metric=METRIC)
    return DataSet(folder.name, size, {row.model: row for row in rows})


def options_of(folder: Path, out: Path) -> DataOptions:
    """Return the options that read a folder; the halves are written to `out`."""
    features = [f"{path.stem}={path}" for path in sorted(folder.glob("*.npy"))]
    if (folder / "features").is_dir():
        features.append(str(folder / "features"))
    named = tuple(features) or ("none",)
    if (folder / "interactions.csv").is_file():
        return DataOptions(folder / "interactions.csv", features=named)
    out.mkdir(parents=True, exist_ok=True)
    table = pl.read_csv(folder / "valid.csv", infer_schema=False)
    is_test = pl.Series(np.random.default_rng(SEED).random(len(table)) < 0.5)
    valid, test = out / "valid.csv", out / "test.csv"
    table.filter(~is_test).write_csv(valid)
    table.filter(is_test).write_csv(test)
    return DataOptions(folder / "train.csv", valid=valid, test=test, features=named)


def accuracy(sets: list[DataSet], models: list[str]) -> str:
    """Return the table of the metric: a row for each data set, a column for each model."""
    lines = []
    for each in sets:
        cells = [f"{each.name}: {each.size}"]
        for model in models:
            value = each.value(model)
            spread = each.rows[model].spread(f"test {METRIC}") if value is not None else None
            shown = "-" if value is None else f"{value:.4f}"
            cells.append(shown if spread is None else f"{shown} ± {spread:.4f}")
        lines.append(cells)
    return markdown([f"test {METRIC}", *models], lines)


def cost(sets: list[DataSet], models: list[str]) -> str:
    """Return the table of seconds, evaluations included, and of peak memory."""
    lines = []
    for each in sets:
        cells = [each.name]
        for model in models:
            row = each.rows.get(model)
            seconds = (row and row.mean("total_seconds")) or 0.0
            memory = (row and row.mean("peak_memory_mib")) or 0.0
            cells.append(f"{seconds:,.0f} s, {memory:,.0f} MiB" if row else "-")
        lines.append(cells)
    return markdown(["time and memory", *models], lines)


def verdict(sets: list[DataSet], models: list[str]) -> list[str]:
    """Return a line for each data set: the first model, relative to the best of the others."""
    lines, ratios = [], []
    for each in sets:
        values = {model: each.value(model) for model in models[1:]}
        finished = {model: value for model, value in values.items() if value is not None}
        own = each.value(models[0])
        if own is None or not finished:
            continue
        best = max(finished, key=finished.__getitem__)
        ratios.append(own / finished[best])
        lines.append(f"- {each.name}: {ratios[-1]:.3f} of {best}, the best of the others")
    if ratios:
        mean = math.exp(sum(map(math.log, ratios)) / len(ratios))
        lines.append(f"- geometric mean: {mean:.3f}")
    return lines


if __name__ == "__main__":
    main()
