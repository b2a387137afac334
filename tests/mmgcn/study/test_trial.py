"""A trial's key, its round trip through JSON, and its measurements."""

import json
from dataclasses import replace

import pytest

from mmgcn.closed_form_model import ClosedFormModel
from mmgcn.config import SettingError
from mmgcn.data.loading import load_dataset
from mmgcn.evaluation.ranking import evaluate, factor_scorer
from mmgcn.model import MODELS
from mmgcn.study.change import Change
from mmgcn.study.trial import Trial, digest_of, peak_memory_bytes, train

pytestmark = pytest.mark.usefixtures("no_curves")

QUICK = {"dim": "8", "batch_size": "32", "num_negatives": "16", "epochs": "3"}


def test_a_trial_survives_a_round_trip_through_json(source):
    trial = Trial(source, "mf", 3, QUICK, Change("missing", share=0.3), "cpu", "mf, 30 % missing")
    again = Trial.from_json(json.loads(json.dumps(trial.to_json())))
    assert again.to_json() == trial.to_json()
    assert again.data == source
    assert again.change == trial.change


def test_a_key_differs_by_whatever_changes_the_outcome(source):
    trial = Trial(source, "mf", 0, QUICK)
    keys = [
        each.key(digest)
        for each, digest in (
            (trial, "a"),
            (trial, "b"),
            (replace(trial, model="lightgcn"), "a"),
            (replace(trial, seed=1), "a"),
            (replace(trial, settings={**QUICK, "dim": "16"}), "a"),
            (replace(trial, change=Change("drop", "visual")), "a"),
        )
    ]
    assert len(set(keys)) == len(keys)


def test_a_key_does_not_depend_on_how_a_setting_is_written(source):
    # mf is 64 wide by default
    same = [Trial(source, "mf", 0, s).key("a") for s in ({}, {"dim": "64"}, {"dim": 64})]
    assert len(set(same)) == 1


def test_a_bad_setting_is_refused_before_anything_runs(source):
    with pytest.raises(SettingError, match="did you mean dim"):
        Trial(source, "mf", 0, {"dmi": 8}).key("a")


def test_the_digest_is_of_the_data(source):
    data = load_dataset(source)
    assert digest_of(data) == digest_of(load_dataset(source))
    for changed in (
        Change("shuffle", "visual").apply(data, 0),
        Change("drop", "visual").apply(data, 0),
        load_dataset(replace(source, test=None)),
    ):
        assert digest_of(changed) != digest_of(data)


def test_its_metrics_are_those_of_the_same_training(source, tmp_path):
    outcome = train(Trial(source, "mf", 1, QUICK, device="cpu"), tmp_path / "runs")
    from mmgcn.run import Run
    from mmgcn.training.fit import fit

    data = load_dataset(source)
    result = fit(data, model="mf", out=tmp_path / "again", settings=QUICK, seed=1, device="cpu")
    assert outcome.valid == result.metrics
    run = Run.load(result.run)
    again = evaluate(
        factor_scorer(run.user, run.item),
        num_items=40,
        relevant=data.split.test.csr(),
        seen=[data.train.csr(), data.split.valid.csr()],
        ks=[5, 10, 20],
    )
    assert outcome.test == pytest.approx(again)
    # a vector of 8 for each of 48 users and 40 items
    assert outcome.num_parameters == (48 + 40) * 8
    assert 0 < outcome.train_seconds <= outcome.total_seconds
    assert outcome.peak_memory_bytes > 50 * 2**20


def test_without_a_test_part_there_are_no_test_metrics(source, tmp_path):
    outcome = train(Trial(replace(source, test=None), "popularity"), tmp_path)
    assert outcome.test == {}
    assert outcome.train_seconds == 0
    assert issubclass(MODELS.get("popularity"), ClosedFormModel)


def test_the_peak_of_memory_grows_with_allocations():
    before = peak_memory_bytes()
    block = bytearray(200 * 2**20)
    block[::4096] = b"x" * len(block[::4096])  # every page is touched
    assert peak_memory_bytes() >= before
    assert peak_memory_bytes() > 200 * 2**20
