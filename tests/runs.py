"""A small run folder, written by hand."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np

from mmgcn.data.ids import IdMap
from mmgcn.evaluation.ranking import evaluate, factor_scorer
from mmgcn.run import Run
from mmgcn.run_writing import write_run

METRICS = {"recall@10": 0.5, "recall@20": 0.75, "ndcg@10": 0.25, "ndcg@20": 0.375}


def name_store(folder: Path, store: Path) -> None:
    """Name a feature store in the config of a run, as what it was trained on."""
    path = folder / "config.json"
    features = {"textual": {"store": str(store), "encoder": "made", "digest": "0123"}}
    path.write_text(json.dumps(json.loads(path.read_text()) | {"features": features}))


def write_run_folder(folder: Path, items: list[str], *, num_users=12) -> None:
    """Users u0, u1, ... have all watched the items 1 and 2; two channels tell the rest apart.

    The test part holds item 3 of everybody.
    """
    rng = np.random.default_rng(0)
    num_items = len(items)
    each = np.arange(num_users + 1)
    folder.mkdir(parents=True, exist_ok=True)
    history = [{"epoch": e, "step": e, "train_seconds": e, "loss": 1 / e} | METRICS for e in (1, 2)]
    lines = "".join(json.dumps(record) + "\n" for record in history)
    (folder / "metrics.jsonl").write_text(lines, encoding="utf-8")
    write_run(
        folder,
        config={"model": "made", "valid": METRICS, "best_epoch": 2, "settings": {"dim": 4}},
        users=IdMap([f"u{i}" for i in range(num_users)], kind="user"),
        items=IdMap(items, kind="item"),
        user=rng.standard_normal((num_users, 4)),
        item_parts={
            "visual": rng.standard_normal((num_items, 4)),
            "acoustic": rng.standard_normal((num_items, 4)),
        },
        parts={
            "seen": (2 * each, np.tile([1, 2], num_users)),
            "valid": (0 * each, np.zeros(0, dtype=np.int32)),
            "test": (each, np.full(num_users, 3)),
        },
        popularity=np.arange(num_items),
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
