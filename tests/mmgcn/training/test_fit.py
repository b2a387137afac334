"""fit: exact resume, early stopping, errors, and the run folder."""

import itertools
import json
import os
import signal
import sys
from dataclasses import replace

import numpy as np
import pytest
import torch
from safetensors import SafetensorError

from mmgcn.closed_form_model import ClosedFormModel
from mmgcn.config import Config, SettingError
from mmgcn.data.dataset import Dataset
from mmgcn.data.splits import Split
from mmgcn.evaluation.ranking import evaluate, factor_scorer
from mmgcn.model import MODELS
from mmgcn.recommender_model import Embeddings
from mmgcn.run import Run
from mmgcn.training.checkpoint import ResumeError
from mmgcn.training.device import DeviceError
from mmgcn.training.fit import fit
from mmgcn.training.folder import FolderError
from mmgcn.training.trainer import TrainingError
from mmgcn.training.validation import Validation
from tests.runs import validation_metrics
from tests.worlds import clusters, dataset, interactions_of, without

SMALL = {"batch_size": 32, "num_negatives": 16, "dim": 8}
CPU = {"device": "cpu", "settings": SMALL}


class Killed(Exception):
    pass


def kill_after(num_records):
    """A progress callback that raises after some evaluation."""

    def progress(record):
        if record.epoch == num_records:
            raise Killed

    return progress


def records_of(run):
    return [json.loads(line) for line in (run / "metrics.jsonl").read_text().splitlines()]


def files_of(run):
    """The bytes of all files, without times."""
    config = json.loads((run / "config.json").read_text())
    config.pop("train_seconds")
    records = records_of(run)
    for record in records:
        record.pop("train_seconds")
    files = {
        str(path.relative_to(run)): path.read_bytes()
        for path in sorted(run.rglob("*"))
        if path.is_file() and path.name not in ("config.json", "metrics.jsonl")
    }
    return {**files, "config": config, "records": records}


@pytest.fixture(scope="module")
def data():
    return dataset()


@pytest.fixture(scope="module")
def finished(data, tmp_path_factory):
    """An uninterrupted run of mmgcn."""
    return fit(data, model="mmgcn", out=tmp_path_factory.mktemp("runs"), epochs=3, **CPU).run


def test_a_killed_training_resumes_to_the_same_bits(data, finished, tmp_path):
    with pytest.raises(Killed):
        fit(data, model="mmgcn", out=tmp_path, epochs=3, progress=kill_after(3), **CPU)
    assert not (tmp_path / "latest").exists()
    run = fit(data, model="mmgcn", out=tmp_path, epochs=3, resume=True, **CPU).run
    assert files_of(run) == files_of(finished)


@pytest.mark.parametrize("model", ["linear_mmgcn", "lightgcn"])
def test_other_models_resume_to_the_same_bits(data, tmp_path, model):
    words = {"model": model, "epochs": 2, "seed": 3, **CPU}
    whole = fit(data, out=tmp_path / "whole", **words).run
    with pytest.raises(Killed):
        fit(data, out=tmp_path / "parts", progress=kill_after(2), **words)
    run = fit(data, out=tmp_path / "parts", resume=True, **words).run
    assert files_of(run) == files_of(whole)


def test_a_training_killed_before_its_first_checkpoint_starts_again(data, tmp_path):
    with pytest.raises(Killed):
        fit(data, model="lightgcn", out=tmp_path, epochs=1, progress=kill_after(1), **CPU)
    assert not any(tmp_path.iterdir())
    whole = fit(data, model="lightgcn", out=tmp_path / "whole", epochs=1, **CPU).run
    begun = fit(data, model="lightgcn", out=tmp_path / "new", epochs=1, resume=True, **CPU).run
    assert files_of(begun) == files_of(whole)


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
@pytest.mark.parametrize("at_step", [1, 27])
def test_an_interruption_within_an_epoch_loses_no_step(
    data, finished, tmp_path, monkeypatch, number, at_step
):
    kind = MODELS.get("mmgcn")
    plain_draw, steps = kind.draw, 0

    def draw(self, sampler):
        nonlocal steps
        steps += 1
        if steps == at_step:
            os.kill(os.getpid(), number)
        return plain_draw(self, sampler)

    with monkeypatch.context() as patch:
        patch.setattr(kind, "draw", draw)
        before = signal.getsignal(number)
        with pytest.raises(KeyboardInterrupt):
            fit(data, model="mmgcn", out=tmp_path, epochs=3, **CPU)
        assert signal.getsignal(number) == before
    (state,) = tmp_path.glob("*/checkpoint/state.json")
    assert json.loads(state.read_text())["step"] == at_step
    run = fit(data, model="mmgcn", out=tmp_path, epochs=3, resume=True, **CPU).run
    assert files_of(run) == files_of(finished)


