"""The products against a dense computation and against torch-geometric."""

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch_geometric.nn import MessagePassing

from mmgcn.graph import BipartiteGraph
from mmgcn.sparse import GraphError, SparseProduct, _csr_product

NUM_USERS, NUM_ITEMS, WIDTH = 7, 5, 3
EXACT = {"atol": 1e-12, "rtol": 0}


@pytest.fixture(scope="module")
def adjacency():
    rng = np.random.default_rng(0)
    A = rng.random((NUM_USERS, NUM_ITEMS)) < 0.45
    A[3] = False  # a user who watched nothing
    A[:, 2] = False  # an item that nobody watched
    return A


def graph_of(adjacency, normalise="mean", **options):
    users, items = adjacency.nonzero()
    options = {"dtype": torch.float64} | options
    return BipartiteGraph(
        users, items, num_users=NUM_USERS, num_items=NUM_ITEMS, normalise=normalise, **options
    )


def dense(adjacency, normalise):
    """The two matrices that a graph multiplies with. Degrees are row and column sums of A."""
    A = torch.tensor(adjacency, dtype=torch.float64)
    of_user, of_item = A.sum(1, keepdim=True), A.sum(0, keepdim=True)
    if normalise == "mean":
        return (A / of_user).nan_to_num(), (A / of_item).nan_to_num().T
    if normalise == "sym":
        both = (A / (of_user * of_item).sqrt()).nan_to_num()
        return both, both.T
    return A, A.T


def vectors(num, seed=0):
    generator = torch.Generator().manual_seed(seed)
    return torch.randn(num, WIDTH, dtype=torch.float64, generator=generator).requires_grad_()


class Passing(MessagePassing):
    def message(self, x_j):
        return x_j

    def forward(self, x, edge_index, size):
        return self.propagate(edge_index, x=x, size=size)


@pytest.mark.parametrize("normalise", ["mean", "sym", "sum"])
def test_products_and_their_gradients_are_those_of_dense_matrices(adjacency, normalise):
    graph, (to_users, to_items) = graph_of(adjacency, normalise), dense(adjacency, normalise)
    item, user = vectors(NUM_ITEMS), vectors(NUM_USERS)
    torch.testing.assert_close(graph.users_from_items(item), to_users @ item, **EXACT)
    torch.testing.assert_close(graph.items_from_users(user), to_items @ user, **EXACT)
    assert torch.autograd.gradcheck(graph.users_from_items, item)
    assert torch.autograd.gradcheck(graph.items_from_users, user)


@pytest.mark.parametrize("normalise", ["mean", "sym", "sum"])
def test_weights_replace_the_ones_of_the_matrix(adjacency, normalise):
    weighted = adjacency * np.random.default_rng(1).uniform(0.5, 2, adjacency.shape)
    graph = graph_of(adjacency, normalise, weight=weighted[adjacency.nonzero()])
    to_users, to_items = dense(weighted, normalise)
    item, user = vectors(NUM_ITEMS), vectors(NUM_USERS)
    torch.testing.assert_close(graph.users_from_items(item), to_users @ item, **EXACT)
    torch.testing.assert_close(graph.items_from_users(user), to_items @ user, **EXACT)
    assert torch.autograd.gradcheck(graph.items_from_users, user)


@pytest.mark.parametrize("aggregation", ["mean", "max"])
def test_aggregation_and_its_gradient_are_those_of_torch_geometric(adjacency, aggregation):
    graph, suffix = graph_of(adjacency), "" if aggregation == "mean" else "_max"
    users, items = (torch.tensor(side) for side in adjacency.nonzero())
    sides = {
        "users_from_items": (vectors(NUM_ITEMS), torch.stack([items, users]), NUM_USERS),
        "items_from_users": (vectors(NUM_USERS), torch.stack([users, items]), NUM_ITEMS),
    }
    for way, (x, edge_index, num_receivers) in sides.items():
        receiver = torch.zeros(num_receivers, WIDTH, dtype=torch.float64)
        passing = Passing(aggr=aggregation)
        expected = passing((x, receiver), edge_index, (len(x), num_receivers))
        ours = getattr(graph, way + suffix)(x)
        torch.testing.assert_close(ours, expected, **EXACT)
        upstream = vectors(num_receivers, seed=1).detach()
        torch.testing.assert_close(
            *(torch.autograd.grad(out, x, upstream)[0] for out in (ours, expected)), **EXACT
        )


def test_the_gradient_flows_to_the_maximum(adjacency):
    graph = graph_of(adjacency)
    assert torch.autograd.gradcheck(graph.users_from_items_max, vectors(NUM_ITEMS))
    assert torch.autograd.gradcheck(graph.items_from_users_max, vectors(NUM_USERS))


def test_of_equal_maxima_the_first_gets_the_gradient_and_minus_infinity_is_ignored():
    graph = BipartiteGraph([0, 0, 0, 1], [2, 1, 0, 0], num_users=2, num_items=3)
    x = torch.tensor([[-torch.inf, 1.0], [5.0, 1.0], [5.0, 0.0]], requires_grad=True)
    largest = graph.users_from_items_max(x)
    assert largest.tolist() == [[5, 1], [0, 1]]
    largest.sum().backward()
    assert x.grad.tolist() == [[0, 2], [1, 0], [0, 0]]


rows_of_users = st.lists(st.integers(0, NUM_USERS - 1), min_size=1, max_size=9)


