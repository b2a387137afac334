"""mmgcn map."""

import json

import pytest

import cli
from mmgcn.run import Run
from mmgcn.serving.item_map import load_map
from tests.runs import write_run_folder


def run_command(*words):
    with pytest.raises(SystemExit) as exit_:
        cli.main(["map", *words])
    return exit_.value.code


def test_the_maps_of_a_run_are_stored_in_its_folder(tmp_path, capsys):
    write_run_folder(tmp_path / "run", list("abcdefgh"))
    assert run_command("--run", str(tmp_path / "run"), "--json") == 0
    run = Run.load(tmp_path / "run")
    printed = json.loads(capsys.readouterr().out)
    assert [stored["channel"] for stored in printed["maps"]] == [None, "visual", "acoustic"]
    for stored in printed["maps"]:
        assert len(load_map(run, stored["channel"]).item_index) == stored["num_items"] == 8


def test_a_missing_run_is_one_line(tmp_path, capsys):
    assert run_command("--run", str(tmp_path / "none")) == 1
    assert f"error: no run at {tmp_path / 'none'}" in capsys.readouterr().err
