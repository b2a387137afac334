"""Partition: ranges of users, and parts of a graph that add up to it."""

import itertools

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from mmgcn.distributed.partition import PartialGraph, PartitionError, user_bounds
from mmgcn.graph import BipartiteGraph
from mmgcn.sampling import Batch

degrees = st.lists(st.integers(0, 50), min_size=1, max_size=30)


@given(degrees, st.integers(1, 6))
def test_every_part_has_a_user(degree, num_parts):
    if len(degree) < num_parts:
        with pytest.raises(PartitionError, match="cannot be divided among"):
            user_bounds(torch.tensor(degree), num_parts)
        return
    bounds = user_bounds(torch.tensor(degree), num_parts)
    assert (bounds[0], bounds[-1], len(bounds)) == (0, len(degree), num_parts + 1)
    assert all(start < stop for start, stop in itertools.pairwise(bounds))


def test_users_of_equal_degree_are_divided_evenly():
    assert user_bounds(torch.full((12,), 3), 3) == [0, 4, 8, 12]


@pytest.fixture(params=["mean", "sym", "sum"])
def graph(request):
    rng = np.random.default_rng(0)
    pairs = np.unique(rng.integers(0, [9, 7], size=(30, 2)), axis=0)
    return BipartiteGraph(
        pairs[:, 0], pairs[:, 1], num_users=9, num_items=7, normalise=request.param
    )


BOUNDS = (0, 2, 3, 9)
PARTS = list(itertools.pairwise(BOUNDS))


def test_users_aggregate_in_a_part_as_in_the_full_graph(graph):
    x = torch.randn(7, 4)
    parts = [PartialGraph(graph, *part).users_from_items(x) for part in PARTS]
    assert torch.equal(torch.cat(parts), graph.users_from_items(x))


def test_aggregations_of_items_over_the_parts_add_up(graph, monkeypatch):
    monkeypatch.setattr("torch.distributed.all_reduce", lambda _: None)
    x = torch.randn(9, 4)
    parts = [PartialGraph(graph, a, b).items_from_users(x[a:b]) for a, b in PARTS]
    torch.testing.assert_close(sum(parts), graph.items_from_users(x))


def test_parts_draw_the_numbers_of_the_full_graph_for_their_edges(graph):
    drawn = graph.draw(torch.Generator().manual_seed(1))
    parts = [PartialGraph(graph, *part) for part in PARTS]
    own = [part.draw(torch.Generator().manual_seed(1)) for part in parts]
    assert torch.equal(torch.cat(own), drawn)
    matrix = graph.to_users.matrix
    user = torch.repeat_interleave(matrix.start.diff().long())
    assert torch.equal(
        graph.edge_positions(user, matrix.column.long()), torch.arange(graph.num_edges)
    )
    for (start, stop), part in zip(PARTS, parts, strict=True):
        mine = (user >= start) & (user < stop)
        positions = part.edge_positions(user[mine] - start, matrix.column[mine].long())
        assert torch.equal(positions, torch.arange(part.num_edges))


def test_a_masked_part_is_the_part_of_the_masked_graph(graph):
    keep = torch.rand(graph.num_edges, generator=torch.Generator().manual_seed(2)) < 0.5
    x, masked = torch.randn(7, 4), graph.masked(keep)
    for start, stop in PARTS:
        part = PartialGraph(graph, start, stop)
        own = part.masked(keep[part.first_edge : part.first_edge + part.num_edges])
        assert isinstance(own, PartialGraph)
        expected = masked.users_from_items(x)[start:stop]
        assert torch.equal(own.users_from_items(x), expected)


def test_some_of_the_items_alone_are_refused(graph):
    part = PartialGraph(graph, 0, 2)
    for product in (part.items_from_users, part.items_from_users_max):
        with pytest.raises(PartitionError, match="aggregates users for all items only"):
            product(torch.zeros(2, 3), rows=torch.tensor([0]))


@pytest.mark.parametrize("watched", [None, torch.tensor([[0, 1], [2, 0], [3, 1]])])
def test_part_of_a_batch_keeps_its_rows_together(watched):
    batch = Batch(torch.arange(4), torch.arange(4) + 10, torch.arange(4) + 20, watched)
    own = batch.select(torch.tensor([False, True, True, True]))
    assert own.user_index.tolist() == [1, 2, 3]
    assert own.item_index.tolist() == [11, 12, 13]
    if watched is None:
        assert own.negative_index.tolist() == [21, 22, 23]
        assert own.watched is None
    else:
        assert own.negative_index.tolist() == [20, 21, 22, 23]
        assert own.watched.tolist() == [[1, 0], [2, 1]]
