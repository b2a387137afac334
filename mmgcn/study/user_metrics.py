"""Figures of each user: what a run reaches for everybody who has something withheld, in a file."""

from __future__ import annotations

from pathlib import Path
from zipfile import BadZipFile

import numpy as np

from mmgcn.evaluation.ranking import evaluate, factor_scorer, lengths
from mmgcn.run import Run

FAMILIES = ("recall", "ndcg")  # kept


def metrics_of_users(run: Run, part: str) -> dict[str, np.ndarray]:
    """Return every metric at every k of each user with an item in the part, in their order.

    What they watched in training is left out of their lists, for `test` the validation part, too.

    Args:
        part: valid or test.

    Shapes:
        the result: each (U',), such as `recall@20`; nothing where the part is empty.
    """
    relevant = run.csr(part)
    if len(relevant[1]) == 0:
        return {}
    seen = [run.csr("seen")] + ([run.csr("valid")] if part == "test" else [])
    num_items = len(run.items)
    figures = evaluate(
        factor_scorer(run.user, run.item),
        num_items=num_items,
        relevant=relevant,
        seen=seen,
        ks=lengths(num_items),
        per_user=True,
    )
    return {name: np.asarray(values) for name, values in figures.items()}


def save(path: Path, run: Run) -> None:
    """Write recall and NDCG of both parts, as `valid recall@20`, whole or not at all."""
    held = {
        f"{part} {name}": values.astype(np.float32)
        for part in ("valid", "test")
        for name, values in metrics_of_users(run, part).items()
        if name.partition("@")[0] in FAMILIES
    }
    path.parent.mkdir(parents=True, exist_ok=True)
    temporary = path.with_name(f".{path.name}.tmp")
    with temporary.open("wb") as file:
        np.savez_compressed(file, **held)  # type: ignore[arg-type]  # of a flag that is not given
    temporary.replace(path)


def load(path: Path) -> dict[str, np.ndarray]:
    """Return what was saved; nothing where there is no such file.

    Shapes:
        the result: each (U',), of the users with an item in the part, in their order.

    Raises:
        ValueError: it is no such file.
    """
    try:
        with path.open("rb") as file, np.load(file, allow_pickle=False) as held:
            return {name: held[name].astype(np.float64) for name in held.files}
    except FileNotFoundError:
        return {}
    except (ValueError, OSError, EOFError, TypeError, BadZipFile) as error:
        raise ValueError(f"{path} holds no figures of users; remove it: {error}") from error
