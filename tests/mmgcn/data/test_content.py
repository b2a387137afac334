"""Neighbours and duplicates by content."""

import numpy as np
import polars as pl
import pytest

from mmgcn.data import content, similar_pairs
from mmgcn.data.content import content_of


def test_items_of_the_same_direction_are_duplicates():
    matrix = np.array([[1.0, 0], [0, 3], [2, 0], [0, 1], [0, 2], [1, 1]])
    assert content_of(list("abcdef"), matrix).duplicates == [["b", "d", "e"], ["a", "c"]]


def test_neighbours_are_those_of_all_cosines():
    rng = np.random.default_rng(0)
    matrix = rng.normal(size=(40, 6))
    ids = pl.Series([f"i{n}" for n in range(40)])
    found = content_of(ids, matrix, num_examples=40, num_neighbours=3).neighbours
    unit = matrix / np.linalg.norm(matrix, axis=1, keepdims=True)
    cosine = unit @ unit.T
    np.fill_diagonal(cosine, -np.inf)
    for row in range(40):
        nearest = np.argsort(-cosine[row])[:3]
        assert [item for item, _ in found[f"i{row}"]] == [f"i{other}" for other in nearest]
        np.testing.assert_allclose(
            [c for _, c in found[f"i{row}"]], cosine[row, nearest], atol=1e-4
        )


def test_the_result_does_not_depend_on_the_blocks(monkeypatch):
    matrix = np.random.default_rng(0).integers(0, 3, (30, 2)).astype(np.float32)
    ids = [f"i{n}" for n in range(30)]
    whole = content_of(ids, matrix)
    monkeypatch.setattr(similar_pairs, "BLOCK_VALUES", 70)
    assert content_of(ids, matrix) == whole


def test_zero_vectors_have_no_neighbours():
    found = content_of(["a", "b", "c", "d"], np.array([[0.0], [0.0], [1.0], [-1.0]]))
    assert found.duplicates == []
    assert set(found.neighbours) == {"c", "d"}
    assert found.neighbours["c"] == [("d", -1.0)]


@pytest.mark.parametrize("count", [0, 1])
def test_a_catalogue_without_pairs_has_no_neighbours(count):
    found = content_of(["a"][:count], np.ones((count, 2)))
    assert found.duplicates == []
    assert not any(found.neighbours.values())


def test_a_sample_of_many_items_is_compared(monkeypatch):
    monkeypatch.setattr(content, "MAX_COMPARED", 10)
    matrix = np.random.default_rng(0).normal(size=(50, 3))
    assert content_of([str(n) for n in range(50)], matrix).num_compared == 10
