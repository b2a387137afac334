"""Progress and report of `mmgcn extract`."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

import typer

from extract.commands.output import console_table, print_json, print_table, printable

if TYPE_CHECKING:
    from extract.pipeline import Failure, Progress, Report

STATUSES = ("done", "partial", "missing", "failed", "not done")
NUM_SHOWN = 10
QUIET_SECONDS = 1.0


@contextmanager
def progress_bar() -> Iterator[Callable[[Progress], None] | None]:
    """Show a progress bar on standard error, if that is a terminal, after the first second."""
    if not sys.stderr.isatty():
        yield None
        return
    bar: Any = None

    def show(now: Progress) -> None:
        nonlocal bar
        if bar is None:
            if now.seconds < QUIET_SECONDS:
                return
            bar = _bar()
            bar.start()
        bar.update(
            bar.task_ids[0],
            completed=now.num_done,
            total=now.num_total or None,
            doing=now.doing,
            speed=_speed(now),
        )

    try:
        yield show
    finally:
        if bar is not None:
            bar.stop()


def _lines(failures: list[Failure]) -> list[str]:
    """Return a line per clip and reason, with the affected modalities."""
    grouped: dict[tuple[str, str], list[str]] = {}
    for failure in failures:
        grouped.setdefault((failure.path, failure.reason), []).append(failure.modality)
    return [
        f"{path} ({', '.join(modalities)}): {reason}"
        for (path, reason), modalities in grouped.items()
    ]


def _duration(seconds: float | None) -> str:
    if seconds is None:
        return "an unknown time"
    for unit, length in (("days", 86_400), ("hours", 3_600), ("minutes", 60)):
        if seconds >= 2 * length:
            return f"{seconds / length:.0f} {unit}"
    return f"{max(seconds, 1):.0f} seconds"


def _num_items(counts: Mapping[str, int]) -> int:
    return sum(counts[status] for status in STATUSES)


def _bar() -> Any:
    from rich.console import Console
    from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn
    from rich.progress import TimeRemainingColumn as TimeLeft

    bar = Progress(
        TextColumn("{task.fields[doing]}", markup=False),
        BarColumn(bar_width=24),
        MofNCompleteColumn(),
        TimeLeft(compact=True),
        TextColumn("{task.fields[speed]}", markup=False),
        console=Console(stderr=True),
        transient=True,
    )
    bar.add_task("", total=None, doing="starting", speed="")
    return bar


def _speed(now: Progress) -> str:
    if not now.num_done:
        return ""
    speed = f"{now.num_done / now.seconds:.1f} clips/s, most of it {now.bottleneck}"
    return f"{speed}, {now.num_failed} failed" if now.num_failed else speed


def print_report(report: Report, out: Path, *, json: bool) -> None:
    """Print the report of an extraction, as text or JSON."""
    if json:
        answer: dict[str, Any] = {
            "counts": {name: dict(counts) for name, counts in report.counts.items()},
            "failures": [vars(failure) for failure in report.failures],
            "partial": [vars(failure) for failure in report.partial],
            "sets": {name: str(path) for name, path in report.sets.items()},
            "seconds": round(report.seconds, 3),
            "cosines": report.cosines,
            "interrupted": report.interrupted,
        }
        if report.planned is not None:
            answer["planned"] = report.planned
            answer["estimated_seconds"] = report.estimated_seconds
        print_json(answer)
        return
    if report.planned is not None:
        time = f", in about {_duration(report.estimated_seconds)}" if report.planned else ""
        typer.echo(f"{report.planned:,} items would be extracted{time}; nothing was written")
        for name, counts in report.counts.items():
            typer.echo(f"{name}: {counts['skipped']:,} of {_num_items(counts):,} are up to date")
        return
    shown = [s for s in STATUSES if s == "done" or any(c[s] for c in report.counts.values())]
    table = console_table("modality", *shown, "up to date before")
    for name, counts in report.counts.items():
        table.add_row(name, *(f"{counts[status]:,}" for status in (*shown, "skipped")))
    print_table(table)
    for name, cosine in report.cosines.items():
        typer.echo(f"{name}: the smallest cosine of a row to float32 is {cosine:.5f}")
    for title, failures in (("failed", report.failures), ("partial", report.partial)):
        lines = _lines(failures)
        for line in lines[:NUM_SHOWN]:
            typer.echo(printable(f"{title}: {line}"))
        if len(lines) > NUM_SHOWN:
            typer.echo(f"... and {len(lines) - NUM_SHOWN:,} more {title}; --json lists them all")
    if report.interrupted:
        typer.echo("interrupted; the same command resumes here")
    else:
        typer.echo(f"features are in {out}, after {report.seconds:.1f} s")
