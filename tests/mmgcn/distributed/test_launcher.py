"""fit --num-workers: a killed process, its resumption, and the errors that are reported."""

import os
import signal
import subprocess
import sys
import time
from pathlib import Path
from types import SimpleNamespace

import pytest
import torch

import cli
from mmgcn.distributed.launcher import _reason
from mmgcn.run import Run
from mmgcn.training.device import DeviceError, find_device
from tests.worlds import clusters, write_interactions

ROOT = Path(__file__).parents[3]


@pytest.fixture
def table(tmp_path):
    part = clusters()
    path = tmp_path / "watched.csv"
    write_interactions(path, part.train, part.valid, part.test)
    return path


def children(pid: int) -> list[int]:
    return [int(word) for word in Path(f"/proc/{pid}/task/{pid}/children").read_text().split()]


@pytest.mark.skipif(not sys.platform.startswith("linux"), reason="looks for processes in /proc")
def test_a_killed_process_stops_the_run_and_one_process_resumes_it(table, tmp_path, capsys):
    out = tmp_path / "runs"
    words = ["fit", "-i", str(table), "--model", "lightgcn", "--out", str(out), "--device", "cpu"]
    words += ["--epochs", "20", "--set", "patience=20"]
    with subprocess.Popen(
        [sys.executable, "-m", "mmgcn", *words, "--num-workers", "2"],
        env=os.environ | {"PYTHONPATH": str(ROOT)},
        stderr=subprocess.PIPE,
        text=True,
    ) as run:
        while run.poll() is None and not list(out.glob("*/checkpoint/state.json")):
            time.sleep(0.01)
        ranks = [
            pid
            for pid in children(run.pid)
            if b"spawn_main" in Path(f"/proc/{pid}/cmdline").read_bytes()
        ]
        os.kill(ranks[1], signal.SIGKILL)
        errors = run.communicate(timeout=60)[1]
    assert run.returncode == 1
    assert errors.splitlines()[-1] == (
        "error: rank 1 was killed by SIGKILL; "
        "`mmgcn fit --resume` continues from the last checkpoint"
    )
    assert not any(Path(f"/proc/{pid}").exists() for pid in ranks)
    with pytest.raises(SystemExit) as leaving:
        cli.main([*words, "--resume"])
    assert leaving.value.code == 0
    assert len(Run.load(out / "latest").users) == 48
    assert "best epoch" in capsys.readouterr().out


def failure(exitcode, message, timestamp=0):
    error = {"message": message} if message else "no file"
    return SimpleNamespace(exitcode=exitcode, message=error, timestamp=timestamp)


@pytest.mark.parametrize(
    ("failures", "message"),
    [
        (
            {0: failure(1, "LostRank: gone", 1), 1: failure(-9, None, 2)},
            "rank 1 was killed by SIGK",
        ),
        ({0: failure(1, "LostRank: gone", 1), 1: failure(1, "E: why", 2)}, "rank 1: why"),
        ({0: failure(1, "FitError: bad file", 2), 1: failure(1, "E: x", 3)}, "bad file"),
        ({2: failure(7, None)}, "rank 2 ended with exit code 7; `mmgcn fit --resume`"),
    ],
)
def test_the_reason_is_that_of_the_first_that_failed(failures, message):
    assert _reason(failures).startswith(message)


def test_a_number_of_workers_other_than_torchruns_is_refused(table, monkeypatch, capsys):
    monkeypatch.setenv("WORLD_SIZE", "3")
    with pytest.raises(SystemExit) as leaving:
        cli.main(["fit", "-i", str(table), "--num-workers", "2"])
    assert leaving.value.code == 2
    assert "torchrun started 3 processes" in capsys.readouterr().err


def test_each_process_of_a_machine_gets_a_gpu_of_its_own(monkeypatch):
    monkeypatch.setattr(torch.cuda, "is_available", lambda: True)
    monkeypatch.setattr(torch.cuda, "device_count", lambda: 2)
    assert find_device("auto") == "cuda"
    monkeypatch.setenv("LOCAL_RANK", "1")
    monkeypatch.setenv("LOCAL_WORLD_SIZE", "2")
    assert find_device("auto") == find_device("cuda") == "cuda:1"
    assert find_device("cpu") == "cpu"
    with pytest.raises(DeviceError, match="device is 'cuda:0' for all 2 processes"):
        find_device("cuda:0")
    monkeypatch.setenv("LOCAL_WORLD_SIZE", "4")
    with pytest.raises(DeviceError, match="4 processes were started and torch finds 2 GPUs"):
        find_device("auto")
