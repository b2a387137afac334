"""MMGCN: rows of a batch, missing modalities, and the published code."""

import numpy as np
import pytest
import torch
from torch.nn import functional

from mmgcn.config import SettingError
from mmgcn.model import MODELS
from mmgcn.neighbourhood import Neighbourhood
from mmgcn.sampling import Sampler
from tests.worlds import dataset

VARIANTS = [
    {},
    {"num_layers": 1},
    {"num_layers": 3},
    {"aggregation": "max"},
    {"combination": "co"},
    {"item_output": "aggregation"},
    {"aggregation": "max", "combination": "co", "item_output": "aggregation"},
]


def build(name, data, **settings):
    model = MODELS.get(name).build(data, {"dim": 6, **settings})
    generator = model.generator
    for (
        parameter
    ) in model.parameters():  # not the identities and small tables of the initialisation
        torch.nn.init.normal_(parameter, generator=generator)
    return model


@pytest.fixture(scope="module")
def data():
    return dataset()


@pytest.mark.parametrize("settings", VARIANTS, ids=str)
@pytest.mark.parametrize("missing", [0, 6])
def test_the_rows_of_a_batch_are_those_of_the_full_forward_pass(settings, missing):
    """So are their gradients, although the last layer is computed only for those rows."""
    model = build("mmgcn", dataset(missing=missing), **settings).double()
    users = torch.tensor([3, 0, 3, 40, 7])
    items = torch.tensor([5, 5, 39, 0, 1, 2])
    weight_user, weight_item = torch.randn(5, 6), torch.randn(6, 6)
    results = []
    for user, item in (model.rows(users, items), (model()[0][users], model()[1][items])):
        value = (user * weight_user).sum() + (item * weight_item).sum()
        results.append([user, item, *torch.autograd.grad(value, list(model.parameters()))])
    for some, all_of_them in zip(*results, strict=True):
        torch.testing.assert_close(some, all_of_them)


@pytest.mark.parametrize("aggregation", ["mean", "max"])
def test_an_item_without_a_modality_is_not_aggregated_in_it(aggregation):
    """Other users and items do not depend on the values of an absent feature."""
    part = dataset(missing=6)
    absent = np.flatnonzero(~part.present["visual"])
    results = []
    for value in (0.0, 5.0):
        changed = dataset(missing=6)
        model = build("mmgcn", changed, aggregation=aggregation, num_layers=1)
        model.branches["visual"].get_buffer("features")[absent] = value
        results.append(model())
    torch.testing.assert_close(results[0][0], results[1][0])
    torch.testing.assert_close(results[0][1], results[1][1])


def test_a_missing_modality_is_left_out_of_the_sum_of_an_item():
    part = dataset(missing=6)
    parts = build("mmgcn", part).item_parts()
    for name, present in part.present.items():
        assert (parts[name][~torch.from_numpy(present)] == 0).all()
        assert (parts[name][torch.from_numpy(present)] != 0).any(dim=1).all()


def test_an_item_without_any_modality_is_known_by_its_id_and_its_viewers():
    part = dataset()
    for name in part.features:
        part.present[name][4] = False
        part.features[name][4] = 0
    model = build("mmgcn", part)
    item = model()[1]
    assert (item[4] != 0).any()
    assert torch.isfinite(item).all()


def test_the_maximum_of_identities_is_the_largest_neighbour(data):
    model = build("mmgcn", data, aggregation="max", num_layers=1, item_output="aggregation")
    (layer,) = model.branches["visual"].layers
    with torch.no_grad():
        for name in ("w1", "w2", "w3"):
            getattr(layer, name).copy_(torch.eye(6))
    ids = (model.user_id, model.item_id)
    aggregated = model.branches["visual"](ids, Neighbourhood(model.graph))[1]
    train, preference = data.train, model.branches["visual"].preference
    viewers = train.user_index[train.item_index == 11]
    largest = preference[torch.from_numpy(viewers).long()].max(dim=0).values
    torch.testing.assert_close(aggregated[11], functional.leaky_relu(largest, model.config.slope))


def test_it_needs_a_layer_and_a_slope(data):
    with pytest.raises(SettingError, match="num_layers is 0; it must be at least 1"):
        build("mmgcn", data, num_layers=0)
    with pytest.raises(SettingError, match=r"slope is 0; it must be positive"):
        build("mmgcn", data, slope=0)


def test_the_published_code_is_its_equations(data):
    """A dense computation, written from what the published code does."""
    model = build("mmgcn_official", data).double()
    users, items = len(data.users), len(data.items)
    A = torch.zeros(users + items, users + items, dtype=torch.float64)
    A[data.train.user_index, users + data.train.item_index] = 1
    A = A + A.T
    mean = A / A.sum(dim=1, keepdim=True).clamp(min=1)
    identity = torch.cat([model.user_id, model.item_id])
    total = 0
    for name, branch in model.branches.items():
        features = torch.from_numpy(data.features[name]).double()
        if name == "visual":
            assert branch.project.weight.shape == (4, 256)
            features = features @ branch.project.weight + branch.project.bias
        x = functional.normalize(torch.cat([branch.preference, features]))
        assert len(branch.layers) == 3
        for layer in branch.layers:
            h = functional.leaky_relu(mean @ (x @ layer.w1))
            x_hat = functional.leaky_relu(x @ layer.w2.weight + layer.w2.bias) + identity
            x = functional.leaky_relu(
                torch.cat([h, x_hat], dim=1) @ layer.w3.weight + layer.w3.bias
            )
        total = total + x / len(model.branches)
    user, item = model()
    torch.testing.assert_close(user, total[:users], atol=1e-5, rtol=1e-5)
    torch.testing.assert_close(item, total[users:], atol=1e-5, rtol=1e-5)


def test_the_published_code_never_trains_preferences_and_ids(data):
    model = build("mmgcn_official", data)
    frozen = ("user_id", "item_id", "branches.visual.preference", "branches.acoustic.preference")
    before = {name: model.get_buffer(name).clone() for name in frozen}
    optimiser = torch.optim.Adam(model.parameters(), lr=0.1)
    sampler = Sampler(
        data.train.user_index,
        data.train.item_index,
        num_items=len(data.items),
        generator=torch.Generator().manual_seed(0),
    )
    model.loss(model.draw(sampler)).backward()
    optimiser.step()
    assert not {name for name, _ in model.named_parameters()} & set(frozen)
    for name, tensor in before.items():
        assert torch.equal(model.get_buffer(name), tensor)
