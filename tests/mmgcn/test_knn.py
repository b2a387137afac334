"""The kNN graph against sorting every row."""

import pytest
import torch
from torch.nn import functional

from mmgcn.knn import GROUP, knn_graph, nearest_items, top_k
from mmgcn.parameters import standardised
from tests.dense_knn import dense_knn
from tests.worlds import dataset


@pytest.mark.parametrize("missing", [0, 4])
def test_neighbours_are_those_of_a_full_sort(missing):
    data = dataset(missing=missing)
    features = [
        functional.normalize(standardised(values, data.present[name]))
        for name, values in data.features.items()
    ]
    graph = knn_graph(features, 4)
    dense = graph(torch.eye(len(data.items)))
    torch.testing.assert_close(dense.double(), dense_knn(features, 4), rtol=1e-4, atol=1e-6)


@pytest.mark.parametrize("columns", [3, GROUP, 20 * GROUP, 20 * GROUP + 17])
def test_the_largest_are_those_of_topk(columns):
    rows = torch.randn(9, columns, generator=torch.Generator().manual_seed(columns))
    k = min(3, columns)
    best = rows.topk(k, dim=1)
    values, columns_of = top_k(rows, k)
    assert torch.equal(values, best.values)
    assert torch.equal(columns_of, best.indices)


def test_neighbours_follow_rows_that_are_changed_in_place():
    rows = functional.normalize(torch.randn(20, 3, generator=torch.Generator()))
    before = nearest_items(rows, 2)
    assert all(torch.equal(a, b) for a, b in zip(before, nearest_items(rows, 2), strict=True))
    rows[0] = -rows[0]
    column, cosine = nearest_items(rows, 2)
    own = rows @ rows[0]
    own[0] = -torch.inf
    assert column[0].tolist() == own.topk(2).indices.tolist()
    torch.testing.assert_close(cosine[0], own.topk(2).values.clamp(min=0))
    assert len(nearest_items(rows, 3)[0][0]) == 3
