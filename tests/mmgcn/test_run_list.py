import json

import pytest

import cli
from mmgcn.run import RunError
from mmgcn.run_list import list_runs, prune_runs
from mmgcn.training.fit import fit
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
    with pytest.raises(SystemExit) as leaving:
        cli.main(["runs", *words])
    shown = capsys.readouterr()
    return leaving.value.code or 0, shown.out, shown.err


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
