"""The kNN graph against sorting every row."""

import pytest
import torch
from torch.nn import functional

from mmgcn.knn import GROUP, knn_graph, top_k
from mmgcn.parameters import standardised
from tests.worlds import dataset


def dense_knn(features, k):
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
