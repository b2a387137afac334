"""A training in a process of its own: its result, its end, and the end of its parent."""

import json
import subprocess
import sys

import pytest

from mmgcn.study import process
from mmgcn.study.process import TrialError, train_apart
from mmgcn.study.trial import Trial, train
from mmgcn.study.user_metrics import load


def test_a_training_in_a_process_has_the_result_of_one_in_this_process(source, tmp_path):
    trial = Trial(source, "popularity")
    users = tmp_path / "kept" / "users.npz"
    apart, here = train_apart(trial, users), train(trial, tmp_path / "runs")
    assert (apart.valid, apart.test) == (here.valid, here.test)
    metrics = {
        f"{part} {name}": v for part in ("valid", "test") for name, v in getattr(here, part).items()
    }
    assert {n: v.mean() for n, v in load(users).items()} == pytest.approx(
        {n: v for n, v in metrics.items() if "recall" in n or "ndcg" in n}
    )


def test_an_end_without_an_answer_is_an_error(source, monkeypatch):
    monkeypatch.setattr(process, "_run", lambda folder, _: (folder / "log.txt").write_text("") - 9)
    with pytest.raises(TrialError, match="it was killed, possibly because the memory was full"):
        train_apart(Trial(source, "popularity"))
    monkeypatch.setattr(
        process, "_run", lambda folder, _: (folder / "log.txt").write_text("a\nb\n\n")
    )
    with pytest.raises(TrialError, match="it ended with status 5: b"):
        train_apart(Trial(source, "popularity"))


def test_the_process_ends_and_removes_its_folder_when_its_parent_ends(source, tmp_path):
    settings = {"epochs": 100_000, "patience": 100_000}  # days
    trial = Trial(source, "mf", 0, settings, device="cpu")
    folder = tmp_path / "study"
    folder.mkdir()
    (folder / "trial.json").write_text(json.dumps(trial.to_json()))
    child = subprocess.Popen(
        [sys.executable, "-m", "mmgcn.study.process", str(folder)], stdin=subprocess.PIPE
    )
    child.stdin.close()
    assert child.wait(timeout=120) == 1
    assert not folder.exists()
