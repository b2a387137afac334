"""linear_mmgcn beside its equations, written out densely."""

import numpy as np
import pytest
import torch
from torch.nn import functional

from mmgcn.models.linear_mmgcn import LinearMMGCN
from mmgcn.parameters import standardised
from tests.dense_knn import dense_knn
from tests.worlds import dataset


def build(data, **settings):
    return LinearMMGCN.build(data, {"dim": 5, **settings}).double()


@pytest.mark.parametrize("missing", [0, 4])
def test_scores_are_the_mean_over_the_ensemble_of_cosines(missing):
    data = dataset(missing=missing)
    model = build(
        data, ensemble_size=2, num_item_neighbours=3, item_neighbour_weight=0.7, viewer_weight=1.5
    )
    model.num_started.fill_(2)
    users, items = len(data.users), len(data.items)
    R = torch.zeros(users, items, dtype=torch.float64)
    R[data.train.user_index, data.train.item_index] = 1
    A = R / R.sum(dim=1, keepdim=True).clamp(min=1)
    B = R.T / R.sum(dim=0)[:, None].clamp(min=1)
    features = {
        name: functional.normalize(standardised(values, data.present[name])).double()
        for name, values in data.features.items()
    }
    K = dense_knn(list(features.values()), 3)
    scores = torch.zeros(users, items, dtype=torch.float64)
    for member in model.ensemble:
        x = member.item_id * (R.sum(dim=0) > 0)[:, None]
        x = x + sum(rows @ member.weight[name] for name, rows in features.items())
        y = x + 0.7 * K @ x
        u = A @ y
        i = y + 1.5 * B @ u
        scores += functional.normalize(u) @ functional.normalize(i).T / 2
    user, item = model()
    torch.testing.assert_close(user @ item.T, scores, rtol=1e-6, atol=1e-6)
    parts = model.item_parts()
    assert set(parts) == {"id", "visual", "acoustic"}
    torch.testing.assert_close(sum(parts.values()), item)


def test_the_sum_of_the_channels_is_one_product():
    model = build(dataset(missing=4), ensemble_size=1)
    (member,) = model.ensemble
    channels = torch.stack(list(model._channels(member).values())).sum(dim=0)
    torch.testing.assert_close(model._sum_of_channels(member), channels)


def test_an_ensemble_member_that_has_not_started_is_left_out():
    data = dataset()
    model = build(data, ensemble_size=3)
    alone = build(data, ensemble_size=1)
    alone.ensemble[0].load_state_dict(model.ensemble[0].state_dict())
    user, item = model()
    theirs, own = alone()
    torch.testing.assert_close(user @ item.T, theirs @ own.T)


def test_an_item_that_nobody_watched_is_known_by_its_content_alone():
    data = dataset()
    model = build(data)
    data.train.item_index[:] = np.where(data.train.item_index == 7, 8, data.train.item_index)
    model = build(data)
    assert model.item_parts()["id"][7].abs().sum() < model.item_parts()["id"][8].abs().sum()
    with torch.no_grad():
        model.ensemble[0].item_id[7] += 100  # which nothing looks at
    before = build(data)()[1]
    torch.testing.assert_close(model()[1], before)
