"""Several processes compute, write and resume the same training as one process."""

import json
import os
import signal
from pathlib import Path

import numpy as np
import pytest
import torch
from safetensors.numpy import load_file

from mmgcn.distributed.partition import PartitionError
from mmgcn.distributed.process_group import LostRank, RankError, join_process_group
from mmgcn.distributed.user_shard import UserShard
from mmgcn.model import MODELS
from mmgcn.sampling import Sampler
from mmgcn.training.fit import fit
from tests.ranks import crew
from tests.worlds import clusters, dataset, without

SMALL = {"batch_size": 32, "num_negatives": 16, "dim": 8}
CASES = {
    "linear_mmgcn": ("linear_mmgcn", {}),
    "linear_mmgcn, bpr": ("linear_mmgcn", {"loss": "bpr", "ensemble_size": 1}),
    "mmgcn": ("mmgcn", {"weight_decay": 0.01}),
    "mmgcn, largest": ("mmgcn", {"aggregation": "max", "combination": "co"}),
    "lightgcn": ("lightgcn", {"l2_reg": 0.01, "loss": "bpr", "similarity": "dot"}),
    "mf": ("mf", {}),
    "vbpr": ("vbpr", {}),
}


@pytest.fixture(scope="module")
def ranks():
    with crew(3) as processes:
        yield processes


def train(model, out, settings, epochs=1, resume=False, stop_at=None):
    """Train on synthetic data; a process may be interrupted when it has drawn some batches."""
    kind, drawn = MODELS.get(model), 0
    draw = kind.draw

    def interrupted(self, sampler):
        nonlocal drawn
        drawn += 1
        if stop_at == (int(os.environ.get("RANK", "0")), drawn):
            os.kill(os.getpid(), signal.SIGTERM)
        return draw(self, sampler)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(kind, "draw", interrupted)
        patch.setattr(
            "mmgcn.training.fit.plot_curves", lambda *_: True
        )  # takes longer than the training
        try:
            return fit(
                dataset(missing=2),
                model=model,
                out=out,
                settings={**SMALL, **settings},
                epochs=epochs,
                resume=resume,
                device="cpu",
            )
        except KeyboardInterrupt:
            return drawn


def steps_in_double(model, settings):
    """Take twenty steps in float64; return the parameters, on the main process."""
    data, kind = dataset(missing=2), MODELS.get(model)
    with join_process_group("cpu") as group:
        trained = kind.build(data, {**SMALL, **settings})
        shard = UserShard(trained, data.train, group)
        trained.double()
        sampler = Sampler.of(data.train, trained.generator)
        optimiser = torch.optim.AdamW(trained.parameters(), lr=5e-3)
        for _ in range(20):
            loss = shard.loss(trained, trained.draw(sampler), torch.device("cpu"))
            optimiser.zero_grad()
            loss.backward()
            shard.add_gradients(trained)
            optimiser.step()
        state = shard.gather(trained.state_dict(), shard.sharded)
        return {name: tensor.numpy() for name, tensor in state.items()}


def failing(out):
    """Train, and fail on rank 1."""
    draw = Sampler.shared

    def failing_draw(self, *sizes):
        if os.environ["RANK"] == "1":
            raise MemoryError("out of memory")
        return draw(self, *sizes)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(Sampler, "shared", failing_draw)
        return fit(dataset(), model="lightgcn", out=out, settings=SMALL, device="cpu")


def disagreeing(out):
    return train("lightgcn", out, {"dim": 8 + int(os.environ["RANK"])})


def with_another_version(out):
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("mmgcn.training.fit.version", lambda _: f"1.{os.environ['RANK']}")
        return train("lightgcn", out, {})


def with_other_data(out):
    data = dataset(clusters(seed=int(os.environ["RANK"])))
    return fit(data, model="lightgcn", out=out, settings=SMALL, device="cpu")


def solved(out):
    return fit(dataset(), model="ease", out=out, device="cpu")


def with_unknown_users(out):
    data = dataset(without(clusters(), [0, 30, 31]))
    return fit(data, model="lightgcn", out=out, settings=SMALL, epochs=2, device="cpu")


def few_users(out):
    data = dataset(clusters(num_groups=2, users=1))
    return fit(data, model="lightgcn", out=out, settings=SMALL, device="cpu")


def records_of(run):
    lines = [json.loads(line) for line in (run / "metrics.jsonl").read_text().splitlines()]
    return [{k: v for k, v in line.items() if k != "train_seconds"} for line in lines]