def test_equal_seeds_give_equal_runs_and_others_do_not(data, finished, tmp_path):
    same = fit(data, model="mmgcn", out=tmp_path, epochs=3, **CPU).run
    assert files_of(same) == files_of(finished)
    other = fit(data, model="mmgcn", out=tmp_path, epochs=3, seed=1, **CPU).run
    assert files_of(other)["user.npy"] != files_of(finished)["user.npy"]


def test_gradients_of_rows_are_equal_each_time_with_two_threads(data):
    """Indexing would sum the gradients of a repeated row in the order of the threads."""
    model = MODELS.get("lightgcn").build(data, {"num_layers": 0})
    generator = model.generator
    users = torch.randint(len(data.users), (50_000,), generator=generator)
    items = torch.randint(len(data.items), (50_000,), generator=generator)
    weight = torch.randn(50_000, 64, generator=generator)
    before = torch.get_num_threads()
    torch.set_num_threads(2)
    try:
        gradients = []
        for _ in range(4):
            model.zero_grad()
            user, item = model.rows(users, items)
            (weight * (user + item)).sum().backward()
            gradients.append((model.user.grad.clone(), model.item.grad.clone()))
    finally:
        torch.set_num_threads(before)
    for user, item in gradients[1:]:
        assert torch.equal(user, gradients[0][0])
        assert torch.equal(item, gradients[0][1])


def test_the_state_of_the_global_generators_is_neither_used_nor_changed(data, finished, tmp_path):
    torch.manual_seed(5)
    before = torch.get_rng_state()
    run = fit(data, model="mmgcn", out=tmp_path, epochs=3, **CPU).run
    assert torch.equal(torch.get_rng_state(), before)
    assert files_of(run) == files_of(finished)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"settings": {**SMALL, "temperature": 0.5}}, r"settings.temperature was 0.3.* now 0.5"),
        ({"seed": 9}, r"seed was 0 and is now 9"),
        ({"model": "lightgcn"}, r"model was 'mmgcn' and is now 'lightgcn'"),
    ],
)
def test_another_training_is_not_resumed(data, tmp_path, change, message):
    with pytest.raises(Killed):
        fit(data, model="mmgcn", out=tmp_path, epochs=3, progress=kill_after(2), **CPU)
    with pytest.raises(ResumeError, match=message):
        fit(data, **{"model": "mmgcn", "out": tmp_path, "epochs": 3, **CPU, **change}, resume=True)


@pytest.mark.parametrize(
    ("other", "message"),
    [
        (lambda: dataset(seed=1), r"features.visual.digest was '0' and is now '1'"),
        (lambda: dataset(modalities=("visual",)), r"features.acoustic.* now None"),
        (lambda: dataset(clusters(seed=3)), r"interactions was '"),
    ],
)
def test_a_training_is_not_resumed_on_other_data(data, tmp_path, other, message):
    with pytest.raises(Killed):
        fit(data, model="mmgcn", out=tmp_path, epochs=3, progress=kill_after(2), **CPU)
    with pytest.raises(ResumeError, match=message):
        fit(other(), model="mmgcn", out=tmp_path, epochs=3, resume=True, **CPU)


def test_there_is_nothing_to_resume_after_a_finished_run(data, tmp_path):
    run = fit(data, model="lightgcn", out=tmp_path, epochs=1, device="cpu").run
    with pytest.raises(ResumeError, match=f"no unfinished training in .*{run.name}, is finished"):
        fit(data, model="lightgcn", out=tmp_path, epochs=1, device="cpu", resume=True)


def test_the_run_contains_the_embeddings_of_the_model(data, finished):
    run = Run.load(finished)
    model = MODELS.get("mmgcn").build(data, SMALL, seed=7)
    from safetensors.torch import load_file

    model.load_state_dict(load_file(finished / "model.safetensors"))
    embeddings = model.embeddings()
    np.testing.assert_array_equal(run.user, embeddings.user)
    np.testing.assert_allclose(sum(run.parts.values()), run.item, atol=1e-6)
    assert set(run.parts) == {"visual", "acoustic"}
    assert run.popularity.sum() == len(data.train)
    assert not (finished / "checkpoint").exists()
    assert (finished / "curves.png").read_bytes()[:4] == b"\x89PNG"


