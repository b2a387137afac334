"""Looks at the validation part: the lines of metrics.jsonl."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path


@dataclass(frozen=True)
class Look:
    """One line of metrics.jsonl, and what the progress callback gets."""

    epoch: int
    step: int
    train_seconds: float
    loss: float
    figures: dict[str, float]


def write_looks(path: Path, looks: Sequence[Look]) -> None:
    """Write them all, whole or not at all."""
    lines = []
    for look in looks:
        held = asdict(look)
        held |= held.pop("figures")
        lines.append(json.dumps(held) + "\n")
    temporary = path.with_name(f".{path.name}.tmp")
    temporary.write_text("".join(lines), encoding="utf-8")
    temporary.replace(path)
