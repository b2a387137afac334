"""mmgcn fit: options, output, exit codes and errors."""

import json
import os
import signal
from pathlib import Path

import numpy as np
import pytest

from extract.store import FeatureStore, Record
from mmgcn.data.features import from_file
from tests.command_line import run
from tests.worlds import clusters, dataset, write_interactions

pytestmark = pytest.mark.usefixtures("no_curves")

QUICK = ("--set", "batch_size=32", "--set", "num_negatives=16", "--set", "dim=8", "--epochs", "2")
PLAIN = ("--set", "batch_size=32", "--epochs", "2", "--device", "cpu")


@pytest.fixture
def world(tmp_path, monkeypatch):
    """A folder with interactions, also divided, and features of two modalities by id."""
    monkeypatch.chdir(tmp_path)
    part = clusters()
    parts = {"train": part.train, "valid": part.valid, "test": part.test}
    for name, rows in parts.items():
        write_interactions(tmp_path / f"{name}.csv", rows)
    write_interactions(tmp_path / "interactions.csv", *parts.values())
    features = dataset(part).features
    ids = part.train.items.ids.to_list()
    for name, matrix in features.items():
        np.save(f"{name}.npy", matrix[::-1])
    (tmp_path / "ids.txt").write_text("".join(f"{item}\n" for item in reversed(ids)))
    return tmp_path


FEATURES = (
    "--features",
    "visual=visual.npy,ids.txt",
    "--features",
    "acoustic=acoustic.npy,ids.txt",
)


def config(runs="runs"):
    return json.loads(Path(runs, "latest", "config.json").read_text())


def test_json_is_the_only_output_of_fit(world, capsys):
    code, out, _ = run(capsys, "fit", "--model", "mmgcn", *FEATURES, *QUICK, "--json")
    assert code == 0
    answer = json.loads(out)
    assert set(answer) == {"run", "best_epoch", "metrics", "recipe", "seconds", "selection"}
    assert answer["selection"] is None, "there is one with --final"
    assert {"recall@20", "ndcg@20"} <= answer["metrics"].keys()
    assert (world / answer["run"]).resolve() == (world / "runs" / "latest").resolve()
    assert config()["settings"]["dim"] == 8


def test_the_output_is_a_table_and_the_run_folder(world, capsys):
    code, out, _ = run(capsys, "fit", "--model", "mmgcn", *FEATURES, *QUICK)
    assert code == 0
    assert "modalities: visual, acoustic" in out
    assert "recall" in out
    assert "best epoch" in out


def test_the_default_model_trains_without_options(world, capsys):
    code, _, err = run(capsys, "fit", *PLAIN)
    assert code == 0, err
    assert config()["model"] == "linear_mmgcn"


def test_features_are_joined_by_id(world, capsys):
    """The rows of the files are in the reverse order of the items."""
    run(capsys, "fit", "--model", "mmgcn", *FEATURES, *QUICK)
    given = from_file("visual=visual.npy,ids.txt")
    assert config()["features"]["visual"]["digest"] == given.source["digest"]
    assert config()["features"]["visual"]["dim"] == 4


def test_given_parts_are_used_unchanged(world, capsys):
    words = ("-i", "train.csv", "--valid", "valid.csv", "--test", "test.csv")
    code, _, _ = run(capsys, "fit", *words, "--model", "lightgcn", *QUICK, "--out", "elsewhere")
    assert code == 0
    saved, part = config("elsewhere"), clusters()
    assert saved["split"] == "given"
    assert saved["num_interactions"] == {
        "seen": len(part.train),
        "valid": len(part.valid),
        "test": len(part.test),
    }


def test_without_a_split_all_interactions_are_trained_on_and_excluded_from_lists(world, capsys):
    code, out, err = run(capsys, "fit", "--split", "none", "--model", "mf", *PLAIN)
    assert code == 0, err
    assert "validation" not in out
    assert "2 epochs, " in out  # of which none is known to be the best
    saved = config()["num_interactions"]
    assert (saved["valid"], saved["test"]) == (0, 0)
    code, _, err = run(capsys, "evaluate")
    assert code == 1
    assert "has no test part; pass --test FILE" in err


@pytest.mark.parametrize(("name", "words"), [("popularity", PLAIN[4:]), ("lightgcn", PLAIN)])
def test_baselines_need_no_features(world, capsys, name, words):
    code, _, err = run(capsys, "fit", "--model", name, *words)
    assert code == 0, err
    assert config()["model"] == name


@pytest.mark.parametrize("name", ["popularity", "ease"])
def test_features_that_do_not_match_do_not_stop_models_without_features(world, capsys, name):
    manifest = {"encoder": "made", "dim": 2, "dtype": "float32", "pooling": "mean"}
    features = FeatureStore("features").create("visual", manifest)
    features.write(Record("other"), np.ones((1, 2)))
    features.finish()
    code, _, err = run(capsys, "fit", "--model", "mmgcn", *PLAIN)
    assert code == 1
    assert "pass --features none to use no features" in err
    code, _, err = run(capsys, "fit", "--model", name)
    assert code == 0, err
    assert "note: ./features is not used: none of the 40 items" in err
    code, _, err = run(capsys, "fit", "--model", name, "--features", "none")
    assert code == 0, err
    assert "is not used" not in err


def test_without_timestamps_the_split_is_random_and_noted(world, capsys):
    _, _, err = run(capsys, "fit", "--model", "popularity")
    assert "note: the interactions have no timestamps, so the split is random; pass --split" in err
    assert config()["split"] == "random"


def test_epochs_of_a_model_that_is_not_trained_are_refused(world, capsys):
    code, _, err = run(capsys, "fit", "--model", "ease", "--epochs", "3")
    assert code == 1
    assert "ease is solved in closed form, not trained: it does not use epochs" in err