def test_the_run_has_the_history_of_a_user_in_its_order_of_time(tmp_path):
    table = interactions_of([(0, 3), (0, 1), (0, 2), (1, 3), (1, 0)], timestamp=[3, 1, 2, 5, 4])
    none = table.take(np.zeros(0, dtype=int))
    data = dataset(Split(table, none, none, "none"))
    run = Run.load(fit(data, model="popularity", out=tmp_path).run)
    indptr, indices = run.csr("seen")
    assert (indptr.tolist(), indices.tolist()) == ([0, 3, 5], [1, 2, 3, 0, 3])


def test_the_metrics_of_the_run_are_those_of_its_matrices(data, finished):
    run = Run.load(finished)
    metrics = evaluate(
        factor_scorer(run.user, run.item),
        num_items=len(data.items),
        relevant=run.csr("valid"),
        seen=[run.csr("seen")],
        ks=(5, 10, 20),
    )
    for name, value in metrics.items():
        assert run.config["valid"][name] == pytest.approx(value)


def test_every_evaluation_is_a_line_of_metrics(finished):
    records = records_of(finished)
    assert [record["epoch"] for record in records] == [1, 2, 3]
    assert [record["step"] for record in records] == [20, 40, 60]
    seconds = [record["train_seconds"] for record in records]
    assert seconds == sorted(seconds)
    assert all({"loss", "recall@20", "ndcg@20"} <= record.keys() for record in records)


def test_evaluations_can_be_counted_in_steps(data, tmp_path):
    settings = {**SMALL, "eval_steps": 15}
    run = fit(data, model="mmgcn", out=tmp_path, epochs=2, device="cpu", settings=settings).run
    records = records_of(run)
    assert [(record["step"], record["epoch"]) for record in records] == [(15, 1), (30, 2), (40, 2)]


def test_training_ends_when_the_metric_stops_rising_and_the_best_is_kept(data, tmp_path):
    settings = {**SMALL, "patience": 2, "epochs": 60, "learning_rate": 0.05}
    result = fit(data, model="lightgcn", out=tmp_path, device="cpu", settings=settings)
    records = records_of(result.run)
    recalls = [record["recall@20"] for record in records]
    assert len(records) < 60
    assert result.best_epoch == recalls.index(max(recalls)) + 1 == len(records) - 2
    assert result.metrics["recall@20"] == max(recalls)


def test_a_small_catalogue_is_evaluated_by_lists_of_less_than_half_of_it(tmp_path):
    few = dataset(clusters(num_groups=2))  # 20 items, all of them in a list of 20
    settings = {**SMALL, "learning_rate": 2e-3}
    result = fit(few, model="lightgcn", out=tmp_path, settings=settings, epochs=6, device="cpu")
    records = records_of(result.run)
    assert {record["recall@20"] for record in records} == {1.0}
    recalls = [record["recall@10"] for record in records]
    assert result.best_epoch == recalls.index(max(recalls)) + 1 > 1


def test_without_a_validation_part_the_last_epoch_is_kept(tmp_path):
    part = clusters()
    part.valid = part.valid.take(np.zeros(0, dtype=np.int64))
    result = fit(dataset(part), model="mmgcn", out=tmp_path, epochs=2, **CPU)
    assert (result.best_epoch, result.metrics) == (2, {})


def without_validation(data):
    split = replace(data.split, valid=data.split.valid.take(np.zeros(0, dtype=np.int64)))
    return replace(data, split=split)


@pytest.mark.parametrize("model", ["linear_mmgcn", "mmgcn"])
@pytest.mark.parametrize("eval_steps", [0, 7])
def test_the_recipe_of_a_run_trains_what_was_evaluated(
    data, tmp_path, monkeypatch, model, eval_steps
):
    """Bit by bit, on the same interactions without a validation part, where nothing stops early."""
    plain, num = Validation.metrics, itertools.count(1)

    def second_is_best(self, **options):
        metrics = plain(self, **options)
        return metrics and {**metrics, self.metric: 1 / abs(next(num) - 1.9)}

    monkeypatch.setattr(Validation, "metrics", second_is_best)
    settings = {**SMALL, "eval_steps": eval_steps, "patience": 3}
    chosen = fit(
        data, model=model, out=tmp_path / "a", settings=settings, recipe="default", device="cpu"
    )
    recipe = json.loads((chosen.run / "config.json").read_text())["recipe"]
    assert recipe["epochs"] == MODELS.get(model).train_defaults.epochs
    assert recipe["stop_epoch"] == (14 / 20 if eval_steps else 2)
    refit = fit(
        without_validation(data), model=model, out=tmp_path / "b", recipe=chosen.run, device="cpu"
    )
    for name in ("user.npy", "item.npy", "model.safetensors"):
        assert (refit.run / name).read_bytes() == (chosen.run / name).read_bytes()


