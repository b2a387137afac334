"""EvalRecord: an evaluation during training, a line of metrics.jsonl."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path


@dataclass(frozen=True)
class EvalRecord:
    """An evaluation during training, as callbacks receive it.

    Args:
        epoch: number of the epoch, from 1; 0 for a model in closed form.
        step: number of training steps so far.
        train_seconds: duration of these steps only.
        loss: mean over the steps since the previous evaluation.
        metrics: validation metrics, such as `recall@20`; empty without a validation part.
    """

    epoch: int
    step: int
    train_seconds: float
    loss: float
    metrics: dict[str, float]


def write_records(path: Path, records: Sequence[EvalRecord]) -> None:
    """Write all records as lines of JSON, atomically."""
    lines = []
    for record in records:
        line = asdict(record)
        line |= line.pop("metrics")
        lines.append(json.dumps(line) + "\n")
    temporary = path.with_name(f".{path.name}.tmp")
    temporary.write_text("".join(lines), encoding="utf-8")
    temporary.replace(path)
