"""Loggers of a training."""

import sys
import types

import pytest

from mmgcn.training.eval_records import EvalRecord
from mmgcn.training.fit import fit
from mmgcn.training.loggers import check_loggers, open_loggers
from tests.worlds import dataset


def test_tensorboard_has_the_evaluations_of_a_run(tmp_path):
    records = []
    result = fit(
        dataset(),
        model="mf",
        out=tmp_path,
        epochs=2,
        callbacks=[records.append],
        log=["tensorboard"],
    )
    from tensorboard.backend.event_processing.event_accumulator import EventAccumulator

    events = EventAccumulator(str(result.run / "tensorboard")).Reload()
    logged = events.Scalars("valid/recall@10")
    assert [event.step for event in logged] == [record.step for record in records]
    assert [event.value for event in logged] == pytest.approx(
        [record.metrics["recall@10"] for record in records]
    )
    assert len(events.Scalars("train/loss")) == 2


def test_wandb_receives_the_settings_and_the_evaluations(tmp_path, monkeypatch):
    calls = []

    class Opened:
        def log(self, values, *, step):
            calls.append(("log", step, values["valid/recall@5"]))

        def finish(self):
            calls.append("finish")

    def init(**arguments):
        calls.append(("init", arguments["name"], arguments["config"]))
        return Opened()

    monkeypatch.setitem(sys.modules, "wandb", types.SimpleNamespace(init=init))
    with open_loggers(["wandb"], run=tmp_path / "r1", settings={"dim": 8}) as (log,):
        log(EvalRecord(1, 20, 0.5, 0.25, {"recall@5": 0.75}))
    assert calls == [("init", "r1", {"dim": 8}), ("log", 20, 0.75), "finish"]


def test_an_unknown_logger_is_refused_before_anything_is_written(tmp_path):
    with pytest.raises(ValueError, match="log is 'mlflow'; it must be one of tensorboard, wandb"):
        fit(dataset(), model="mf", out=tmp_path / "runs", log=["mlflow"])
    assert not (tmp_path / "runs").exists()


@pytest.mark.parametrize("name", ["tensorboard", "wandb"])
def test_a_logger_that_is_not_installed_is_named_with_the_remedy(name, monkeypatch):
    monkeypatch.setattr("extract.extras.find_spec", lambda _: None)
    with pytest.raises(
        ImportError, match=f"log='{name}' needs {name}; install it with: pip install"
    ):
        check_loggers([name])