def test_a_run_has_no_columns_of_ensemble_members_that_were_not_trained(data, tmp_path):
    settings = {**SMALL, "ensemble_size": 3, "epochs": 12, "stop_epoch": 3}
    run = fit(data, model="linear_mmgcn", out=tmp_path, settings=settings, device="cpu").run
    user, item = np.load(run / "user.npy"), np.load(run / "item.npy")
    # One member, in whose third epochs 1 to 4 are, and the popularity prior.
    assert user.shape[1] == item.shape[1] == 8 + 1
    assert (user != 0).any(axis=0).all()
    assert (item != 0).any(axis=0).all()


def test_an_ensemble_larger_than_the_number_of_steps_is_refused(data, tmp_path):
    settings = {**SMALL, "ensemble_size": 21, "epochs": 1}
    with pytest.raises(SettingError, match=r"21 learning-rate cycles .* in 20 training steps"):
        fit(data, model="linear_mmgcn", out=tmp_path, settings=settings, device="cpu")
    assert not any(tmp_path.iterdir())


def test_without_matplotlib_a_run_has_no_curves_and_a_note(data, tmp_path, monkeypatch):
    for name in [name for name in sys.modules if name.startswith("matplotlib")]:
        monkeypatch.delitem(sys.modules, name)
    monkeypatch.setitem(sys.modules, "matplotlib", None)
    result = fit(data, model="mf", out=tmp_path, epochs=1, **CPU)
    assert result.notes == (
        "no curves.png without matplotlib; pip install '.[plots]' in a clone of mmgcn",
    )
    assert not (result.run / "curves.png").exists()
    Run.load(result.run)


class Ones(ClosedFormModel[Config]):
    """Scores all items equally."""

    name = "ones"
    config_type = Config

    def embeddings(self):
        user = np.ones((self.num_users, 1), dtype=np.float32)
        return Embeddings(user, {"id": np.ones((self.num_items, 1), dtype=np.float32)})


def test_a_model_may_be_a_class_and_the_folder_a_string(data, tmp_path):
    run = fit(data, model=Ones, out=str(tmp_path)).run
    assert Run.load(run).config["model"] == "ones"
    by_class = fit(data, model=MODELS.get("mf"), out=str(tmp_path / "a"), epochs=1, **CPU).run
    by_name = fit(data, model="mf", out=tmp_path / "b", epochs=1, **CPU).run
    assert files_of(by_class) == files_of(by_name)


@pytest.mark.parametrize("model", [3, dict, Ones.__init__])
def test_an_object_that_is_not_a_model_is_refused(data, tmp_path, model):
    with pytest.raises(TypeError, match="expected a name such as 'lightgcn', or a subclass"):
        fit(data, model=model, out=tmp_path)


def test_latest_moves_when_the_run_is_complete(data, tmp_path):
    first = fit(data, model="popularity", out=tmp_path, device="cpu").run
    assert (tmp_path / "latest").resolve() == first.resolve()
    second = fit(data, model="popularity", out=tmp_path, device="cpu").run
    assert (tmp_path / "latest").resolve() == second.resolve() != first.resolve()


def test_a_loss_that_overflows_stops_with_the_reason(data, tmp_path):
    settings = {**SMALL, "temperature": 1e-40, "similarity": "dot"}
    with pytest.raises(TrainingError, match=r"the loss became .* in step \d+, epoch 1"):
        fit(data, model="mmgcn", out=tmp_path, device="cpu", settings=settings)


@pytest.mark.parametrize("at_step", [1, 33])
def test_a_loss_that_is_not_finite_stops_and_names_the_step(data, tmp_path, monkeypatch, at_step):
    kind = MODELS.get("mmgcn")
    plain_loss, steps = kind.loss, 0

    def loss(self, batch, *, progress):
        nonlocal steps
        steps += 1
        return plain_loss(self, batch, progress=progress) * (
            float("nan") if steps == at_step else 1
        )

    monkeypatch.setattr(kind, "loss", loss)
    epoch = 1 + at_step // 20
    with pytest.raises(
        TrainingError, match=f"became nan in step {at_step}, epoch {epoch}; lower learning_rate"
    ):
        fit(data, model="mmgcn", out=tmp_path, epochs=3, **CPU)
    assert not (tmp_path / "latest").exists()


def test_bad_settings_leave_no_folder(data, tmp_path):
    with pytest.raises(SettingError, match="dim is 0; it must be positive"):
        fit(data, model="mmgcn", out=tmp_path, settings={"dim": 0})
    assert not any(tmp_path.iterdir())


