"""A final training: recipe and epoch from the split, everything in the model."""

import json

import numpy as np
import pytest

from mmgcn.run import Run
from mmgcn.training import final
from mmgcn.training.checkpoint import ResumeError
from mmgcn.training.final import PENDING, fit_final
from mmgcn.training.fit import fit
from mmgcn.training.trainer import TrainingError
from tests.worlds import dataset

pytestmark = pytest.mark.usefixtures("no_curves")

QUICK = {"batch_size": 64, "dim": 8, "num_negatives": 8}


def quick(data, out, **options):
    return fit_final(data, model="lightgcn", out=out, settings=QUICK, epochs=3, **options)


def test_the_final_run_has_every_interaction_and_the_recipe_of_the_selection(tmp_path):
    data, lines = dataset(), []
    result = quick(data, tmp_path, on_stage=lines.append)
    chosen, run = Run.load(tmp_path / result.selection["run"]), Run.load(tmp_path / "latest")
    assert run.path == result.final.run.resolve() != chosen.path
    split = data.split
    parts = (split.train, split.valid, split.test)
    num = [len(part) for part in parts]
    assert [len(chosen.csr(part)[1]) for part in ("seen", "valid", "test")] == num
    assert [len(run.csr(part)[1]) for part in ("seen", "valid", "test")] == [sum(num), 0, 0]
    assert run.config["recipe"] == chosen.config["recipe"]
    assert run.config["selection"] == {"run": chosen.path.name, "valid": chosen.config["valid"]}
    assert run.config["valid"] == {}
    assert result.final.metrics == {}
    assert lines == [
        "1 of 2: choosing on the split random",
        f"2 of 2: training on all {sum(num):,} interactions",
    ]
    assert not list(tmp_path.glob(f"*/{PENDING}"))


def test_it_is_the_run_of_two_trainings_one_after_the_other(tmp_path):
    data = dataset()
    both = quick(data, tmp_path / "final")
    first = fit(data, model="lightgcn", out=tmp_path / "two", settings=QUICK, epochs=3)
    second = fit(data.without_held_out(), model="lightgcn", out=tmp_path / "two", recipe=first.run)
    expected, found = Run.load(second.run), Run.load(both.final.run)
    assert np.array_equal(found.item, expected.item)
    assert np.array_equal(found.user, expected.user)


class Stop(Exception):
    pass


def interrupt(monkeypatch, call_number):
    """Make one of the two trainings end before it starts."""
    calls = []

    def stopping(*args, **kwargs):
        calls.append(1)
        if len(calls) == call_number:
            raise Stop
        return fit(*args, **kwargs)

    monkeypatch.setattr(final, "fit", stopping)


def test_an_interruption_between_the_trainings_is_resumed(tmp_path, monkeypatch):
    data = dataset()
    whole = quick(data, tmp_path / "whole")
    interrupt(monkeypatch, 2)
    with pytest.raises(Stop):
        quick(data, tmp_path / "stopped")
    assert not (tmp_path / "stopped" / "latest").exists()  # a service keeps its run
    monkeypatch.setattr(final, "fit", fit)
    resumed = quick(data, tmp_path / "stopped", resume=True)
    assert np.array_equal(Run.load(resumed.final.run).item, Run.load(whole.final.run).item)
    assert len(list((tmp_path / "stopped").glob("2*/config.json"))) == 2


@pytest.mark.parametrize("stage", [1, 2])
def test_an_interruption_inside_a_training_is_resumed(tmp_path, stage):
    data = dataset()
    whole = quick(data, tmp_path / "whole")
    stages = []

    def progress(record):
        if len(stages) == stage and record.epoch == 2:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        quick(data, tmp_path / "stopped", on_stage=stages.append, progress=progress)
    resumed = quick(data, tmp_path / "stopped", resume=True)
    assert np.array_equal(Run.load(resumed.final.run).item, Run.load(whole.final.run).item)
    assert not list((tmp_path / "stopped").glob(f"*/{PENDING}"))


def test_another_training_is_not_resumed(tmp_path, monkeypatch):
    interrupt(monkeypatch, 2)
    with pytest.raises(Stop):
        quick(dataset(), tmp_path)
    monkeypatch.setattr(final, "fit", fit)
    with pytest.raises(ResumeError, match="had another seed; pass the same arguments"):
        quick(dataset(), tmp_path, seed=1, resume=True)
    (pending,) = tmp_path.glob(f"*/{PENDING}")
    quick(dataset(), tmp_path, seed=1)  # a new one takes its place
    assert not pending.exists()


def test_a_closed_form_is_solved_on_everything(tmp_path):
    result = fit_final(dataset(), model="ease", out=tmp_path)
    assert json.loads((result.final.run / "config.json").read_text())["split"] == "none"


def test_without_a_validation_part_there_is_nothing_to_choose_on(tmp_path):
    with pytest.raises(TrainingError, match="there is none; pass another `split`"):
        quick(dataset().without_held_out(), tmp_path)
