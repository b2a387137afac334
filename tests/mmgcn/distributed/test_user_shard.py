"""UserShard: a process's rows of tables, interactions and batches."""

import numpy as np
import pytest
import torch

from mmgcn.distributed.process_group import ProcessGroup
from mmgcn.distributed.user_shard import UserShard
from mmgcn.model import MODELS
from mmgcn.sampling import Batch
from tests.worlds import dataset

SMALL = {"dim": 8, "batch_size": 32, "num_negatives": 16}


@pytest.fixture(scope="module")
def data():
    return dataset()


def model_and_shard(name, data, rank, size):
    model = MODELS.get(name).build(data, SMALL)
    return model, UserShard(model, data.train, ProcessGroup(rank, size))


@pytest.mark.parametrize("name", ["linear_mmgcn", "mmgcn", "lightgcn", "mf", "vbpr"])
def test_the_rows_of_the_shards_are_those_of_one_process(name, data):
    whole, _ = model_and_shard(name, data, 0, 1)
    shards = [model_and_shard(name, data, rank, 3) for rank in range(3)]
    for key, value in whole.state_dict().items():
        rows = [model.state_dict()[key] for model, _ in shards]
        if key in shards[0][1].sharded:
            assert torch.equal(torch.cat(rows), value)
        else:
            assert all(torch.equal(own, value) for own in rows)
    by_user = {key for key, value in whole.named_parameters() if len(value) == len(data.users)}
    assert by_user == {key for key in shards[0][1].sharded if key in dict(whole.named_parameters())}


def test_the_interactions_of_the_shards_are_those_of_one_process(data):
    indptr, indices = data.train.csr()
    shards = [model_and_shard("mf", data, rank, 3)[1].csr((indptr, indices)) for rank in range(3)]
    np.testing.assert_array_equal(np.concatenate([items for _, items in shards]), indices)
    degrees = np.concatenate([np.diff(starts) for starts, _ in shards])
    np.testing.assert_array_equal(degrees, np.diff(indptr))


@pytest.mark.parametrize("name", ["linear_mmgcn", "mmgcn", "mf"])
def test_a_batch_without_own_users_has_no_loss_and_no_gradient(name, data, monkeypatch):
    monkeypatch.setattr("torch.distributed.all_reduce", lambda _: None)
    model, shard = model_and_shard(name, data, 1, 2)
    others = torch.zeros(4, dtype=torch.int64)  # user 0 is of the first part
    paired = model.train_config.loss == "bpr"
    negatives = others + 1 if paired else torch.arange(5, 9)
    watched = None if paired else torch.tensor([[0, 1]])
    loss = shard.loss(model, Batch(others, others, negatives, watched), torch.device("cpu"))
    loss.backward()
    assert loss.item() == 0
    for parameter in model.parameters():
        assert parameter.grad is None or torch.equal(
            parameter.grad, torch.zeros_like(parameter.grad)
        )