def test_compat_official_trains_what_the_published_code_does(world, capsys):
    code, _, err = run(capsys, "fit", "--compat", "official", *FEATURES, *PLAIN)
    assert code == 0, err
    assert config()["model"] == "mmgcn_official"
    assert config()["settings"]["loss"] == "bpr"


def test_ctrl_c_prints_how_to_resume_and_resume_continues(world, capsys, monkeypatch):
    from mmgcn.models.lightgcn import LightGCN

    words = ("fit", "--model", "lightgcn", *QUICK, "--device", "cpu")
    plain_draw, steps = LightGCN.draw, 0

    def draw(self, sampler):
        nonlocal steps
        steps += 1
        if steps == 7:
            os.kill(os.getpid(), signal.SIGINT)
        return plain_draw(self, sampler)

    monkeypatch.setattr(LightGCN, "draw", draw)
    code, out, err = run(capsys, *words)
    assert (code, out) == (130, "")
    assert "mmgcn fit --resume" in err
    assert not (world / "runs" / "latest").exists()
    code, out, err = run(capsys, *words, "--resume", "--json")
    assert code == 0, err
    assert len(list((world / "runs").iterdir())) == 2  # the run and latest


def test_resume_begins_where_there_is_no_run_and_refuses_a_finished_one(world, capsys):
    words = ("fit", "--model", "popularity", "--resume")
    code, _, err = run(capsys, *words)
    assert code == 0
    assert "note: there is no training in runs to resume; a new one begins" in err
    code, out, err = run(capsys, *words)
    assert (code, out) == (1, "")
    assert "is finished; fit without --resume" in err


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (("-i", "nowhere.csv"), "no interactions at nowhere.csv"),
        (("-i", "ids.txt"), "ids.txt"),
        (("--model", "lightgnc"), "did you mean lightgcn"),
        (("--set", "learning_rat=1"), "did you mean learning_rate"),
        (("--set", "learning_rate=-1"), "learning_rate is -1.0"),
        (("--split", "temporal"), "needs a column timestamp"),
        (("--k-core", "99"), "lower --k-core"),
        (("--features", "nowhere"), "nowhere"),
        (("--features", "visual=nowhere.npy"), "no features at nowhere.npy"),
        (("--features", "visual=visual.npy"), "none of the 40 items"),
        (("--model", "mmgcn"), "needs features"),
        (("--device", "tpu"), "device is 'tpu'"),
    ],
)
def test_bad_input_gets_one_line_and_leaves_no_run(world, capsys, words, message):
    code, out, err = run(capsys, "fit", *words)
    assert (code, out) == (1, "")
    lines = [line for line in err.splitlines() if not line.startswith("note: ")]
    assert len(lines) == 1
    assert lines[0].startswith("error: ")
    assert message in lines[0]
    assert not list(world.glob("runs/*"))


@pytest.mark.parametrize(
    "words",
    [
        ("--set", "dim"),
        ("--missing", "ignore"),
        ("--split", "leave-one-out"),
        ("--valid", "valid.csv", "--split", "random"),
        ("--event-weights", "like=3"),
        ("--first-id", "1"),
        ("--features", "none", "--features", "visual=visual.npy"),
        ("--valid", "valid.csv", "--k-core", "2"),
        ("--compat", "published"),
        ("--compat", "official", "--model", "lightgcn"),
        ("--epochs", "0"),
        ("--epoch", "3"),
        ("--seed", "-1"),
        ("--seed", "99999999999999999999"),
    ],
)
def test_usage_errors_have_exit_code_2(world, capsys, words):
    code, out, err = run(capsys, "fit", *words)
    assert (code, out) == (2, "")
    assert words[-2].lstrip("-") in err or words[0] in err


SHORT_TRIALS = ("--set", "dim=4", "--set", "batch_size=64", "--device", "cpu")


def test_fit_shows_the_recipe_that_it_chose(world, capsys):
    code, out, _ = run(capsys, "fit", *FEATURES, *SHORT_TRIALS)
    assert code == 0
    (line,) = [line for line in out.splitlines() if line.startswith("recipe: ")]
    choice = config()["choice"]
    assert choice["name"] in line
    assert f"best of {len(choice['trials'])} in " in line
    code, out, _ = run(capsys, "fit", *FEATURES, "--recipe", "runs/latest", "--json", "-o", "again")
    assert (code, json.loads(out)["recipe"]) == (0, None)
    settings = config("again")["settings"]
    chosen = config()["settings"]
    assert {**settings, "stop_epoch": 0.0} == chosen


@pytest.mark.parametrize("words", [("--recipe", "default"), ("--set", "temperature=0.2")])
def test_no_recipe_is_chosen_where_settings_are_given(world, capsys, words):
    code, out, _ = run(capsys, "fit", *FEATURES, *SHORT_TRIALS, *words)
    assert code == 0
    assert "recipe:" not in out
    assert config()["choice"] is None


@pytest.mark.parametrize("duration", ["soon", "0s", "-1m", "infh", "nan"])
def test_a_budget_is_a_duration(world, capsys, duration):
    code, _, err = run(capsys, "fit", *FEATURES, f"--budget={duration}")
    assert code == 2
    assert "is not a duration" in err


def test_a_budget_bounds_the_training(world, capsys):
    code, *_ = run(capsys, "fit", *FEATURES, *SHORT_TRIALS, "--budget", "0.001s")
    assert code == 0
    (trial,) = config()["choice"]["trials"]
    assert config()["best_epoch"] == trial["settings"]["epochs"], "a trial is not trained again"
