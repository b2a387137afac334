"""Report of a tuning: its trials, the best one, and the importance of each setting."""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from mmgcn.study.table import markdown, write_csv, write_text


@dataclass(frozen=True)
class TrialRecord:
    """A trial of a tuning.

    Args:
        number: number of the trial, from 0.
        state: complete, pruned, failed or interrupted.
        value: metric at the best epoch, or at the last evaluation of an unfinished trial.
        settings: the tuned settings, by name.
        epoch: best epoch, or the last one of an unfinished trial.
        seconds: duration of the optimiser's steps.
        error: message of a failed trial.
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
        model: name of the model.
        metric: name of the validation metric.
        trials: all trials in their order.
        best: best complete trial; None if there is none.
        importance: importance of each setting, summing to one; empty with too few trials.
        defaults: values of all settings without tuning.
        shared: settings that were given for all trials.
    """

    model: str
    metric: str
    trials: list[TrialRecord]
    best: TrialRecord | None
    importance: dict[str, float]
    defaults: dict[str, Any]
    shared: dict[str, Any]

    @property
    def settings(self) -> dict[str, Any]:
        """Settings of the best trial that differ from the defaults."""
        return self.shared | (self.best.settings if self.best is not None else {})


def table_of(report: Report) -> tuple[list[str], list[list[str]]]:
    """Return the settings as columns and rows of text, the most important setting first."""
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
    return [report.model, "best", "default", "importance"], rows


def summary(report: Report) -> str:
    """Return a sentence on the number of trials, by state, and on the best metric."""
    counts = {
        state: sum(each.state == state for each in report.trials)
        for state in ("complete", "pruned", "failed", "interrupted")
    }
    states = ", ".join(f"{count} {state}" for state, count in counts.items() if count)
    if report.best is None:
        return f"{len(report.trials)} trials: {states}; none finished."
    first = report.trials[0]
    suffix = ""
    has_defaults = all(first.settings[name] == report.defaults[name] for name in first.settings)
    if first.state == "complete" and has_defaults:
        if first.number == report.best.number:
            suffix = ", which has the default settings"
        else:
            suffix = f"; with the default settings: {first.value:.4f}"
    return (
        f"{len(report.trials)} trials: {states}. Best validation {report.metric}: "
        f"{report.best.value:.4f} (trial {report.best.number}{suffix})."
    )


def write(out: Path, report: Report, *, about: str) -> None:
    """Write tune.csv, tune.md and, if a trial finished, best.toml.

    Args:
        about: sentence on the data, for the Markdown file.
    """
    names = list(dict.fromkeys(name for each in report.trials for name in each.settings))
    columns = ["trial", "state", f"valid {report.metric}", "epoch", "train_seconds", *names]
    rows = [
        [each.number, each.state, each.value, each.epoch, each.seconds]
        + [each.settings.get(name) for name in names]
        for each in report.trials
    ]
    write_csv(out / "tune.csv", [*columns, "error"], [
        [*row, each.error] for row, each in zip(rows, report.trials, strict=True)
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
    options = " ".join(f"--set {name}={value}" for name, value in report.settings.items())
    return f"mmgcn fit --model {report.model} {options}"


def toml(value: object) -> str:
    """Return a value as TOML.

    >>> toml("ele"), toml(True), toml(0.5)
    ('"ele"', 'true', '0.5')
    """
    return json.dumps(value)


def short(value: object) -> str:
    """Return a value for a table, with four significant digits."""
    return f"{value:.4g}" if isinstance(value, float) else str(value)
