"""Evaluation of a finished run on its own test part or on a table of interactions."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from mmgcn.data.interactions import Interactions
from mmgcn.evaluation.held_out import HeldOut
from mmgcn.evaluation.ranking import Metric
from mmgcn.run import Run


def evaluate(
    run: Run | Path | str = "runs/latest",
    *,
    test: Interactions | None = None,
    ks: Sequence[int] | None = None,
    metrics: Sequence[Metric] = (),
) -> dict[str, float]:
    """Return metrics of a run by full ranking, with keys such as `recall@20` and `ndcg@20`.

    Items of the training and validation parts are excluded from the ranked lists. Each value is
    the mean over the users with at least one test item.

    Args:
        run: the run, or its folder.
        test: interactions to evaluate on; by default the run's own test part. All of them count,
            including those of users and items that the run does not contain.
        ks: list lengths; by default 5, 10, 20 and 50, up to the number of items.
        metrics: further metrics, as functions of hits, (U, K) bool in the order of the list, and
            num_relevant, (U,), the number of each user's test items. They return (U,) values. The
            key of their mean is the function's name with K, such as `first_hit@20`.

    Raises:
        RunError: the folder does not exist, is incomplete, or was written by a newer mmgcn.
        ValueError: there are no test interactions, a k is out of range, or a further metric has no
            name of its own or returns another shape.
    """
    opened = run if isinstance(run, Run) else Run.load(run)
    part = HeldOut.own(opened) if test is None else HeldOut.given(opened, test)
    if len(part) == 0:
        raise ValueError(
            f"{opened.path} has no test part; pass `test`, or fit with a split that has one"
        )
    return part.metrics(ks=ks, more_metrics=metrics)
