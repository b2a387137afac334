"""mmgcn compare: the command; the first test with trainings in processes of their own."""

import json
import shutil
import sys
from pathlib import Path

import pytest

from mmgcn.study import journal
from mmgcn.study.process import TrialError
from mmgcn.study.trial import train
from tests.command_line import run
from tests.worlds import clusters, write_interactions


@pytest.fixture
def world(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    part = clusters()
    write_interactions(Path("interactions.csv"), part.train, part.valid, part.test)
    return tmp_path


@pytest.fixture
def trained_here(world, monkeypatch):
    """Trainings are run in this process, which starts sooner."""

    def train_here(trial, users):
        try:
            return train(trial, world / "trainings", users)
        except ValueError as error:
            raise TrialError(str(error)) from error

    monkeypatch.setattr(journal, "train_apart", train_here)


def test_a_model_that_fails_is_reported_and_finished_runs_are_not_repeated(world, capsys):
    words = ("compare", "--models", "popularity,mmgcn", "--seeds", "1", "--split", "random")
    code, out, err = run(capsys, *words)
    assert code == 3, err
    assert "mmgcn, seed 0 failed: the model mmgcn needs features" in err
    assert "popularity" in out
    assert "1 of 2 trainings failed" in err
    assert {path.name for path in Path("compare").iterdir()} == {
        *("compare.csv", "compare.jsonl", "compare.md", "compare.png", "compare.users"),
        "differences.csv",
    }
    (line,) = Path("compare/compare.jsonl").read_text().splitlines()
    assert json.loads(line)["peak_memory_bytes"] > 50 * 2**20
    words = (*words[:2], "popularity", *words[3:])
    code, out, err = run(capsys, *words, "--json")
    assert code == 0
    assert "(from compare.jsonl)" in err
    (row,) = json.loads(out)["rows"]
    assert (row["model"], row["deterministic"]) == ("popularity", True)
    assert row["mean"]["valid recall@20"] == json.loads(line)["valid"]["recall@20"]
    assert "test recall@20" in row["mean"]


@pytest.mark.usefixtures("world")
def test_compare_without_matplotlib_is_refused_before_training(capsys, monkeypatch):
    monkeypatch.setitem(sys.modules, "matplotlib", None)
    code, _, err = run(capsys, "compare", "--models", "popularity", "--split", "random")
    assert code == 1
    assert "compare.png needs matplotlib; install it with: pip install '.[plots]'" in err
    assert not Path("compare").exists()


@pytest.mark.usefixtures("trained_here")
def test_models_are_compared_in_pairs_of_users_also_after_an_interruption(capsys):
    words = ("compare", "--models", "popularity,itemknn", "--split", "random", "--json")
    code, first, _ = run(capsys, *words)
    assert code == 0
    differences = json.loads(first)["differences"]
    recall = next(each for each in differences if each["metric"] == "valid recall@20")
    assert (recall["model"], recall["baseline"]) == ("popularity", "itemknn")
    assert recall["low"] < recall["difference"] < recall["high"]
    mean = {row["model"]: row["mean"]["valid recall@20"] for row in json.loads(first)["rows"]}
    assert recall["difference"] == pytest.approx(mean["popularity"] - mean["itemknn"], abs=1e-6)
    assert json.loads(run(capsys, *words)[1]) == json.loads(first)  # from the journal
    _, out, err = run(capsys, *words[:-1], "--baseline", "popularity")
    assert "minus popularity" in out
    assert "corrected for the models; significant below 0.05" in out
    assert "one seed" not in err  # both are solved
    assert "trained before" not in err


@pytest.mark.usefixtures("trained_here")
def test_a_study_without_metrics_per_user_shows_the_other_metrics(capsys):
    words = ("compare", "--models", "popularity,itemknn", "--split", "random")
    run(capsys, *words)
    shutil.rmtree("compare/compare.users")
    code, out, err = run(capsys, *words)
    assert code == 0
    assert "valid recall@20" in out
    assert "minus" not in out
    assert "note: itemknn, popularity: no differences, since the metrics" in err
    assert "remove compare/compare.jsonl to train again" in err


@pytest.mark.usefixtures("trained_here")
@pytest.mark.parametrize(
    ("words", "code", "note"),
    [
        (("popularity,mf", "--epochs", "1"), 0, "mf: one seed, so p does not include"),
        (("popularity,vbpr", "--baseline", "vbpr"), 3, "no training of vbpr finished; nothing is"),
    ],
)
def test_a_note_explains_what_is_not_compared(capsys, words, code, note):
    got, out, err = run(capsys, "compare", "--seeds", "1", "--models", *words)
    assert got == code
    assert f"note: {note}" in err
    assert ("minus" in out) == (code == 0)


@pytest.mark.parametrize(
    ("words", "code", "message"),
    [
        (("--models", "popularty"), 1, "did you mean popularity"),
        (("--models", ","), 2, "names no model"),
        (("--models", "mf", "--set", "mff.dim=8"), 2, "is not one of mf"),
        (("--models", "mf", "--set", "dmi=8"), 1, "did you mean dim"),
        (("--models", "mf", "--set", "dim"), 2, "is not NAME=VALUE"),
        (("--models", "mf", "--config", "bad.toml"), 1, "bad.toml is not TOML"),
        (
            ("--models", "mf", "--config", "other.toml"),
            2,
            "has a table [ease], and the models are mf",
        ),
        (("--models", "mf", "--config", "bare.toml"), 2, "sets 'dim' outside of a table"),
        (("--models", "mf", "--split-seed", "1", "--split", "none"), 2, "no random draws"),
        (("--models", "mf", "--baseline", "ease"), 2, "'ease' is not one of mf"),
        (("--models", "mf", "--baseline", "mff"), 1, "did you mean mf"),
        (("--models", "mf", "--seeds", "0"), 2, "seeds"),
        (("--models", "mf", "-k", "7"), 2, "is not one of 5, 10, 20, 50"),
        (("--models", "mf", "-k", "50"), 1, "k is 50; there are 40 items"),
        (("--models", "mf", "--split", "none"), 1, "neither a validation nor a test part"),
        (("--models", "mf", "-i", "nowhere.csv"), 1, "no interactions at nowhere.csv"),
    ],
)
def test_bad_input_gets_one_line_and_trains_nothing(world, capsys, words, code, message):
    Path("bad.toml").write_text("dim: 8\n")
    Path("bare.toml").write_text("dim = 8\n")
    Path("other.toml").write_text("[ease]\npenalty = 5\n")
    got, out, err = run(capsys, "compare", *words)
    assert (got, out) == (code, "")
    assert message in " ".join(err.replace("│", " ").split())
    assert " ..." not in err  # no training began
