"""Trials run once, failures do not stop others, and the file survives an interruption."""

import pytest

from mmgcn.config import SettingError
from mmgcn.study.journal import Journal, run_trials
from mmgcn.study.process import TrialError
from mmgcn.study.trial import Outcome, Trial


def outcome(value):
    return Outcome({"recall@20": value}, {}, 1, 2.0, 3.0, 4, 0, 5)


class Runner:
    """Records trials instead of running them."""

    def __init__(self, *, fails=(), stops=None):
        self.ran, self.fails, self.stops = [], fails, stops

    def __call__(self, trial, users):
        if trial.seed == self.stops:
            raise KeyboardInterrupt
        self.ran.append(trial.seed)
        if users is not None:
            users.parent.mkdir(exist_ok=True)
            users.write_text(f"of seed {trial.seed}")
        if trial.seed in self.fails:
            raise TrialError("no luck")
        return outcome(trial.seed / 10)


@pytest.fixture
def trials(source):
    return [Trial(source, "mf", seed) for seed in range(4)]


def study(trials, path, run, digest="data"):
    lines = []
    results = run_trials(
        trials, data_digest=digest, journal=Journal.open(path), report=lines.append, run=run
    )
    return results, lines


def test_trials_in_the_journal_are_not_run_again(trials, tmp_path):
    path, first, second = tmp_path / "new" / "study.jsonl", Runner(stops=2), Runner()
    with pytest.raises(KeyboardInterrupt):
        study(trials, path, first)
    results, lines = study(trials, path, second)
    assert (first.ran, second.ran) == ([0, 1], [2, 3])
    assert [results.outcomes[trial] for trial in trials] == [outcome(s / 10) for s in range(4)]
    assert lines[0].endswith("(from study.jsonl)")


def test_metrics_per_user_are_stored_on_request(trials, tmp_path):
    def users(path, *, keeps_users):
        journal = Journal.open(path, keeps_users=keeps_users)
        results = run_trials(
            trials[:2], data_digest="data", journal=journal, report=lambda line: None, run=Runner()
        )
        return {trial.seed: path.read_text() for trial, path in results.users.items()}

    with_users, without_users = tmp_path / "with.jsonl", tmp_path / "without.jsonl"
    kept = {0: "of seed 0", 1: "of seed 1"}
    assert users(with_users, keeps_users=True) == kept
    assert users(with_users, keeps_users=True) == kept  # from the journal
    assert len(list((tmp_path / "with.users").iterdir())) == 2
    assert users(without_users, keeps_users=False) == {}
    assert users(without_users, keeps_users=True) == {}  # it was begun without them
    assert not (tmp_path / "without.users").exists()


def test_other_data_is_another_study(trials, tmp_path):
    path, run = tmp_path / "study.jsonl", Runner()
    study(trials[:1], path, run)
    study(trials[:1], path, run, digest="other data")
    assert run.ran == [0, 0]


def test_a_failure_does_not_stop_other_trials_and_is_retried(trials, tmp_path):
    path, first, second = tmp_path / "study.jsonl", Runner(fails=(1,)), Runner()
    results, lines = study(trials, path, first)
    assert first.ran == [0, 1, 2, 3]
    assert results.failures == {trials[1]: "no luck"}
    assert list(results.outcomes) == [trials[0], trials[2], trials[3]]
    assert "[2/4] mf, seed 1 failed: no luck" in lines
    results, _ = study(trials, path, second)
    assert second.ran == [1]
    assert results.failures == {}


def test_a_line_that_was_not_finished_is_cut_off(trials, tmp_path):
    path, run = tmp_path / "study.jsonl", Runner()
    study(trials[:2], path, run)
    whole = path.read_bytes()
    path.write_bytes(whole[:-20])
    study(trials[:2], path, run)
    assert run.ran == [0, 1, 1]
    assert path.read_bytes() == whole


def test_a_file_of_another_kind_is_refused(trials, tmp_path):
    path = tmp_path / "study.jsonl"
    path.write_text('{"epoch": 1}\n')
    with pytest.raises(ValueError, match=r"line 1 of .* is not an outcome of a study"):
        Journal.open(path)


def test_a_bad_setting_of_the_last_stops_before_the_first(source, tmp_path):
    run = Runner()
    bad = [Trial(source, "mf"), Trial(source, "mf", 0, {"dim": 0})]
    with pytest.raises(SettingError, match="dim is 0"):
        study(bad, tmp_path / "study.jsonl", run)
    assert run.ran == []
