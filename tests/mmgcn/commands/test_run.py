"""mmgcn run: the steps of a project, their log and their exit codes."""

import json
import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest

import cli
from mmgcn.commands.run import LOCK, Interruption, Log, _run_steps, steps_of
from mmgcn.project.project import Project
from tests import command_line

pytestmark = pytest.mark.usefixtures("no_curves")

fcntl = pytest.importorskip("fcntl")

TABLE = "user_id,item_id\n" + "".join(
    f"{user},{(user * 3 + item) % 17}\n" for user in range(9) for item in range(5)
)


@pytest.fixture
def run(capfd, tmp_path, monkeypatch):
    """Run `mmgcn run` in a folder with a project; return exit code, standard output and error."""
    monkeypatch.chdir(tmp_path)

    def running(project, *words):
        (tmp_path / "mmgcn.toml").write_text(project)
        return command_line.run(capfd, "run", *words)

    return running


@pytest.mark.parametrize(
    ("tables", "steps"),
    [
        ({"": {"videos": "v"}}, ["extract", "fit", "evaluate"]),
        ({"": {"captions": "c.csv"}}, ["extract", "fit", "evaluate"]),
        ({}, ["fit", "evaluate"]),
        ({"data": {"split": "none"}}, ["fit"]),
        ({"data": {"valid": "v.csv"}}, ["fit"]),
        ({"data": {"valid": "v.csv", "test": "t.csv"}}, ["fit", "evaluate"]),
    ],
)
def test_steps_without_inputs_are_left_out(tables, steps):
    assert steps_of(Project(Path("mmgcn.toml"), tables)) == steps


def test_each_step_is_logged_with_its_result_and_exit_code(run, tmp_path):
    (tmp_path / "interactions.csv").write_text(TABLE)
    code, out, err = run('[fit]\nmodel = "popularity"\n', "--log", "json")
    assert (code, err) == (0, "")
    events = [json.loads(line) for line in out.splitlines()]
    steps = [event for event in events if event["event"] == "step"]
    assert [(step["step"], step["exit_code"]) for step in steps] == [("fit", 0), ("evaluate", 0)]
    assert (tmp_path / steps[0]["result"]["run"]).is_dir()
    assert "recall@5" in steps[1]["result"]
    assert events[-1]["event"] == "end"
    assert events[-1]["exit_code"] == 0
    assert [event["time"] for event in events] == sorted(event["time"] for event in events)


def test_a_step_that_fails_ends_the_run_with_its_exit_code(run):
    code, out, _ = run('[data]\ninteractions = "nowhere.csv"\n', "--log", "json")
    assert code == 1
    events = [json.loads(line) for line in out.splitlines()]
    (message,) = [event["message"] for event in events if event["event"] == "message"]
    assert message.startswith("error: no interactions at nowhere.csv")
    assert [event["step"] for event in events if event["event"] == "start"] == ["fit"]
    assert events[-1]["exit_code"] == 1


@pytest.mark.parametrize(
    ("codes", "expected"),
    [((0, 0, 0), 0), ((3, 0, 0), 3), ((3, 1), 1), ((0, 2), 2), ((130,), 130)],
)
def test_failed_items_do_not_stop_a_run_and_failed_steps_do(codes, expected, monkeypatch):
    left = list(codes)
    monkeypatch.setattr("mmgcn.commands.run._run_step", lambda *_: left.pop(0))
    project = Project(Path("mmgcn.toml"), {"": {"videos": "v"}})
    assert _run_steps(project, Log(None), Interruption()) == expected
    assert left == []


def test_the_text_log_names_each_command(run):
    code, out, err = run('[fit]\nmodle = "mf"\n')
    assert code == 1
    assert out == "$ mmgcn fit\n"
    assert "did you mean model?" in err


def test_a_second_run_of_a_folder_ends_at_once(run, tmp_path):
    with (tmp_path / LOCK).open("a+") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        lock.write("process 123\n")
        lock.flush()
        assert run("")[::2] == (4, "another run is in progress: process 123\n")
        code, out, _ = run("", "--log", "json")
    assert code == 4
    (event,) = map(json.loads, out.splitlines())
    assert event["event"] == "refused"


def test_without_a_project_there_is_nothing_to_run(tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    with pytest.raises(SystemExit):
        cli.main(["run"])
    assert "no project file mmgcn.toml in this folder; write one with: mmgcn init" in (
        capsys.readouterr().err
    )


def test_another_log_is_refused(run):
    code, _, err = run("", "--log", "yaml")
    assert code == 2
    assert "'yaml' is not one of text, json" in " ".join(err.split())


@pytest.mark.parametrize("log", ["text", "json"])
@pytest.mark.parametrize("moment", ["as it starts", "while it works"])
def test_sigterm_interrupts_the_step_and_the_run(moment, log, tmp_path):
    """The step waits for its settings, from a pipe without a writer."""
    settings = tmp_path / "settings.toml"
    os.mkfifo(settings)
    (tmp_path / "mmgcn.toml").write_text('[fit]\nconfig = "settings.toml"\n')
    with subprocess.Popen(
        [sys.executable, "-m", "mmgcn", "run", "--log", log],
        cwd=tmp_path,
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        text=True,
        start_new_session=True,
    ) as process:
        assert "fit" in process.stdout.readline()
        if moment == "while it works":
            writer = settings.open("w")  # waits until the step reads
        process.send_signal(signal.SIGTERM)
        rest = process.stdout.read().splitlines()
        assert process.wait() == 130
        with pytest.raises(ProcessLookupError):
            os.killpg(process.pid, 0)
        if moment == "while it works":
            writer.close()
    if log == "json":
        assert [json.loads(line)["exit_code"] for line in rest[-2:]] == [130, 130]
