"""Difference: whether a model ranks better than another, or only seems to.

Users are the sample, and every model ranks for the same ones, so they are compared in pairs:

    d_u = mean over seeds of the model's figure for u - mean over seeds of the baseline's    (U,)
    difference = mean of d_u
    error^2 = variance of d_u / U + variance of the model's seed means / its seeds
            + variance of the baseline's seed means / its seeds

The users alone would ask whether these very trainings differ, which two of one model with other
seeds do, too; with the seeds beside them the question is of the models. A model that is solved
has no such error; one that was trained once has it, and it is not known. What differs from seed to
seed for single users is in both terms, which errs on the careful side. Student's t with
Satterthwaite's degrees gives interval and p-value, and Holm's method corrects the p-values of one
figure for the number of models.

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

LEVEL = 0.05  # of a corrected p-value, from which on two models are not told apart


@dataclass(frozen=True)
class Difference:
    """What a model reaches less what the baseline reaches.

    Args:
        figure: such as `valid recall@20`.
        users: how many have such a figure.
        difference, low, high: the mean, and the ends of its 95 % interval.
        p, p_holm: p-value of there being none; corrected for the models compared.
    """

    model: str
    baseline: str
    figure: str
    users: int
    difference: float
    low: float
    high: float
    p: float
    p_holm: float

    @property
    def is_clear(self) -> bool:
        """Whether the two are told apart."""
        return self.p_holm < LEVEL


def differences_of(
    figures: Mapping[str, Mapping[str, np.ndarray]], *, baseline: str
) -> list[Difference]:
    """Return the difference of each model on each figure; nothing on one of a single user.

    Args:
        figures: by model and by name, the baseline's among them.

    Shapes:
        figures: each (S, U), S seeds of the same U users.
    """
    found = []
    for figure, theirs in figures[baseline].items():
        if theirs.shape[1] < 2:
            continue
        compared = [
            _difference(held[figure], theirs, model, baseline, figure)
            for model, held in figures.items()
            if model != baseline
        ]
        corrected = holm([each.p for each in compared])
        found += [
            replace(each, p_holm=p_holm) for each, p_holm in zip(compared, corrected, strict=True)
        ]
    return found


def _difference(
    ours: np.ndarray, theirs: np.ndarray, model: str, baseline: str, figure: str
) -> Difference:
    """Shapes: ours, theirs: (S, U), each with its own S."""
    each = ours.mean(axis=0) - theirs.mean(axis=0)  # (U,)
    errors = [(float(each.var(ddof=1)) / len(each), len(each) - 1)]
    for side in (ours, theirs):
        if (num_seeds := len(side)) > 1:
            variance = float(side.mean(axis=1).var(ddof=1))
            errors.append((variance / num_seeds, num_seeds - 1))
    mean = float(each.mean())
    low, high, p = student(mean, errors)
    return Difference(model, baseline, figure, len(each), mean, low, high, p, p)


def table_of(differences: Sequence[Difference], figure: str) -> tuple[list[str], list[list[str]]]:
    """Return columns and rows of text on one figure; no rows where nothing is known of it."""
    shown = [each for each in differences if each.figure == figure]
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
    return [f"less {shown[0].baseline}", figure, "95 % interval", "p (Holm)"], rows


CAPTION = f"p: over users and seeds, corrected for the models; from {LEVEL} on not told apart"
LEGEND = (
    "Less the baseline: the mean over users of the difference between the model and it, each "
    "user's figures averaged over seeds. Interval and p by Student's t, with the error over users "
    f"and that over seeds; p corrected for the number of models. From {LEVEL} on, the two are not "
    "told apart. The error over seeds is not in them where a trained model has one seed, and is "
    "little known where it has two."
)


def write(path: Path, differences: Sequence[Difference]) -> None:
    """Write all of them as CSV."""
    columns = [field.name for field in fields(Difference)]
    write_csv(path, columns, [list(asdict(each).values()) for each in differences])
