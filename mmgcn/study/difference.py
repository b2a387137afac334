"""Difference: paired test of a model against a baseline.

Users are the sample. Every model ranks for the same users, so that values are paired:

    d_u = mean over seeds of the model's metric for u - mean over seeds of the baseline's    (U,)
    difference = mean of d_u
    error^2 = variance of d_u / U + variance of the model's seed means / its seeds
            + variance of the baseline's seed means / its seeds

With the variance over users alone, the test would be of these trainings, and two trainings of one
model differ as well; with the variance over seeds the test is of the models. A model in closed form
has no error over seeds; that of a model trained once is unknown and not included. The variation of
single users over seeds is in both terms, which is conservative. Student's t with Satterthwaite's
degrees of freedom gives interval and p-value. Holm's method corrects the p-values of each metric
for the number of models.

Source: Smucker, Allan, Carterette: A Comparison of Statistical Significance Tests for Information
Retrieval Evaluation, CIKM 2007, where Student's t agrees with randomisation and the bootstrap.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, fields, replace
from pathlib import Path

import numpy as np

from mmgcn.study.statistics import holm, student
from mmgcn.study.table import write_csv

LEVEL = 0.05  # significance level for corrected p-values


@dataclass(frozen=True)
class Difference:
    """Metric of a model minus that of the baseline.

    Args:
        model, baseline: names of the models.
        metric: name of the metric, such as `valid recall@20`.
        users: number of users with that metric.
        difference, low, high: mean difference, and the bounds of its 95 % interval.
        p, p_holm: p-value of the null hypothesis of no difference; corrected by Holm's method.
    """

    model: str
    baseline: str
    metric: str
    users: int
    difference: float
    low: float
    high: float
    p: float
    p_holm: float

    @property
    def is_significant(self) -> bool:
        """Whether the difference is significant."""
        return self.p_holm < LEVEL


def differences_of(
    metrics: Mapping[str, Mapping[str, np.ndarray]], *, baseline: str
) -> list[Difference]:
    """Return the difference of each model in each metric with at least two users.

    Args:
        metrics: metrics by model and by name, including those of the baseline.
        baseline: name of the baseline model.

    Shapes:
        metrics: (S, U) each, S seeds of the same U users.
    """
    found = []
    for metric, baseline_values in metrics[baseline].items():
        if baseline_values.shape[1] < 2:
            continue
        compared = [
            _difference(values[metric], baseline_values, model, baseline, metric)
            for model, values in metrics.items()
            if model != baseline
        ]
        corrected = holm([each.p for each in compared])
        found += [
            replace(each, p_holm=p_holm) for each, p_holm in zip(compared, corrected, strict=True)
        ]
    return found


def _difference(
    values: np.ndarray, baseline_values: np.ndarray, model: str, baseline: str, metric: str
) -> Difference:
    """Return the difference in one metric.

    Shapes:
        values, baseline_values: (S, U), each with its own S.
    """
    differences = values.mean(axis=0) - baseline_values.mean(axis=0)  # (U,)
    num_users = len(differences)
    errors = [(float(differences.var(ddof=1)) / num_users, num_users - 1)]
    for side in (values, baseline_values):
        if (num_seeds := len(side)) > 1:
            variance = float(side.mean(axis=1).var(ddof=1))
            errors.append((variance / num_seeds, num_seeds - 1))
    mean = float(differences.mean())
    low, high, p = student(mean, errors)
    return Difference(model, baseline, metric, num_users, mean, low, high, p, p)


def table_of(differences: Sequence[Difference], metric: str) -> tuple[list[str], list[list[str]]]:
    """Return the differences in a metric as columns and rows of text; empty if there are none."""
    shown = [each for each in differences if each.metric == metric]
    if not shown:
        return [], []
    rows = [
        [
            each.model,
            f"{each.difference:+.4f}",
            f"[{each.low:+.4f}, {each.high:+.4f}]",
            "< 0.0001" if each.p_holm < 1e-4 else f"{each.p_holm:.4f}",
        ]
        for each in shown
    ]
    return [f"minus {shown[0].baseline}", metric, "95 % interval", "p (Holm)"], rows


CAPTION = f"p: over users and seeds, corrected for the models; significant below {LEVEL}"
LEGEND = (
    "Minus the baseline: mean over users of the difference between model and baseline, with the "
    "metrics of each user averaged over seeds. Interval and p by Student's t, with the error over "
    "users and over seeds; p corrected for the number of models; differences are significant "
    f"below {LEVEL}. The error over seeds is not included for a trained model with one seed, and "
    "estimated from two values with two seeds."
)


def write(path: Path, differences: Sequence[Difference]) -> None:
    """Write all of them as CSV."""
    columns = [field.name for field in fields(Difference)]
    write_csv(path, columns, [list(asdict(each).values()) for each in differences])
