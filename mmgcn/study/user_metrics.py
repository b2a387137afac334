"""Metrics of each user with held-out items, computed and stored in a file."""

from __future__ import annotations

from pathlib import Path
from zipfile import BadZipFile

import numpy as np

from mmgcn.evaluation.ranking import evaluate, factor_scorer, list_lengths
from mmgcn.run import Run

FAMILIES = ("recall", "ndcg")  # families of stored metrics


def metrics_of_users(run: Run, part: str) -> dict[str, np.ndarray]:
    """Return every metric at every k for each user with an item in a part, in the order of users.

    Training items are excluded from the lists, and for the test part also validation items.

    Args:
        part: valid or test.

    Shapes:
        the result: (U',) each, by names such as `recall@20`; empty if the part is.
    """
    relevant = run.csr(part)
    if len(relevant[1]) == 0:
        return {}
    seen = [run.csr("seen")] + ([run.csr("valid")] if part == "test" else [])
    num_items = len(run.items)
    metrics = evaluate(
        factor_scorer(run.user, run.item),
        num_items=num_items,
        relevant=relevant,
        seen=seen,
        ks=list_lengths(num_items),
        per_user=True,
    )
    return {name: np.asarray(values) for name, values in metrics.items()}


def save(path: Path, run: Run) -> None:
    """Write recall and NDCG of both parts, with names such as `valid recall@20`, atomically."""
    arrays = {
        f"{part} {name}": values.astype(np.float32)
        for part in ("valid", "test")
        for name, values in metrics_of_users(run, part).items()
        if name.partition("@")[0] in FAMILIES
    }
    path.parent.mkdir(parents=True, exist_ok=True)
    temporary = path.with_name(f".{path.name}.tmp")
    with temporary.open("wb") as file:
        np.savez_compressed(file, **arrays)  # type: ignore[arg-type]  # of allow_pickle
    temporary.replace(path)


def load(path: Path) -> dict[str, np.ndarray]:
    """Return the metrics that `save` wrote; empty if the file does not exist.

    Shapes:
        the result: (U',) each, users with an item in the part.

    Raises:
        ValueError: the file was not written by `save`.
    """
    try:
        with path.open("rb") as file, np.load(file, allow_pickle=False) as arrays:
            return {name: arrays[name].astype(np.float64) for name in arrays.files}
    except FileNotFoundError:
        return {}
    except (ValueError, OSError, EOFError, TypeError, BadZipFile) as error:
        raise ValueError(f"{path} contains no metrics of users; remove it: {error}") from error
