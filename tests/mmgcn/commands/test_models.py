"""mmgcn models: the registered models and their settings."""

import json

import pytest

from mmgcn.model import MODELS
from tests import command_line


def run(capsys, *words):
    return command_line.run(capsys, "models", *words)


def test_all_models_are_listed(capsys):
    code, out, _ = run(capsys, "--json")
    rows = {row["name"]: row for row in json.loads(out)}
    assert code == 0
    assert rows.keys() == set(MODELS.names())
    assert rows["mmgcn"]["needs_features"]
    assert not rows["ease"]["trained"]
    assert all(row["description"] for row in rows.values())
    assert "linear_mmgcn" in run(capsys)[1]


@pytest.mark.parametrize("name", MODELS.names())
def test_every_setting_is_listed_with_its_default_and_its_meaning(capsys, name):
    code, out, _ = run(capsys, name, "--json")
    assert code == 0
    defaults = MODELS.get(name).default_settings().as_dict()
    for row in json.loads(out):
        assert row["meaning"], row["name"]
        assert defaults[row["name"]] == row["default"]


def test_a_table_for_a_terminal(capsys, monkeypatch):
    monkeypatch.setenv("COLUMNS", "200")
    _, out, _ = run(capsys, "mf")
    (line,) = [line for line in out.splitlines() if line.startswith(" negatives")]
    assert line.split()[1:5] == ["all", "all", "or", "watched"]


def test_a_model_that_is_solved_has_no_settings_of_training(capsys):
    assert run(capsys, "popularity")[1] == "popularity has no settings\n"
    _, out, _ = run(capsys, "ease", "--json")
    assert [row["name"] for row in json.loads(out)] == ["l2_reg"]


def test_linear_mmgcn_lists_no_setting_that_it_refuses(capsys):
    _, out, _ = run(capsys, "linear_mmgcn", "--json")
    names = {row["name"] for row in json.loads(out)}
    assert not names & {"similarity", "l2_reg"}
    assert names >= {"dim", "weight_decay", "loss"}


def test_an_unknown_model_is_an_error_with_the_nearest_name(capsys):
    code, _, err = run(capsys, "lightgnc")
    assert code == 1
    assert "lightgcn" in err
