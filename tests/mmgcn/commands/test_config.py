"""mmgcn init and config show, and commands that read a project."""

import json
from functools import partial

import numpy as np
import pytest

from tests import command_line


@pytest.fixture
def run(capsys, tmp_path, monkeypatch):
    """Run the command line in an empty folder."""
    monkeypatch.chdir(tmp_path)
    return partial(command_line.run, capsys)


def shown(run, *words):
    """The settings by name, as (value, origin)."""
    code, out, err = run("config", "show", *words, "--json")
    assert (code, err) == (0, "")
    return {row["name"]: (row["value"], row["from"]) for row in json.loads(out)["settings"]}


PROJECT = """
runs = "models"
[data]
interactions = "watched.csv"
columns = "user=u,item=i"
split = "random"
[fit]
model = "popularity"
"""


def write_project(folder):
    folder.mkdir(exist_ok=True)
    (folder / "mmgcn.toml").write_text(PROJECT)
    rng = np.random.default_rng(0)
    rows = [f"{user},{item}" for user in range(20) for item in rng.permutation(15)[:5]]
    (folder / "watched.csv").write_text("u,i\n" + "\n".join(rows))


def test_options_take_precedence_over_variables_those_over_the_file_and_that_over_defaults(
    run, tmp_path, monkeypatch
):
    write_project(tmp_path)
    monkeypatch.setenv("MMGCN_FIT_SEED", "3")
    monkeypatch.setenv("MMGCN_DATA_SPLIT", "temporal")
    settings = shown(run, "fit", "--split", "none")
    assert settings["--device"] == ("auto", "default")
    assert settings["--model"] == ("popularity", "mmgcn.toml")
    assert settings["--seed"] == (3, "MMGCN_FIT_SEED")
    assert settings["--split"] == ("none", "option")
    assert settings["--out"] == ("models", "mmgcn.toml")


def test_without_a_command_what_is_set_is_shown(run, tmp_path, monkeypatch):
    write_project(tmp_path)
    monkeypatch.setenv("MMGCN_TUNE_TRIALS", "7")
    assert shown(run) == {
        "videos": (None, "default"),
        "captions": (None, "default"),
        "features": ("features", "default"),
        "runs": ("models", "mmgcn.toml"),
        "[data] interactions": ("watched.csv", "mmgcn.toml"),
        "[data] columns": ("user=u,item=i", "mmgcn.toml"),
        "[data] split": ("random", "mmgcn.toml"),
        "[fit] model": ("popularity", "mmgcn.toml"),
        "[tune] trials": ("7", "MMGCN_TUNE_TRIALS"),
    }


def test_a_mistake_in_the_table_of_any_command_is_found(run, tmp_path):
    (tmp_path / "mmgcn.toml").write_text("[serve]\nprot = 80\n")
    code, _, err = run("config", "show")
    assert code == 1
    assert "sets 'prot' below [serve], which has no such key; did you mean port?" in err


@pytest.mark.parametrize(
    ("command", "message"),
    [("runs", "runs is a group of commands"), ("fti", "no command is called 'fti'")],
)
def test_commands_without_a_table_are_refused(run, command, message):
    code, _, err = run("config", "show", command)
    assert code == 2
    assert message in " ".join(err.split())


def test_fit_and_evaluate_read_the_project_of_the_working_folder(run, tmp_path):
    write_project(tmp_path)
    code, out, _ = run("fit", "--json")
    assert code == 0
    assert json.loads(out)["run"].startswith("models/")
    assert run("evaluate", "--json")[0] == 0  # of models/latest


def test_a_project_elsewhere_is_read_in_its_folder(run, tmp_path):
    write_project(tmp_path / "films")
    code, out, _ = run("fit", "--project", "films", "--json")
    assert code == 0
    assert (tmp_path / "films" / json.loads(out)["run"]).is_dir()


def test_no_project_is_read_with_none(run, tmp_path):
    write_project(tmp_path)
    code, _, err = run("fit", "--project", "none")
    assert code == 1
    assert "no interactions at interactions.csv" in err


def test_an_error_about_an_option_of_the_file_names_the_file(run, tmp_path):
    (tmp_path / "mmgcn.toml").write_text('[data]\ninteractions = "nowhere.csv"\nmissing = "maks"\n')
    code, _, err = run("fit", "--missing", "mask")
    assert code == 1
    assert "(--interactions is set by mmgcn.toml)" in err
    code, _, err = run("fit")
    assert code == 2
    assert "(it is set by mmgcn.toml)" in " ".join(err.replace("│", "").split())


@pytest.mark.parametrize(
    ("file", "option"),
    [
        ("[extract]\nfps = 2\n", ("extract", "--num-frames", "3")),
        ("[data]\nsplit = 'random'\n", ("fit", "--valid", "valid.csv")),
    ],
)
def test_an_option_replaces_what_it_would_exclude_in_the_file(run, tmp_path, file, option):
    (tmp_path / "mmgcn.toml").write_text(file)
    name = file.split("\n")[1].split(" ")[0]
    assert shown(run, *option)[f"--{name}"] == (None, "default")


def test_help_is_shown_beside_a_broken_project(run, tmp_path):
    (tmp_path / "mmgcn.toml").write_text("[[[")
    assert run("fit", "--help")[0] == 0


def test_init_writes_a_project_and_does_not_replace_one(run, tmp_path):
    (tmp_path / "data").mkdir()
    (tmp_path / "data" / "views.csv").write_text("userId,movieId\n1,2\n")
    code, out, _ = run("init")
    assert code == 0
    assert "then: mmgcn run" in out
    assert shown(run)["[data] columns"] == ("user=userId,item=movieId", "mmgcn.toml")
    code, _, err = run("init")
    assert code == 1
    assert "the project file mmgcn.toml exists; pass --force to replace it" in err
    assert run("init", "--force")[0] == 0


def test_init_refuses_an_empty_folder(run):
    code, _, err = run("init")
    assert code == 1
    assert "has neither videos nor a table of captions or interactions" in err
