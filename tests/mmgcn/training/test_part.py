"""Part: a rank's rows of tables, interactions and batches."""

import numpy as np
import pytest
import torch

from mmgcn.model import MODELS
from mmgcn.training.part import Part
from mmgcn.training.ranks import Ranks
from mmgcn.training.sampling import Batch
from tests.worlds import dataset

SMALL = {"dim": 8, "batch_size": 32, "num_negatives": 16}


@pytest.fixture(scope="module")
def data():
    return dataset()


def model_and_part(name, data, rank, size):
    kind = MODELS.get(name)
    model = kind(data, kind.Settings.read(SMALL), torch.Generator().manual_seed(0))
    return model, Part(model, np.diff(data.train.csr()[0]), Ranks(rank, size))


@pytest.mark.parametrize("name", ["linear_mmgcn", "mmgcn", "lightgcn", "mf", "vbpr"])
def test_the_rows_of_the_parts_are_those_of_the_whole(name, data):
    whole, _ = model_and_part(name, data, 0, 1)
    parts = [model_and_part(name, data, rank, 3) for rank in range(3)]
    for key, value in whole.state_dict().items():
        held = [model.state_dict()[key] for model, _ in parts]
        if key in parts[0][1].names:
            assert torch.equal(torch.cat(held), value)
        else:
            assert all(torch.equal(own, value) for own in held)
    by_user = {key for key, value in whole.named_parameters() if len(value) == len(data.users)}
    assert by_user == {key for key in parts[0][1].names if key in dict(whole.named_parameters())}


def test_interactions_of_the_parts_are_those_of_the_whole(data):
    indptr, indices = data.train.csr()
    parts = [model_and_part("mf", data, rank, 3)[1].csr((indptr, indices)) for rank in range(3)]
    np.testing.assert_array_equal(np.concatenate([items for _, items in parts]), indices)
    degrees = np.concatenate([np.diff(starts) for starts, _ in parts])
    np.testing.assert_array_equal(degrees, np.diff(indptr))


@pytest.mark.parametrize("name", ["linear_mmgcn", "mmgcn", "mf"])
def test_a_batch_without_own_users_costs_nothing_and_teaches_nothing(name, data, monkeypatch):
    monkeypatch.setattr("torch.distributed.all_reduce", lambda _: None)
    model, part = model_and_part(name, data, 1, 2)
    others = torch.zeros(4, dtype=torch.int64)  # user 0 is of the first part
    paired = model.settings.loss == "bpr"
    negatives = others + 1 if paired else torch.arange(5, 9)
    watched = None if paired else torch.tensor([[0, 1]])
    loss = part.loss(model, Batch(others, others, negatives, watched), torch.device("cpu"))
    loss.backward()
    assert loss.item() == 0
    for parameter in model.parameters():
        assert parameter.grad is None or torch.equal(
            parameter.grad, torch.zeros_like(parameter.grad)
        )
