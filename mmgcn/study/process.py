"""Training of a trial in a separate process, so that its peak memory can be measured.

    python -m mmgcn.study.process FOLDER [USERS]

reads FOLDER/trial.json and writes FOLDER/answer.json, the metrics of each user to USERS, and output
to FOLDER/log.txt. When its parent process ends, it removes the folder and ends, too.
"""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
import tempfile
import threading
import traceback
from dataclasses import asdict
from pathlib import Path

from mmgcn.run_writing import write_json
from mmgcn.study.trial import Outcome, Trial, train


class TrialError(ValueError):
    """A training of a study that failed; the message says why."""


def train_apart(trial: Trial, users: Path | None = None) -> Outcome:
    """Train in a new process and return the outcome.

    Args:
        users: file for the metrics of each user.

    Raises:
        TrialError: the training failed.
    """
    with tempfile.TemporaryDirectory(prefix="mmgcn-study-") as name:
        folder = Path(name)
        write_json(folder / "trial.json", trial.to_json())
        code = _run(folder, users)
        try:
            answer = json.loads((folder / "answer.json").read_text(encoding="utf-8"))
        except FileNotFoundError as error:
            raise TrialError(_failure(code, folder / "log.txt")) from error
    if "error" in answer:
        raise TrialError(answer["error"])
    return Outcome(**answer)


def _run(folder: Path, users: Path | None) -> int:
    """Run this module on a folder and return its exit status, negative for a signal."""
    users_arguments = [] if users is None else [str(users)]
    with (folder / "log.txt").open("wb") as log:
        # The child reads from this pipe, which closes however this process ends.
        process = subprocess.Popen(
            [sys.executable, "-m", "mmgcn.study.process", str(folder), *users_arguments],
            stdin=subprocess.PIPE,
            stdout=log,
            stderr=log,
        )
        try:
            return process.wait()
        finally:
            process.kill()
            process.wait()
            assert process.stdin is not None
            process.stdin.close()


def _failure(code: int, log: Path) -> str:
    """Return the message on a process that ended without an answer."""
    if code == -9:
        return "it was killed, possibly because the memory was full"
    lines = log.read_text(encoding="utf-8", errors="replace").split("\n")
    last = next((line for line in reversed(lines) if line.strip()), "it printed nothing")
    return f"it ended with status {code}: {last.strip()}"


def _exit_with_parent(folder: Path) -> None:
    os.read(0, 1)  # nothing is ever written: returns when the parent has ended
    shutil.rmtree(folder, ignore_errors=True)
    os._exit(1)


def main() -> None:
    """Train the trial of a folder."""
    from mmgcn.training.memory import keep_freed_memory

    folder, *users = map(Path, sys.argv[1:])
    threading.Thread(target=_exit_with_parent, args=(folder,), daemon=True).start()
    keep_freed_memory()
    trial = Trial.from_json(json.loads((folder / "trial.json").read_text(encoding="utf-8")))
    try:
        answer = asdict(train(trial, folder / "runs", *users))
    except (ValueError, LookupError, OSError, ImportError) as error:
        traceback.print_exc()
        answer = {"error": " ".join(str(error).split())}
    write_json(folder / "answer.json", answer)


if __name__ == "__main__":
    main()
