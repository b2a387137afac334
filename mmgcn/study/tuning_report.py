"""Report of a tuning: its trials, the best of them, and the importance of each setting."""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from mmgcn.study.table import markdown, write_csv, write_text


@dataclass(frozen=True)
class Tried:
    """One trial.

    Args:
        state: complete, pruned, failed or interrupted.
        value: the metric at the best epoch, or at the last evaluation of a pruned trial.
        seconds: duration of the optimiser's steps.
    """

    number: int
    state: str
    value: float | None
    settings: dict[str, Any]
    epoch: int | None
    seconds: float | None
    error: str | None


@dataclass(frozen=True)
class Report:
    """The result of a tuning.

    Args:
        tried: all trials in their order.
        best: the best trial that finished, None if none did.
        importance: importance of each setting, summing to one; empty with too few trials.
        defaults: the model's own values.
        shared: settings that were given for all trials.
    """

    model: str
    metric: str
    tried: list[Tried]
    best: Tried | None
    importance: dict[str, float]
    defaults: dict[str, Any]
    shared: dict[str, Any]

    @property
    def settings(self) -> dict[str, Any]:
        """Settings of the best trial that differ from the defaults."""
        return self.shared | (self.best.settings if self.best is not None else {})


def table_of(report: Report) -> tuple[list[str], list[list[str]]]:
    """Return the settings as columns and rows of text, the most important first."""
    if report.best is None:
        return [], []
    best = report.best.settings
    ordered = sorted(best, key=lambda name: -report.importance.get(name, 0.0))
    rows = [
        [
            name,
            short(best[name]),
            short(report.defaults[name]),
            f"{report.importance[name]:.0%}" if name in report.importance else "-",
        ]
        for name in ordered
    ]
    return [report.model, "best", "its own", "importance"], rows


def summary(report: Report) -> str:
    """Return a sentence on how many trials there were and what the best reached."""
    counts = {
        state: sum(each.state == state for each in report.tried)
        for state in ("complete", "pruned", "failed", "interrupted")
    }
    states = ", ".join(f"{count} {state}" for state, count in counts.items() if count)
    if report.best is None:
        return f"{len(report.tried)} trials: {states}; none finished."
    own = report.tried[0]
    beside = ""
    if own.state == "complete" and all(own.settings[n] == report.defaults[n] for n in own.settings):
        if own.number == report.best.number:
            beside = ", which is the model's own settings"
        else:
            beside = f"; the model's own settings: {own.value:.4f}"
    return (
        f"{len(report.tried)} trials: {states}. Best validation {report.metric}: "
        f"{report.best.value:.4f} (trial {report.best.number}){beside}."
    )


def write(out: Path, report: Report, *, about: str) -> None:
    """Write tune.csv, tune.md and, where a trial finished, best.toml."""
    names = list(dict.fromkeys(name for each in report.tried for name in each.settings))
    columns = ["trial", "state", f"valid {report.metric}", "epoch", "train_seconds", *names]
    rows = [
        [each.number, each.state, each.value, each.epoch, each.seconds]
        + [each.settings.get(name) for name in names]
        for each in report.tried
    ]
    write_csv(out / "tune.csv", [*columns, "error"], [
        [*row, each.error] for row, each in zip(rows, report.tried, strict=True)
    ])  # fmt: skip
    text = f"{about}\n\n{summary(report)}\n"
    columns, lines = table_of(report)
    if lines and report.best is not None:
        text += f"\n{markdown(columns, lines)}\n{LEGEND}\n\n```console\n{command(report)}\n```\n"
        table = "".join(f"{name} = {toml(value)}\n" for name, value in report.settings.items())
        write_text(out / "best.toml", f"[{report.model}]\n{table}")
    write_text(out / "tune.md", text)


LEGEND = (
    "Importance: how much of the difference between the better trials and the others each setting "
    "accounts for (PED-ANOVA). The best of many trials is chosen by its validation metric, which "
    "is therefore optimistic; train it with other seeds, and evaluate on the test part once."
)


def command(report: Report) -> str:
    """Return the command that trains with the best settings."""
    words = " ".join(f"--set {name}={value}" for name, value in report.settings.items())
    return f"mmgcn fit --model {report.model} {words}"


def toml(value: object) -> str:
    """Return a value as TOML.

    >>> toml("ele"), toml(True), toml(0.5)
    ('"ele"', 'true', '0.5')
    """
    return json.dumps(value)


def short(value: object) -> str:
    """Return a value for a table: four digits of a number."""
    return f"{value:.4g}" if isinstance(value, float) else str(value)
