"""linear_mmgcn beside its equations, written out densely."""

import numpy as np
import pytest
import torch
from torch.nn import functional

from mmgcn.model import MODELS, standardised
from mmgcn.models.linear_mmgcn import GROUP, _largest, alike_graph
from tests.worlds import dataset


def build(data, **settings):
    kind = MODELS.get("linear_mmgcn")
    chosen = kind.Settings.read({"dim": 5, **settings})
    return kind(data, chosen, torch.Generator().manual_seed(0)).double()


def alike_of(features, k):
    """K by sorting every row."""
    matrix = functional.normalize(torch.cat(features, dim=1)).double()
    likeness = matrix @ matrix.T
    likeness.fill_diagonal_(-torch.inf)
    K = torch.zeros_like(likeness)
    for row in matrix.abs().sum(dim=1).nonzero().flatten():
        there = matrix.abs().sum(dim=1) > 0
        order = torch.argsort(likeness[row].masked_fill(~there, -torch.inf), descending=True)[:k]
        K[row, order] = likeness[row, order].clamp(min=0)
        K[row] /= K[row].sum().clamp(min=1e-12)
    return K


@pytest.mark.parametrize("missing", [0, 4])
def test_scores_are_the_mean_over_the_members_of_cosines(missing):
    data = dataset(missing=missing)
    model = build(data, num_members=2, num_alike=3, alike_weight=0.7, viewer_weight=1.5)
    model.num_begun.fill_(2)
    users, items = len(data.users), len(data.items)
    R = torch.zeros(users, items, dtype=torch.float64)
    R[data.train.user_index, data.train.item_index] = 1
    A = R / R.sum(dim=1, keepdim=True).clamp(min=1)
    B = R.T / R.sum(dim=0)[:, None].clamp(min=1)
    features = {
        name: functional.normalize(standardised(values, data.present[name])).double()
        for name, values in data.features.items()
    }
    K = alike_of(list(features.values()), 3)
    scores = torch.zeros(users, items, dtype=torch.float64)
    for member in model.members:
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


def test_a_member_that_has_not_begun_takes_no_part():
    data = dataset()
    model = build(data, num_members=3)
    alone = build(data, num_members=1)
    alone.members[0].load_state_dict(model.members[0].state_dict())
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
        model.members[0].item_id[7] += 100  # which nothing looks at
    before = build(data)()[1]
    torch.testing.assert_close(model()[1], before)


@pytest.mark.parametrize("missing", [0, 4])
def test_alike_items_are_those_of_a_full_sort(missing):
    data = dataset(missing=missing)
    features = [
        functional.normalize(standardised(values, data.present[name]))
        for name, values in data.features.items()
    ]
    graph = alike_graph(features, 4)
    dense = graph(torch.eye(len(data.items)))
    torch.testing.assert_close(dense.double(), alike_of(features, 4), rtol=1e-4, atol=1e-6)


@pytest.mark.parametrize("columns", [3, GROUP, 20 * GROUP, 20 * GROUP + 17])
def test_the_largest_are_those_of_topk(columns):
    rows = torch.randn(9, columns, generator=torch.Generator().manual_seed(columns))
    k = min(3, columns)
    best = rows.topk(k, dim=1)
    values, places = _largest(rows, k)
    assert torch.equal(values, best.values)
    assert torch.equal(places, best.indices)
