"""Small run folders, written by hand."""

from __future__ import annotations

import json
from collections.abc import Iterable, Sequence
from pathlib import Path

import numpy as np

from mmgcn.data.ids import IdMap
from mmgcn.evaluation.ranking import evaluate, factor_scorer
from mmgcn.run import Run
from mmgcn.run_writing import write_run

METRICS = {"recall@10": 0.5, "recall@20": 0.75, "ndcg@10": 0.25, "ndcg@20": 0.375}


def name_store(folder: Path, store: Path) -> None:
    """Name a feature store in the config of a run as its features."""
    path = folder / "config.json"
    features = {"textual": {"store": str(store), "encoder": "made", "digest": "0123"}}
    path.write_text(json.dumps(json.loads(path.read_text()) | {"features": features}))


def write_vectors(
    folder: Path,
    user: np.ndarray | None,
    item_parts: dict[str, np.ndarray],
    *,
    users: Sequence[str] | None = None,
    items: Sequence[str] | None = None,
    popularity: np.ndarray | None = None,
    config: dict[str, object] | None = None,
    **parts: Sequence[Iterable[int]],
) -> Path:
    """Write a run of these vectors, and return its folder.

    Args:
        users, items: ids, by default u0, u1, ... and i0, i1, ...
        popularity: by default how many users have seen each item.
        config: more of config.json.
        parts: seen, valid, test and skipped, as the items of the first users; the others have none.
    """
    num_items = len(next(iter(item_parts.values())))
    num_users = len(parts["seen"]) if user is None else len(user)
    parts = {"seen": (), "valid": (), "test": ()} | parts
    csr = {name: _csr(rows, num_users) for name, rows in parts.items()}
    if popularity is None:
        popularity = np.bincount(csr["seen"][1], minlength=num_items)
    folder.mkdir(parents=True, exist_ok=True)
    write_run(
        folder,
        config={"model": "made"} | (config or {}),
        users=IdMap(users or [f"u{i}" for i in range(num_users)], kind="user"),
        items=IdMap(items or [f"i{i}" for i in range(num_items)], kind="item"),
        user=user,
        item_parts=item_parts,
        parts=csr,
        popularity=popularity,
    )
    return folder


def _csr(rows: Sequence[Iterable[int]], num_rows: int) -> tuple[np.ndarray, np.ndarray]:
    lists = [list(row) for row in rows] + [[]] * (num_rows - len(rows))
    indptr = np.cumsum([0, *map(len, lists)])
    return indptr, np.array([item for row in lists for item in row], dtype=int)


def write_run_folder(folder: Path, items: list[str], *, num_users=12) -> None:
    """Users u0, u1, ... have all watched the items 1 and 2; two channels separate the others.

    The test part holds item 3 of everybody.
    """
    rng = np.random.default_rng(0)
    num_items = len(items)
    folder.mkdir(parents=True, exist_ok=True)
    history = [{"epoch": e, "step": e, "train_seconds": e, "loss": 1 / e} | METRICS for e in (1, 2)]
    lines = "".join(json.dumps(record) + "\n" for record in history)
    (folder / "metrics.jsonl").write_text(lines, encoding="utf-8")
    write_vectors(
        folder,
        rng.standard_normal((num_users, 4)),
        {name: rng.standard_normal((num_items, 4)) for name in ("visual", "acoustic")},
        items=items,
        popularity=np.arange(num_items),
        config={"valid": METRICS, "best_epoch": 2, "settings": {"dim": 4}},
        seen=[[1, 2]] * num_users,
        test=[[3]] * num_users,
    )


def validation_metrics(run: Run, k: int = 20) -> dict[str, float]:
    """Metrics of the validation part, from the vectors in the folder."""
    return evaluate(
        factor_scorer(run.user, run.item),
        num_items=len(run.items),
        relevant=run.csr("valid"),
        seen=[run.csr("seen")],
        ks=[k],
    )