def assert_same(run: Path, other: Path) -> None:
    """Assert that two runs are equal up to the order of sums, except for their times."""
    names = {path.relative_to(run) for path in run.rglob("*")}
    assert names == {path.relative_to(other) for path in other.rglob("*")}
    for record, expected in zip(records_of(run), records_of(other), strict=True):
        assert record == pytest.approx(expected, rel=1e-5)
    state, expected = load_file(run / "model.safetensors"), load_file(other / "model.safetensors")
    assert state.keys() == expected.keys()
    for name, value in expected.items():
        np.testing.assert_allclose(state[name], value, atol=2e-5, err_msg=name)
    for name in names:
        if name.suffix == ".npy":
            np.testing.assert_allclose(np.load(run / name), np.load(other / name), atol=2e-5)


@pytest.mark.parametrize("case", CASES)
def test_two_and_three_processes_train_the_same_model_as_one(ranks, tmp_path, case):
    model, settings = CASES[case]
    alone = train(model, tmp_path / "1", settings)
    for size in (2, 3) if case == "linear_mmgcn" else (3,):
        results = ranks.run(size, train, model, tmp_path / str(size), settings)
        assert [r.run for r in results] == [results[0].run] * size
        assert results[0].best_epoch == alone.best_epoch
        assert_same(results[-1].run, alone.run)
        assert len(list((tmp_path / str(size)).iterdir())) == 2  # one run, and latest


def test_users_without_interactions_get_the_mean_of_all_others(ranks, tmp_path):
    results = ranks.run(3, with_unknown_users, tmp_path / "3")
    assert_same(results[0].run, with_unknown_users(tmp_path / "1").run)


@pytest.mark.parametrize("case", ["linear_mmgcn", "mmgcn", "mmgcn, largest", "lightgcn"])
def test_in_float64_the_results_are_equal(ranks, case):
    alone, together = (ranks.run(n, steps_in_double, *CASES[case])[0] for n in (1, 3))
    assert alone.keys() == together.keys()
    for name, value in alone.items():
        np.testing.assert_allclose(together[name], value, rtol=0, atol=1e-11, err_msg=name)


@pytest.mark.parametrize(("first", "then"), [(2, 3), (3, 1), (1, 2)])
def test_a_training_is_resumed_by_another_number_of_processes(ranks, tmp_path, first, then):
    """One of them is interrupted within an epoch; all stop at that step and write it once."""
    settings = {"weight_decay": 0.01}
    alone = train("mmgcn", tmp_path / "whole", settings, 2)

    def go(size, *arguments):
        return ranks.run(size, train, *arguments) if size > 1 else [train(*arguments)]

    out = tmp_path / "parts"
    stop = (first - 1, 27)
    assert go(first, "mmgcn", out, settings, 2, False, stop) == [27] * first
    (state,) = out.glob("*/checkpoint/state.json")
    assert json.loads(state.read_text())["step"] == 27
    results = go(then, "mmgcn", out, settings, 2, True)
    assert_same(results[0].run, alone.run)


def refuses(outcomes, kind, message):
    """Every rank ended with this error."""
    for error in outcomes:
        assert isinstance(error, kind)
        assert message in str(error)


def test_ranks_with_other_settings_are_refused(ranks, tmp_path):
    message = "rank 1 differs from rank 0: its settings.dim is 9, not 8"
    refuses(ranks.run(3, disagreeing, tmp_path), RankError, message)
    assert not any(tmp_path.iterdir())


def test_ranks_of_other_versions_are_refused(ranks, tmp_path):
    refuses(
        ranks.run(2, with_another_version, tmp_path),
        RankError,
        "its version.mmgcn is '1.1', not '1.0'",
    )


def test_ranks_with_other_data_are_refused(ranks, tmp_path):
    refuses(ranks.run(2, with_other_data, tmp_path), RankError, "its interactions is")


def test_a_rank_that_fails_stops_the_others(ranks, tmp_path):
    first, second, third = ranks.run(3, failing, tmp_path)
    assert isinstance(second, MemoryError)
    for other in (first, third):
        assert isinstance(other, LostRank)
        assert "another rank died during the training" in str(other)
    assert not (tmp_path / "latest").exists()


def test_a_model_that_cannot_be_divided_is_refused(ranks, tmp_path):
    for error in ranks.run(2, solved, tmp_path):
        assert isinstance(error, PartitionError)
        assert "ease cannot be trained by several processes" in str(error)
        assert "linear_mmgcn" in str(error)


def test_sampled_propagation_is_refused(ranks, tmp_path):
    refuses(
        ranks.run(2, train, "lightgcn", tmp_path, {"propagation": "sampled"}),
        PartitionError,
        "propagation is sampled, but several processes compute the full graph",
    )


def test_more_processes_than_users_are_refused(ranks, tmp_path):
    message = "2 users cannot be divided among 3 processes"
    refuses(ranks.run(3, few_users, tmp_path), PartitionError, message)
