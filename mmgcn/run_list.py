"""The runs in a folder: summaries, differences, and removal of old ones."""

from __future__ import annotations

import json
import shutil
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from mmgcn.run import Run, RunError

PINNED = "pinned"  # an empty file in a run folder


@dataclass(frozen=True)
class RunSummary:
    """A run in a list.

    Args:
        name: name of the folder, which starts with the time of the training.
        path: run folder.
        model: name of the model; None for an unfinished training, or a run that cannot be read.
        metrics: metrics on the validation part.
        num_bytes: size of all files.
        is_latest: whether the link `latest` points to the run.
        is_pinned: whether `prune_runs` always keeps the run.
    """

    name: str
    path: Path
    model: str | None
    metrics: dict[str, float]
    num_bytes: int
    is_latest: bool
    is_pinned: bool = False


def list_runs(out: Path) -> list[RunSummary]:
    """Return the runs in a folder, the latest training first.

    Raises:
        RunError: there is no such folder.
    """
    if not out.is_dir():
        raise RunError(f"no folder of runs at {out}; train a run with: mmgcn fit")
    latest = _latest(out)
    return [
        _summary(path, is_latest=path.resolve() == latest)
        for path in sorted(out.iterdir(), reverse=True)
        if path.is_dir() and not path.is_symlink() and _is_run(path)
    ]


def prune_runs(out: Path, *, keep: int, dry_run: bool = False) -> list[RunSummary]:
    """Remove all finished runs except the latest ones, and return the removed ones.

    Pinned runs, unfinished trainings and the run that the link `latest` points to are kept.

    Args:
        keep: number of finished runs to keep.
        dry_run: whether to remove nothing.

    Raises:
        RunError: there is no such folder.
        ValueError: `keep` is less than 1.
    """
    if keep < 1:
        raise ValueError(f"keep is {keep}; it must be at least 1")
    finished = [run for run in list_runs(out) if run.model is not None]
    surplus = [run for run in finished[keep:] if not (run.is_latest or run.is_pinned)]
    if not dry_run:
        for run in surplus:
            (run.path / "config.json").unlink()  # from here on it is not a finished run
            shutil.rmtree(run.path)
    return surplus


def pin_run(path: Path, *, pinned: bool = True) -> None:
    """Protect a run from `prune_runs`, or end its protection.

    Raises:
        RunError: there is no finished run at the path.
    """
    marker = Run.load(path).path / PINNED
    if pinned:
        marker.touch()
    else:
        marker.unlink(missing_ok=True)


def differing_settings(runs: Sequence[Run]) -> dict[str, list[Any]]:
    """Return the differences between runs in model, data and settings.

    Returns:
        Values of all runs by name; None for a run without that setting.
    """
    described = [_described(run) for run in runs]
    names = dict.fromkeys(name for each in described for name in each)
    found = {name: [each.get(name) for each in described] for name in names}
    return {name: each for name, each in found.items() if any(x != each[0] for x in each)}


def _described(run: Run) -> dict[str, Any]:
    """Return model, data and settings of a run as one flat mapping."""
    config = run.config
    features = config.get("features", {})
    return {
        "model": config["model"],
        "split": config.get("split"),
        "interactions": config.get("interactions_digest"),
        "features": {name: source.get("digest") for name, source in features.items()},
        "seed": config.get("seed"),
        **config.get("settings", {}),
    }


def _is_run(path: Path) -> bool:
    return any((path / name).exists() for name in ("config.json", "checkpoint", "trials"))


def _latest(out: Path) -> Path | None:
    try:
        return Run.load(out / "latest").path
    except OSError:
        return None


def _summary(path: Path, *, is_latest: bool) -> RunSummary:
    num_bytes = sum(file.stat().st_size for file in path.rglob("*") if file.is_file())
    try:
        config = json.loads((path / "config.json").read_text(encoding="utf-8"))
        model, metrics = str(config["model"]), dict(config["valid"])
    except (OSError, ValueError, KeyError, TypeError):
        model, metrics = None, {}
    is_pinned = (path / PINNED).exists()
    return RunSummary(path.name, path, model, metrics, num_bytes, is_latest, is_pinned)