@settings(max_examples=25)
@given(rows_of_users, st.sampled_from(["mean", "sym", "sum"]), st.booleans())
def test_some_rows_are_those_of_all(adjacency, rows, normalise, maximum):
    graph, rows = graph_of(adjacency, normalise), torch.tensor(rows)
    product = graph.users_from_items_max if maximum else graph.users_from_items
    item, upstream = vectors(NUM_ITEMS), vectors(len(rows), seed=1).detach()
    some, all_of_them = product(item, rows=rows), product(item)[rows]
    assert torch.equal(some, all_of_them)
    torch.testing.assert_close(
        *(torch.autograd.grad(out, item, upstream)[0] for out in (some, all_of_them)), **EXACT
    )


def test_some_items_are_those_of_all(adjacency):
    graph, rows, user = graph_of(adjacency), torch.tensor([4, 2, 4]), vectors(NUM_USERS)
    for product in (graph.items_from_users, graph.items_from_users_max):
        assert torch.equal(product(user, rows=rows), product(user)[rows])


@settings(max_examples=25)
@given(st.permutations(range(12)))
def test_the_result_has_the_same_bits_for_any_order_of_the_interactions(order):
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


@pytest.mark.parametrize("normalise", ["mean", "sym", "sum"])
def test_a_masked_graph_lacks_edges_and_keeps_the_weights_of_the_others(adjacency, normalise):
    users, items = adjacency.nonzero()
    keep = torch.arange(len(users)) % 3 != 0
    thin = graph_of(adjacency, normalise).masked(keep)
    gone = torch.zeros(adjacency.shape, dtype=torch.float64)
    gone[users, items] = (~keep).double()
    to_users, to_items = dense(adjacency, normalise)
    item, user = vectors(NUM_ITEMS), vectors(NUM_USERS)
    from_items, from_users = thin.users_from_items(item), thin.items_from_users(user)
    torch.testing.assert_close(from_items, (to_users * (1 - gone)) @ item, **EXACT)
    torch.testing.assert_close(from_users, (to_items * (1 - gone.T)) @ user, **EXACT)
    (gradient,) = torch.autograd.grad(from_items.square().sum(), item)
    torch.testing.assert_close(
        gradient, 2 * (to_users * (1 - gone)).T @ from_items.detach(), **EXACT
    )


def test_nodes_without_neighbours_are_zero_and_have_no_gradient(adjacency):
    graph = graph_of(adjacency)
    for product in (graph.users_from_items, graph.users_from_items_max):
        item = torch.ones(NUM_ITEMS, WIDTH, dtype=torch.float64, requires_grad=True)
        user = product(item)
        user.sum().backward()
        assert (user[3] == 0).all()
        assert (item.grad[2] == 0).all()


def test_a_graph_without_edges_returns_zeros():
    nothing = np.zeros(0, dtype=np.int64)
    graph = BipartiteGraph(nothing, nothing, num_users=2, num_items=3)
    item = torch.ones(3, 4, requires_grad=True)
    for product in (graph.users_from_items, graph.users_from_items_max):
        user = product(item)
        assert torch.equal(user, torch.zeros(2, 4))
        (gradient,) = torch.autograd.grad(user.sum(), item)
        assert torch.equal(gradient, torch.zeros(3, 4))


def test_the_product_of_a_gpu_is_that_of_a_cpu(adjacency):
    matrix, x = graph_of(adjacency).to_users.matrix, vectors(NUM_ITEMS).detach()
    other = _csr_product(matrix.start, matrix.column, matrix.weight, x)
    torch.testing.assert_close(matrix.multiply(x), other, **EXACT)


@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
def test_vectors_keep_their_dtype_and_may_be_non_contiguous(adjacency, dtype):
    graph, wide = graph_of(adjacency, dtype=torch.float32), torch.randn(8, NUM_ITEMS, dtype=dtype)
    product = graph.users_from_items(wide.T)
    assert product.dtype == dtype
    assert torch.equal(product, graph.users_from_items(wide.T.contiguous()))
    assert torch.equal(
        graph.users_from_items_max(wide.T), graph.users_from_items_max(wide.T.contiguous())
    )


def test_both_directions_share_their_memory_on_every_device():
    ones = torch.ones(1)
    product = SparseProduct.of(torch.tensor([0]), torch.tensor([1]), ones, (1, 2))
    back = product.reversed()
    torch.nn.ModuleList([product, back]).double()
    assert back.matrix.weight.data_ptr() == product.transpose.weight.data_ptr()
    assert back.matrix.weight.dtype == torch.float64
    assert product.matrix.column.dtype == torch.int32
    assert not torch.nn.ModuleList(
        [product]
    ).state_dict()  # it is created again from the interactions


@pytest.mark.parametrize(
    ("users", "items", "weight", "message"),
    [
        ([0, 2], [0, 0], None, "user_index ranges from 0 to 2; there are 2 users"),
        ([0, 1], [-1, 0], None, "item_index ranges from -1 to 0; there are 3 items"),
        ([0, 1], [0, 0], [1.0, 0.0], "must be positive and finite"),
        ([0, 1], [0, 0], [1.0, float("nan")], "must be positive and finite"),
    ],
)
def test_edges_outside_the_graph_are_refused(users, items, weight, message):
    with pytest.raises(GraphError, match=message):
        BipartiteGraph(users, items, num_users=2, num_items=3, weight=weight)


def test_vectors_of_another_number_of_nodes_are_refused(adjacency):
    graph = graph_of(adjacency)
    for product in (graph.users_from_items, graph.users_from_items_max):
        with pytest.raises(GraphError, match=r"x is \(7, 3\); it must be \(5, d\)"):
            product(vectors(NUM_USERS))
