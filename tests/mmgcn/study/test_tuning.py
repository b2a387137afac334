"""Tuning: trials, the journal, and resumption."""

import sys
import tomllib
from dataclasses import replace

import pytest

from mmgcn.config import SettingError
from mmgcn.models.itemknn import ItemKNN
from mmgcn.models.mf import MF
from mmgcn.study import tuning
from mmgcn.study.space import Choice, Range
from mmgcn.study.tuning import TuningError, tune
from mmgcn.study.tuning_report import command, summary, table_of, write
from tests.worlds import dataset

pytest.importorskip("optuna")

TRAIN = tuning._train
SPACE = {
    "num_item_neighbours": Range(1, 40),
    "shrink": Range(0.0, 50.0),
    "popularity_weight": Choice((0.0, 0.5)),
}
KNN = {"model": "itemknn", "space": SPACE, "settings": {}, "metric": "ndcg@5", "device": "cpu"}


@pytest.fixture(scope="module")
def data():
    return dataset()


@pytest.fixture(autouse=True)
def quick(monkeypatch):
    """Replaces a training by a function of the settings, which increases with one of them."""
    monkeypatch.setattr(
        tuning, "_train", lambda trial, *_: trial.params["num_item_neighbours"] / 200
    )


def tried(report):
    return [(each.state, each.settings, each.value) for each in report.trials]


def test_equal_seeds_try_the_same_and_an_interruption_changes_nothing(data, tmp_path):
    whole = tune(data, out=tmp_path / "a", num_trials=12, **KNN)
    for number in (5, 12):
        parts = tune(data, out=tmp_path / "b", num_trials=number, **KNN)
    assert tried(parts) == tried(whole)
    other = tune(data, out=tmp_path / "c", num_trials=12, seed=1, **KNN)
    assert tried(other) != tried(whole)
    assert len(whole.trials) == 12
    assert whole.best.value == max(each.value for each in whole.trials)


def test_enough_trials_are_enough(data, tmp_path):
    tune(data, out=tmp_path, num_trials=2, **KNN)
    lines = []
    report = tune(data, out=tmp_path, num_trials=2, report=lines.append, **KNN)
    assert lines == []
    assert len(report.trials) == 2


def test_the_first_trial_has_the_default_settings(data, tmp_path):
    space = {"num_item_neighbours": Range(1, 200), "user_weight": Range(0.0, 2.0)}
    report = tune(data, out=tmp_path, num_trials=2, **{**KNN, "space": space})
    assert report.trials[0].settings == {"num_item_neighbours": 100, "user_weight": 1.0}
    assert "the default settings" in summary(report)
    first = replace(report, best=report.trials[0])
    assert summary(first).endswith("(trial 0, which has the default settings).")
    second = replace(report, best=report.trials[1])
    assert summary(second).endswith(
        f"(trial 1; with the default settings: {report.trials[0].value:.4f})."
    )


def test_default_settings_outside_the_space_are_not_tried(data, tmp_path):
    report = tune(data, out=tmp_path, num_trials=1, **KNN)  # 100 neighbours, of at most 40
    assert report.trials[0].settings["num_item_neighbours"] <= 40
    assert "default settings" not in summary(report)


def test_the_better_setting_is_found(data, tmp_path, monkeypatch):
    monkeypatch.setattr(tuning, "_train", lambda trial, *_: -((trial.params["shrink"] - 20) ** 2))
    report = tune(data, out=tmp_path, num_trials=30, **KNN)
    assert report.best.settings["shrink"] == pytest.approx(20, abs=3)
    assert max(report.importance, key=report.importance.get) == "shrink"
    assert sum(report.importance.values()) == pytest.approx(1)
    assert table_of(report)[1][0][0] == "shrink"


def test_ctrl_c_keeps_the_trials_and_the_interrupted_one_does_not_count(
    data, tmp_path, monkeypatch
):
    def interrupted(trial, *_):
        if trial.number == 3:
            raise KeyboardInterrupt
        return 0.5

    monkeypatch.setattr(tuning, "_train", interrupted)
    with pytest.raises(KeyboardInterrupt):
        tune(data, out=tmp_path, num_trials=5, **KNN)
    report = tune(data, out=tmp_path, num_trials=5, **KNN)
    states = [each.state for each in report.trials]
    assert states == [*["complete"] * 3, "interrupted", "complete", "complete"]


