"""The sample of validation users that is ranked during training."""

import numpy as np
import pytest

from mmgcn.data.dataset import Dataset
from mmgcn.data.splits import split
from mmgcn.distributed.process_group import ProcessGroup
from mmgcn.distributed.user_shard import UserShard
from mmgcn.evaluation.ranking import evaluate, factor_scorer
from mmgcn.model import MODELS
from mmgcn.run import Run
from mmgcn.training import validation
from mmgcn.training.fit import fit
from mmgcn.training.validation import Validation, sample_users
from tests.mmgcn.training.test_recipe import SMALL, taste_data


@pytest.fixture(scope="module")
def data():
    return Dataset(split(taste_data(), "leave-last-out"))


def recall(embeddings, data, users):
    """Return the recall@10 of some users, ranked without the module under test."""
    indptr, indices = data.split.valid.csr()
    found = []
    for user in users:
        scores = embeddings.user[user] @ embeddings.item.T
        scores[data.train.item_index[data.train.user_index == user]] = -np.inf
        best = np.argsort(-scores, kind="stable")[:10]
        found.append(np.isin(indices[indptr[user] : indptr[user + 1]], best).mean())
    return np.mean(found)


def test_users_are_all_or_a_fixed_sample():
    relevant = np.array([0, 1, 1, 2, 4, 5]), np.array([3, 0, 1, 2, 2], dtype=np.int32)
    assert sample_users(relevant, 4).tolist() == [0, 2, 3, 4]  # user 1 has nothing to find
    few = sample_users(relevant, 2)
    assert len(few) == 2
    assert set(few) < {0, 2, 3, 4}
    assert few.tolist() == sample_users(relevant, 2).tolist()
    assert set(few) < set(sample_users(relevant, 3))


def test_metrics_are_those_of_the_sample_or_of_all(data, monkeypatch):
    monkeypatch.setattr(validation, "MAX_USERS", 7)
    model = MODELS.get("linear_mmgcn").build(data, SMALL)
    evaluated = Validation(model, data, UserShard(model, data.train, ProcessGroup()))
    assert evaluated.is_sampled
    users = sample_users(data.split.valid.csr(), 7)
    embeddings = evaluated.embeddings()
    expected = recall(embeddings, data, users)
    assert evaluated.metrics(sample=True)["recall@10"] == pytest.approx(expected)
    expected = recall(embeddings, data, range(30))
    assert evaluated.metrics()["recall@10"] == pytest.approx(expected)


def test_a_run_has_metrics_of_all_users_and_the_size_of_the_sample(data, tmp_path, monkeypatch):
    monkeypatch.setattr(validation, "MAX_USERS", 7)
    settings, records = SMALL | {"epochs": 3}, []
    result = fit(data, out=tmp_path, settings=settings, device="cpu", progress=records.append)
    run = Run.load(result.run)
    assert run.config["validation_users"] == {"total": 30, "in_training": 7}
    of_all = evaluate(
        factor_scorer(np.array(run.user), np.array(run.item)),
        num_items=24,
        relevant=run.csr("valid"),
        seen=[run.csr("seen")],
        ks=[10],
    )
    assert result.metrics["recall@10"] == pytest.approx(of_all["recall@10"])
    assert run.config["valid"] == result.metrics
    best = max(records, key=lambda record: record.metrics["recall@10"])
    assert best.epoch == result.best_epoch
    assert best.metrics["recall@10"] * 7 == pytest.approx(round(best.metrics["recall@10"] * 7))
    again = fit(data, out=tmp_path, recipe=result.run, device="cpu")
    assert (again.run / "user.npy").read_bytes() == (result.run / "user.npy").read_bytes()


def test_few_users_are_all_ranked(data):
    model = MODELS.get("linear_mmgcn").build(data, SMALL)
    evaluated = Validation(model, data, UserShard(model, data.train, ProcessGroup()))
    assert not evaluated.is_sampled
    assert evaluated.metrics(sample=True) == evaluated.metrics()
