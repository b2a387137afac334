"""mmgcn run: extract, fit and evaluate the project."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from types import FrameType
from typing import IO, Annotated, Any, Literal, Self

import typer

from mmgcn.commands.output import print_message
from mmgcn.project.project import DATA, Project

DONE, FAILED, USAGE, SOME_FAILED, ALREADY_RUNNING, INTERRUPTED = 0, 1, 2, 3, 4, 130
LOCK = ".mmgcn.lock"
Step = Literal["extract", "fit", "evaluate"]


def register(app: typer.Typer) -> None:
    """Add the command to the app."""
    app.command()(run)


def run(
    context: typer.Context,
    log: Annotated[
        str,
        typer.Option(
            help="Output format: text, or json with one object per line.", metavar="[text|json]"
        ),
    ] = "text",
) -> None:
    """Extract, fit and evaluate the project of this folder, for example every night.

    Each step is the command of that name with the settings in mmgcn.toml. Clips that are up to date
    are not extracted again. If another run of the folder is in progress, the command exits at once.
    Exit codes: 0 done, 1 a step failed, 2 wrong usage, 3 done but some items failed, 4 another run
    is in progress, 130 interrupted.
    """
    if log not in ("text", "json"):
        raise typer.BadParameter(f"'{log}' is not one of text, json", param_hint="--log")
    project: Project = context.obj
    if project.path is None:
        raise ValueError("no project file mmgcn.toml in this folder; write one with: mmgcn init")
    write = Log(sys.stdout if log == "json" else None)
    with _locked(project.path.parent / LOCK) as other:
        if other is not None:
            write.event("refused", message=f"another run is in progress: {other}")
            raise typer.Exit(ALREADY_RUNNING)
        started = time.monotonic()
        with Interruption() as interruption:
            code = _run_steps(project, write, interruption)
        write.event("end", exit_code=code, seconds=round(time.monotonic() - started, 3))
    if code:
        raise typer.Exit(code)


def steps_of(project: Project) -> list[Step]:
    """Return the steps of a project.

    There is no extract without videos or captions, and no evaluate without a test part.
    """

    def value(table: str, key: str) -> Any:
        setting = project.get(table, key)
        return None if setting is None else setting.value

    steps: list[Step] = []
    if value("", "videos") or value("", "captions"):
        steps.append("extract")
    steps.append("fit")
    has_parts = value(DATA, "valid") or value(DATA, "test")
    if value(DATA, "test") or (not has_parts and value(DATA, "split") != "none"):
        steps.append("evaluate")
    return steps


class Log:
    """Events of a run: JSON lines, or text on standard error.

    Args:
        file: output file for JSON; None for text.
    """

    def __init__(self, file: IO[str] | None) -> None:
        self.file = file

    def event(self, name: str, **fields: object) -> None:
        """Write an event with the time, in seconds since 1970, and its fields."""
        if self.file is not None:
            line = json.dumps({"time": round(time.time(), 3), "event": name} | fields)
            self.file.write(line + "\n")
            self.file.flush()
        elif name == "start":
            typer.secho(f"$ mmgcn {fields['step']}", fg="cyan")
            sys.stdout.flush()
        elif "message" in fields:
            print_message(str(fields["message"]))


class Interruption:
    """Context manager that interrupts the step, and then the run, on Ctrl-C and SIGTERM.

    No exception is raised here: extraction and training stop cleanly, which takes a moment. The
    terminal also sends Ctrl-C to the step; SIGTERM reaches only this process and is passed on.
    """

    def __init__(self) -> None:
        self.requested = False
        self._terminated = False
        self._process: subprocess.Popen[str] | None = None

    def __enter__(self) -> Self:
        numbers = (signal.SIGINT, signal.SIGTERM)
        self._before = {number: signal.signal(number, self._handle) for number in numbers}
        return self

    def __exit__(self, *_: object) -> None:
        for number, handler in self._before.items():
            signal.signal(number, handler)

    def watch(self, process: subprocess.Popen[str]) -> None:
        """Set the process to interrupt, and interrupt it if SIGTERM arrived during its start."""
        self._process = process
        if self._terminated:
            process.send_signal(signal.SIGINT)

    def _handle(self, number: int, _: FrameType | None) -> None:
        self.requested = True
        if number == signal.SIGTERM:
            self._terminated = True
            if self._process is not None:
                self._process.send_signal(signal.SIGINT)


def _run_steps(project: Project, log: Log, interruption: Interruption) -> int:
    """Run the steps until one fails, and return the exit code of the run."""
    assert project.path is not None
    code = DONE
    for step in steps_of(project):
        if interruption.requested:
            return INTERRUPTED
        result = _run_step(step, project.path, log, interruption)
        if result not in (DONE, SOME_FAILED):
            return result
        code = max(code, result)
    return code


def _run_step(step: Step, project: Path, log: Log, interruption: Interruption) -> int:
    """Run a command in a separate process, and return its exit code."""
    command = [sys.executable, "-m", "mmgcn", "--project", str(project), step]
    log.event("start", step=step)
    started = time.monotonic()
    pipe = None if log.file is None else subprocess.PIPE
    with subprocess.Popen(
        command if log.file is None else [*command, "--json"],
        stdin=subprocess.DEVNULL,
        stdout=pipe,
        stderr=pipe,
        text=True,
        encoding="utf-8",
    ) as process:
        interruption.watch(process)
        fields = {} if log.file is None else _follow(process, step, log)
        code = process.wait()
    if interruption.requested and code not in (DONE, SOME_FAILED):
        code = INTERRUPTED
    elif code < 0:
        fields["signal"], code = -code, FAILED
    seconds = round(time.monotonic() - started, 3)
    log.event("step", step=step, exit_code=code, seconds=seconds, **fields)
    return code


def _follow(process: subprocess.Popen[str], step: Step, log: Log) -> dict[str, Any]:
    """Write lines of standard error as events, and return the JSON on standard output."""
    from concurrent.futures import ThreadPoolExecutor

    assert process.stdout is not None
    assert process.stderr is not None
    with ThreadPoolExecutor(1) as reader:  # neither pipe may fill while the other is read
        output = reader.submit(process.stdout.read)
        for line in process.stderr:
            if line.strip():
                log.event("message", step=step, message=line.rstrip())
    try:
        return {"result": json.loads(output.result())}
    except ValueError:  # the command failed, with its reason on standard error
        return {}


@contextmanager
def _locked(path: Path) -> Iterator[str | None]:
    """Lock a file while a run is in progress.

    The operating system releases the lock when the process ends, even if it is killed.

    Yields:
        None, or the process that has the lock.
    """
    with path.open("a+", encoding="utf-8") as file:
        try:
            import fcntl

            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            file.seek(0)
            yield file.read().strip() or "another process"
            return
        except ImportError:  # Windows has no such locks: a second run is not detected
            pass
        file.truncate(0)
        file.write(f"process {os.getpid()}\n")
        file.flush()
        yield None
        file.truncate(0)
