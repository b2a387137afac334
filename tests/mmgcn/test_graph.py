"""The products against a dense computation and against torch-geometric."""

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch_geometric.nn import MessagePassing

from mmgcn.graph import BipartiteGraph

NUM_USERS, NUM_ITEMS, WIDTH = 7, 5, 3


@pytest.fixture(scope="module")
def adjacency():
    rng = np.random.default_rng(0)
    A = rng.random((NUM_USERS, NUM_ITEMS)) < 0.45
    A[3] = False  # a user who watched nothing
    A[:, 2] = False  # an item that nobody watched
    return A


def graph_of(adjacency, normalise):
    users, items = adjacency.nonzero()
    graph = BipartiteGraph(
        users, items, num_users=NUM_USERS, num_items=NUM_ITEMS, normalise=normalise
    )
    return graph.double()


def dense(adjacency, normalise):
    A = torch.tensor(adjacency, dtype=torch.float64)
    of_user, of_item = A.sum(1, keepdim=True).clamp(min=1), A.sum(0, keepdim=True).clamp(min=1)
    if normalise == "mean":
        return A / of_user, (A / of_item).T
    if normalise == "sym":
        return A / (of_user * of_item).sqrt(), (A / (of_user * of_item).sqrt()).T
    return A, A.T


@pytest.mark.parametrize("normalise", ["mean", "sym", "sum"])
def test_products_and_their_gradients_are_those_of_dense_matrices(adjacency, normalise):
    graph, (to_users, to_items) = graph_of(adjacency, normalise), dense(adjacency, normalise)
    item = torch.randn(NUM_ITEMS, WIDTH, dtype=torch.float64, requires_grad=True)
    user = torch.randn(NUM_USERS, WIDTH, dtype=torch.float64, requires_grad=True)
    torch.testing.assert_close(graph.users_from_items(item), to_users @ item, atol=1e-6, rtol=0)
    torch.testing.assert_close(graph.items_from_users(user), to_items @ user, atol=1e-6, rtol=0)
    assert torch.autograd.gradcheck(graph.users_from_items, item)
    assert torch.autograd.gradcheck(graph.items_from_users, user)


@pytest.mark.parametrize("aggregation", ["mean", "max"])
def test_aggregation_is_that_of_torch_geometric(adjacency, aggregation):
    class Passing(MessagePassing):
        def __init__(self):
            super().__init__(aggr=aggregation)

        def forward(self, x, edge_index, size):
            return self.propagate(edge_index, x=x, size=size)

        def message(self, x_j):
            return x_j

    users, items = (torch.tensor(side) for side in adjacency.nonzero())
    item = torch.randn(NUM_ITEMS, WIDTH, dtype=torch.float64)
    expected = Passing()(
        (item, torch.zeros(NUM_USERS, WIDTH, dtype=torch.float64)),
        torch.stack([items, users]),
        (NUM_ITEMS, NUM_USERS),
    )
    graph = graph_of(adjacency, "mean")
    ours = graph.users_from_items if aggregation == "mean" else graph.users_from_items_max
    torch.testing.assert_close(ours(item), expected, atol=1e-6, rtol=0)


def test_the_gradient_of_the_maximum_goes_to_the_largest(adjacency):
    graph = graph_of(adjacency, "mean")
    item = torch.randn(NUM_ITEMS, WIDTH, dtype=torch.float64, requires_grad=True)
    assert torch.autograd.gradcheck(graph.users_from_items_max, item)
    user = torch.randn(NUM_USERS, WIDTH, dtype=torch.float64, requires_grad=True)
    assert torch.autograd.gradcheck(graph.items_from_users_max, user)


@settings(max_examples=25, deadline=None)
@given(st.permutations(range(12)))
def test_the_order_of_the_interactions_changes_no_bit(order):
    rng = np.random.default_rng(1)
    pairs = np.array([divmod(int(p), NUM_ITEMS) for p in rng.permutation(35)[:12]])
    x = torch.from_numpy(rng.standard_normal((NUM_ITEMS, WIDTH))).float()
    results = []
    for rows in (pairs, pairs[list(order)]):
        graph = BipartiteGraph(
            rows[:, 0], rows[:, 1], num_users=NUM_USERS, num_items=NUM_ITEMS, normalise="sym"
        )
        results.append(graph.users_from_items(x))
    assert torch.equal(*results)


def test_nodes_without_neighbours_get_zeros(adjacency):
    graph = graph_of(adjacency, "mean")
    item = torch.ones(NUM_ITEMS, WIDTH, dtype=torch.float64)
    assert (graph.users_from_items(item)[3] == 0).all()
    assert (graph.users_from_items_max(item)[3] == 0).all()