def test_no_training_interactions_are_refused(tmp_path):
    part = clusters()
    part.train = part.train.take(np.zeros(0, dtype=np.int64))
    with pytest.raises(TrainingError, match="no training interaction"):
        fit(Dataset(part), model="popularity", out=tmp_path)


@pytest.mark.parametrize("where", ["folder", "checkpoint"])
def test_a_full_disk_is_reported_and_the_training_resumed(data, tmp_path, monkeypatch, where):
    def full(*_):
        raise SafetensorError("No space left on device")

    chosen = {"model": "mf", "out": tmp_path, "settings": {**SMALL, "epochs": 2}}
    with monkeypatch.context() as patch:
        patch.setattr(f"mmgcn.training.{where}.save_file", full)
        with pytest.raises((FolderError, OSError), match=r"written.*: No space left on device"):
            fit(data, **chosen)
    if where == "checkpoint":
        assert not any(tmp_path.iterdir())  # there is nothing to resume
    else:
        Run.load(fit(data, **chosen, resume=True).run)
        assert len(list(tmp_path.glob("2*"))) == 1


@pytest.mark.parametrize("name", ["id", "neighbours", "frames.v2", "items"])
def test_a_modality_whose_name_a_model_uses_is_refused(tmp_path, name):
    with pytest.raises(SettingError, match=f"no modality can be called '{name}'"):
        fit(dataset(modalities=[name]), model="linear_mmgcn", out=tmp_path)
    assert not any(tmp_path.iterdir())


def test_an_unknown_model_is_refused_with_the_nearest_name(data, tmp_path):
    with pytest.raises(LookupError, match=r"lightgnc.*lightgcn"):
        fit(data, model="lightgnc", out=tmp_path)


@pytest.mark.parametrize("device", ["tpu", "cuda:0"])
def test_an_unavailable_device_is_refused(data, tmp_path, device):
    if device.startswith("cuda") and torch.cuda.is_available():
        pytest.skip("the machine has one")
    with pytest.raises(DeviceError, match=f"device is '{device}'"):
        fit(data, model="mmgcn", out=tmp_path, device=device)


def test_nothing_in_a_run_is_a_pickle(finished):
    for path in finished.rglob("*.npy"):
        np.load(path, allow_pickle=False)
    assert {path.suffix for path in finished.rglob("*") if path.is_file()} == {
        *(".npy", ".json", ".jsonl", ".parquet", ".safetensors", ".png")
    }


@pytest.mark.parametrize("model", ["linear_mmgcn", "mmgcn", "lightgcn", "mf", "ease", "popularity"])
def test_a_user_without_training_interactions_is_the_mean_of_the_others(model, tmp_path):
    unknown = [0, 30]
    data = dataset(without(clusters(), unknown))
    epochs = None if issubclass(MODELS.get(model), ClosedFormModel) else 2
    result = fit(data, model=model, out=tmp_path, epochs=epochs, device="cpu")
    run = Run.load(result.run)
    others = np.delete(np.asarray(run.user), unknown, axis=0)
    for user in unknown:
        np.testing.assert_allclose(run.user[user], others.mean(0), rtol=1e-4, atol=1e-6)
    metrics = validation_metrics(run)
    assert result.metrics["recall@20"] == pytest.approx(metrics["recall@20"])


def test_callbacks_are_called_after_the_progress_in_their_order(tmp_path):
    calls = []
    fit(
        dataset(),
        model="popularity",
        out=tmp_path,
        progress=lambda record: calls.append(("progress", record.epoch)),
        callbacks=[lambda _: calls.append("first"), lambda _: calls.append("second")],
    )
    assert calls == [("progress", 0), "first", "second"]


def test_a_callback_that_raises_ends_the_training(tmp_path):
    def stop(_record):
        raise RuntimeError("enough")

    with pytest.raises(RuntimeError, match="enough"):
        fit(dataset(), model="mf", out=tmp_path, epochs=2, callbacks=[stop])


@pytest.mark.parametrize("callbacks", [print, [print, 3]])
def test_callbacks_that_are_not_a_list_of_functions_are_refused(tmp_path, callbacks):
    with pytest.raises(TypeError, match="expected a list of functions of an EvalRecord"):
        fit(dataset(), model="popularity", out=tmp_path, callbacks=callbacks)


def test_progress_true_shows_a_bar_on_standard_error(tmp_path, capsys):
    fit(dataset(), model="popularity", out=tmp_path, progress=True)
    assert capsys.readouterr().out == ""