def test_trials_of_a_killed_process_do_not_count(data, tmp_path):
    import optuna

    tune(data, out=tmp_path, num_trials=1, **KNN)
    backend = optuna.storages.journal.JournalFileBackend(str(tmp_path / tuning.JOURNAL))
    storage = optuna.storages.JournalStorage(backend)
    optuna.load_study(study_name="tune", storage=storage).ask()
    report = tune(data, out=tmp_path, num_trials=2, **KNN)
    assert [each.state for each in report.trials] == ["complete", "interrupted", "complete"]


def test_a_trial_that_fails_is_reported_and_the_others_go_on(data, tmp_path, monkeypatch):
    def explode(trial, *_):
        if trial.number == 1:
            raise SettingError("too much\nof it")
        return 0.5

    monkeypatch.setattr(tuning, "_train", explode)
    report = tune(data, out=tmp_path, num_trials=3, **KNN)
    assert [each.state for each in report.trials] == ["complete", "failed", "complete"]
    assert report.trials[1].error == "too much of it"


def test_trials_below_the_median_are_pruned(data, tmp_path, monkeypatch):
    """With a learning rate of zero, nothing is learned."""
    monkeypatch.setattr(tuning, "_train", TRAIN)
    rates = iter([0.02] * 5 + [1e-6])
    monkeypatch.setattr(
        tuning, "_suggest", lambda trial, name, side: trial.suggest_float(name, *[next(rates)] * 2)
    )
    report = tune(
        data,
        model="mf",
        space={"learning_rate": Range(0.01, 0.02)},
        out=tmp_path,
        num_trials=6,
        settings={"dim": 8, "batch_size": 64, "epochs": 4, "patience": 4},
        device="cpu",
    )
    assert report.trials[-1].state == "pruned"
    assert report.trials[-1].epoch < 4
    assert [each.state for each in report.trials[:5]].count("complete") >= 1
    assert MF.name == report.model


@pytest.mark.parametrize(
    "change",
    [
        {"seed": 1},
        {"settings": {"user_weight": 0.5}},
        {"metric": "recall@5"},
        {"space": {"num_item_neighbours": Range(1, 30)}},
    ],
)
def test_a_journal_is_continued_with_its_original_settings(data, tmp_path, change):
    tune(data, out=tmp_path, num_trials=1, **KNN)
    with pytest.raises(TuningError, match=f"has another {next(iter(change))}; pass another"):
        tune(data, out=tmp_path, num_trials=2, **KNN | change)
    with pytest.raises(TuningError, match="has another data"):
        tune(dataset(seed=1), out=tmp_path, num_trials=2, **KNN)


def test_a_study_that_cannot_begin_is_refused(data, tmp_path, monkeypatch):
    with pytest.raises(ValueError, match=r"recall@50 ranks 50 of 40 items; .*=recall@20"):
        tune(data, out=tmp_path, num_trials=1, **KNN | {"metric": "recall@50"})
    from dataclasses import replace

    split = replace(data.split, valid=data.split.valid.take([]))
    with pytest.raises(TuningError, match="no validation part"):
        tune(replace(data, split=split), out=tmp_path, num_trials=1, **KNN)
    monkeypatch.setitem(sys.modules, "optuna", None)
    with pytest.raises(TuningError, match=r"pip install '\.\[tune\]'"):
        tune(data, out=tmp_path, num_trials=1, **KNN)


def test_the_files_can_be_trained_from(data, tmp_path):
    report = tune(data, out=tmp_path, num_trials=3, **KNN | {"settings": {"user_weight": "0.5"}})
    write(tmp_path, report, about="On made-up data.")
    written = tomllib.loads((tmp_path / "best.toml").read_text())
    assert written == {"itemknn": {"user_weight": 0.5, **report.best.settings}}
    options = dict(word.split("=") for word in command(report).split() if "=" in word)
    assert ItemKNN.parse_settings(options) == ItemKNN.parse_settings(written["itemknn"])
    assert command(report) in (tmp_path / "tune.md").read_text()
    lines = (tmp_path / "tune.csv").read_text().splitlines()
    assert lines[0].startswith(
        "trial,state,valid ndcg@5,epoch,train_seconds,num_item_neighbours,shrink"
    )
    assert len(lines) == 4
