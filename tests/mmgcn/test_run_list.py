import json

import pytest

from mmgcn.run import Run, RunError
from mmgcn.run_list import differing_settings, list_runs, pin_run, prune_runs
from mmgcn.training.fit import fit
from tests import command_line
from tests.worlds import dataset


@pytest.fixture
def out(tmp_path):
    """A folder of three finished runs, an unfinished one and a file."""
    data = dataset()
    for _ in range(3):
        fit(data, model="popularity", out=tmp_path)
    (tmp_path / "20200101-000000" / "checkpoint").mkdir(parents=True)
    (tmp_path / "notes.txt").write_text("not a run")
    return tmp_path


def names(runs):
    return [run.name for run in runs]


def test_runs_are_listed_with_the_latest_first(out):
    runs = list_runs(out)
    assert len(runs) == 4
    assert names(runs) == sorted(names(runs), reverse=True)
    assert [run.is_latest for run in runs] == [True, False, False, False]
    assert [run.model for run in runs] == ["popularity"] * 3 + [None]
    assert runs[0].metrics["recall@20"] > 0
    assert runs[0].num_bytes == sum(
        path.stat().st_size for path in runs[0].path.rglob("*") if path.is_file()
    )


def test_pruning_keeps_the_latest_runs_and_unfinished_trainings(out):
    before = names(list_runs(out))
    assert names(prune_runs(out, keep=2, dry_run=True)) == [before[2]]
    assert names(list_runs(out)) == before
    assert names(prune_runs(out, keep=2)) == [before[2]]
    assert names(list_runs(out)) == [*before[:2], before[3]]


def test_pruning_keeps_the_run_of_the_link(out):
    runs = list_runs(out)
    (out / "latest").unlink()
    (out / "latest").symlink_to(runs[2].name, target_is_directory=True)
    assert names(prune_runs(out, keep=1)) == [runs[1].name]
    assert (out / "latest" / "config.json").is_file()


def test_pruning_keeps_at_least_one(out):
    with pytest.raises(ValueError, match="keep is 0; it must be at least 1"):
        prune_runs(out, keep=0)


def test_a_missing_folder_is_an_error(tmp_path):
    with pytest.raises(RunError, match="no folder of runs at"):
        list_runs(tmp_path / "none")


def command(capsys, *words):
    return command_line.run(capsys, "runs", *words)


def test_the_command_lists_and_prunes(out, capsys):
    code, shown, _ = command(capsys, "ls", "--out", str(out), "--json")
    rows = json.loads(shown)
    assert (code, [row["latest"] for row in rows]) == (0, [True, False, False, False])
    code, shown, _ = command(capsys, "ls", "--out", str(out))
    assert code == 0
    assert "(unfinished)" in shown
    code, shown, _ = command(capsys, "prune", "--keep", "1", "--out", str(out))
    assert code == 0
    assert shown.count("removed ") == 2
    assert command(capsys, "prune", "--keep", "1", "--out", str(out))[1] == "no run to remove\n"


def test_the_command_names_a_missing_folder(tmp_path, capsys):
    code, _, err = command(capsys, "ls", "--out", str(tmp_path / "none"))
    assert code == 1
    assert "no folder of runs" in err


def test_pruning_keeps_pinned_runs(out):
    before = list_runs(out)
    pin_run(before[2].path)
    assert [run.is_pinned for run in list_runs(out)] == [False, False, True, False]
    assert names(prune_runs(out, keep=1)) == [before[1].name]
    pin_run(before[2].path, pinned=False)
    assert names(prune_runs(out, keep=1)) == [before[2].name]


def test_an_unfinished_training_cannot_be_pinned(out):
    with pytest.raises(RunError, match="20200101-000000"):
        pin_run(out / "20200101-000000")


def test_what_differs_between_runs_has_a_value_for_each(out):
    data = dataset()
    fit(data, model="itemknn", out=out, seed=3, settings={"num_item_neighbours": 5})
    fit(data, model="itemknn", out=out, seed=3, settings={"num_item_neighbours": 7})
    runs = [Run.load(run.path) for run in list_runs(out)[:3]]
    differing = differing_settings(runs)
    assert differing["num_item_neighbours"] == [7, 5, None]
    assert differing["model"] == ["itemknn", "itemknn", "popularity"]
    assert "split" not in differing
    assert differing_settings(runs[:1] * 2) == {}


def test_the_command_shows_compares_and_pins(out, capsys):
    first, second = names(list_runs(out))[:2]
    code, shown, _ = command(capsys, "show", first, "--out", str(out))
    assert code == 0
    assert "popularity, seed 0" in shown
    shown = command(capsys, "show", "latest", "--out", str(out), "--json")[1]
    assert json.loads(shown)["model"] == "popularity"
    code, shown, _ = command(capsys, "compare", first, str(out / second), "--out", str(out))
    assert code == 0
    assert "the runs have the same model, data, settings and seed" in shown
    assert "recall@20" in shown
    assert command(capsys, "pin", second, "--out", str(out))[1] == f"{second} is pinned\n"
    shown = command(capsys, "ls", "--out", str(out), "--json")[1]
    assert [row["pinned"] for row in json.loads(shown)] == [False, True, False, False]
    shown = command(capsys, "pin", second, "--undo", "--out", str(out))[1]
    assert shown == f"{second} is no longer pinned\n"


def test_a_comparison_needs_two_runs(out, capsys):
    code, _, err = command(capsys, "compare", "latest", "--out", str(out))
    assert code == 2
    assert "name two runs or more" in err
