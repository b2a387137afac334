"""Neighbourhoods of a batch, full and sampled."""

import numpy as np
import pytest
import torch

from mmgcn.graph import BipartiteGraph
from mmgcn.model import MODELS
from mmgcn.neighbourhood import NeighbourSampler
from mmgcn.sampling import Sampler
from tests import worlds

NUM_USERS, NUM_ITEMS, MANY = 30, 40, 1000


def generator(seed=0):
    return torch.Generator().manual_seed(seed)


@pytest.fixture(scope="module")
def edges():
    rng = np.random.default_rng(0)
    users, items = np.nonzero(rng.random((NUM_USERS, NUM_ITEMS)) < 0.25)
    heavy = np.arange(NUM_ITEMS)  # user 0 has watched everything
    users, items = np.append(users, np.zeros_like(heavy)), np.append(items, heavy)
    return np.unique(np.stack([users, items], axis=1), axis=0)


def graph_of(edges, normalise="mean"):
    return BipartiteGraph(
        *edges.T,
        num_users=NUM_USERS,
        num_items=NUM_ITEMS,
        normalise=normalise,
        dtype=torch.float64,
    )


def propagate(subgraph, user, item, layers):
    """Some layers of a non-linear function."""
    user, item = subgraph.of_users(user), subgraph.of_items(item)
    for _ in range(layers):
        user, item = (
            torch.tanh(user + subgraph.graph.users_from_items(item)),
            torch.tanh(item + subgraph.graph.items_from_users(user)),
        )
    return subgraph.batch_rows(user, item)


@pytest.mark.parametrize("normalise", ["mean", "sym", "sum"])
@pytest.mark.parametrize("layers", [1, 2, 3])
def test_sampling_all_neighbours_is_the_full_graph(edges, normalise, layers):
    graph = graph_of(edges, normalise)
    tables = [
        torch.randn(count, 3, dtype=torch.float64, generator=generator(7), requires_grad=True)
        for count in (NUM_USERS, NUM_ITEMS)
    ]
    batch = torch.tensor([3, 0, 3]), torch.tensor([39, 5])
    results = []
    for num_neighbours in (None, MANY):
        sampler = NeighbourSampler(graph, num_neighbours, generator())
        subgraph = sampler.sample(*batch, user_hops=layers, item_hops=layers)
        user, item = propagate(subgraph, *tables, layers)
        grads = torch.autograd.grad(user.square().sum() + item.sum(), tables)
        results.append((user, item, *grads))
    for full, sampled in zip(*results, strict=True):
        torch.testing.assert_close(sampled, full)


def test_each_side_aggregates_over_its_number_of_hops(edges):
    graph = graph_of(edges)
    sampler = NeighbourSampler(graph, MANY, generator())
    subgraph = sampler.sample(torch.tensor([3]), torch.tensor([5]), user_hops=0, item_hops=1)
    viewers = edges[edges[:, 1] == 5, 0].tolist()
    assert sorted(subgraph.users.tolist()) == sorted({3, *viewers})
    assert subgraph.items.tolist() == [5]
    assert subgraph.graph.to_users.matrix.column.numel() == 0


def test_a_node_aggregates_that_number_of_distinct_neighbours(edges):
    graph = graph_of(edges)
    subgraph = NeighbourSampler(graph, 4, generator()).sample(
        torch.arange(NUM_USERS), torch.tensor([0]), user_hops=1, item_hops=0
    )
    watched = {(int(u), int(i)) for u, i in edges}
    matrix = subgraph.graph.to_users.matrix
    rows = torch.repeat_interleave(matrix.start.diff().long())
    items = subgraph.items[matrix.column.long()]
    aggregated = list(zip(subgraph.users[rows].tolist(), items.tolist(), strict=True))
    assert len(set(aggregated)) == len(aggregated)
    assert set(aggregated) <= watched
    for user in range(NUM_USERS):
        degree = sum(u == user for u, _ in watched)
        assert sum(u == user for u, _ in aggregated) == min(4, degree)


def test_the_sampled_aggregation_is_unbiased(edges):
    graph = graph_of(edges)
    item = torch.randn(NUM_ITEMS, 2, dtype=torch.float64, generator=generator(3))
    expected = graph.users_from_items(item)[0]
    draws = generator()
    users = torch.zeros(2000, dtype=torch.int64)
    means = []
    for _ in range(2000):
        subgraph = NeighbourSampler(graph, 5, draws).sample(
            users[:1], users[:1], user_hops=1, item_hops=0
        )
        user = subgraph.graph.users_from_items(subgraph.of_items(item))
        means.append(subgraph.batch_rows(user, item)[0][0])
    aggregated = torch.stack(means)
    assert aggregated.std(dim=0).min() > 0.01
    error = aggregated.std(dim=0) / len(aggregated) ** 0.5
    assert ((aggregated.mean(dim=0) - expected).abs() < 5 * error).all()


@pytest.mark.parametrize("num_neighbours", [None, MANY])
def test_edges_are_removed_and_the_others_keep_their_weights(edges, num_neighbours):
    graph = graph_of(edges)
    user, item = (3, 5) if [3, 5] in edges.tolist() else tuple(edges[edges[:, 0] == 3][0].tolist())
    sampler = NeighbourSampler(graph, num_neighbours, generator())
    subgraph = sampler.sample(
        torch.tensor([user]), torch.tensor([item]), user_hops=1, item_hops=1, leave_out=1
    )
    ones = torch.ones(NUM_ITEMS, 1, dtype=torch.float64)
    sums = subgraph.graph.users_from_items(subgraph.of_items(ones))
    aggregated = subgraph.batch_rows(sums, ones)[0]
    degree = int((edges[:, 0] == user).sum())
    assert float(aggregated) == pytest.approx(1 - 1 / degree)


@pytest.mark.parametrize("name", ["linear_mmgcn", "mmgcn", "lightgcn"])
@pytest.mark.parametrize("missing", [0, 6])
def test_a_model_that_samples_all_neighbours_is_the_model_on_the_full_graph(name, missing):
    data = worlds.dataset(missing=missing)
    without_dropout = {"leave_out": 0, "edge_dropout": 0} if name == "linear_mmgcn" else {}
    results = []
    for propagation in ("full_graph", "sampled"):
        settings = {"dim": 8, "propagation": propagation, "num_neighbours": MANY}
        model = MODELS.get(name).build(data, settings | without_dropout).double()
        batch = Sampler.of(data.train, generator(1)).shared(16, 8)
        loss = model.loss(batch)
        loss.backward()
        grads = {n: p.grad for n, p in model.named_parameters() if p.grad is not None}
        results.append((loss.detach(), grads))
    (full, grads), (sampled, sampled_grads) = results
    torch.testing.assert_close(sampled, full)
    assert grads.keys() == sampled_grads.keys()
    for parameter, grad in grads.items():
        torch.testing.assert_close(sampled_grads[parameter], grad, msg=parameter)


def test_a_model_is_trained_with_sampled_neighbours():
    data = worlds.dataset()
    settings = {"dim": 8, "propagation": "sampled", "num_neighbours": 2}
    model = MODELS.get("linear_mmgcn").build(data, settings)
    assert model.neighbours.num_neighbours == 2
    sampler = Sampler.of(data.train, generator(1))
    optimiser = torch.optim.Adam(model.parameters(), lr=0.01)
    losses = []
    for _ in range(30):
        loss = model.loss(sampler.shared(64, 16))
        optimiser.zero_grad()
        loss.backward()
        optimiser.step()
        losses.append(float(loss.detach()))
    assert np.mean(losses[-5:]) < np.mean(losses[:5]) - 0.1
