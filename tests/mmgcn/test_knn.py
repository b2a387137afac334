"""The kNN graph against sorting every row."""

import pytest
import torch
from torch.nn import functional

from mmgcn import knn
from mmgcn.knn import GROUP, knn_graph, top_k
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


def test_features_that_change_give_another_graph():
    rows = functional.normalize(torch.randn(20, 3, generator=torch.Generator()))
    before, again = knn_graph([rows], 2), knn_graph([rows], 2)
    assert torch.equal(before.matrix.column, again.matrix.column)
    rows[0] = -rows[0]
    after = knn_graph([rows], 2).matrix
    cosine = rows @ rows[0]
    cosine[0] = -torch.inf
    assert after.column[:2].tolist() == sorted(cosine.topk(2).indices.tolist())
    assert len(knn_graph([rows], 3).matrix.column) == 60


def test_a_large_catalogue_is_searched_by_faiss_and_nearly_all_neighbours_are_found(monkeypatch):
    pytest.importorskip("faiss")
    generator = torch.Generator().manual_seed(0)
    centres = torch.randn(20, 16, generator=generator)
    rows = functional.normalize(
        centres.repeat(50, 1) + 0.5 * torch.randn(1000, 16, generator=generator)
    )
    rows[[3, 500]] = 0  # items without features
    exact = knn_graph([rows], 5).matrix
    monkeypatch.setattr(knn, "MAX_EXACT_ITEMS", 100)
    monkeypatch.setattr(knn, "NUM_PROBES", 8)
    monkeypatch.setattr(knn, "_latest", {})
    searched = knn_graph([rows], 5).matrix
    assert not knn.is_exact(1000)
    assert torch.equal(searched.start, exact.start)
    assert len(set(searched.keys().tolist()) & set(exact.keys().tolist())) > 0.95 * len(
        exact.keys()
    )
    assert not set(searched.column.tolist()) & {3, 500}
    monkeypatch.setattr(knn, "can_search", lambda: False)
    monkeypatch.setattr(knn, "_latest", {})
    assert torch.equal(knn_graph([rows], 5).matrix.column, exact.column)
