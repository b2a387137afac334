"""Models to compare with: each is its equations, computed densely."""

import sys

import numpy as np
import pytest
import torch
from torch.nn import functional

from mmgcn.config import SettingError
from mmgcn.data.dataset import Dataset
from mmgcn.item_item_model import ItemItemModel
from mmgcn.knn import nearest_items, symmetric_knn_graph
from mmgcn.losses import first_rows, info_nce
from mmgcn.model import MODELS
from mmgcn.models.freedom import PrunedGraph
from mmgcn.models.mmgf import robustly_scaled
from mmgcn.sampling import Sampler
from tests.worlds import clusters, dataset


def build(name, data, **settings):
    return MODELS.get(name).build(data, settings, seed=0)


@pytest.fixture(scope="module")
def data():
    return dataset()


def interactions(data):
    R = np.zeros((len(data.users), len(data.items)))
    R[data.train.user_index, data.train.item_index] = 1
    return R


def adjacency(data):
    """Weights 1 / sqrt(|N_u| |N_i|)."""
    R = interactions(data)
    return R / np.sqrt(R.sum(1, keepdims=True).clip(1) * R.sum(0).clip(1))


def layers(A, user, item, number):
    found = [(user, item)]
    for _ in range(number):
        user, item = A @ item, A.T @ user
        found.append((user, item))
    return found


def array(tensor):
    return tensor.detach().double().numpy()


def nearest(rows, k):
    """The k largest cosines of each row, as a dense matrix."""
    cosine = rows @ rows.T
    np.fill_diagonal(cosine, -2)
    kept = np.zeros_like(cosine)
    for row in range(len(kept)):
        best = np.argsort(-cosine[row])[:k]
        kept[row, best] = cosine[row, best].clip(0)
    return kept


def symmetric(graph):
    degree = graph.sum(1)
    return graph / np.sqrt(degree[:, None] * degree)


def test_xsimgcl_ranks_by_the_mean_of_its_layers_without_the_first(data):
    model = build("xsimgcl", data, dim=4, num_layers=2)
    user, item = model()
    found = layers(adjacency(data), array(model.user), array(model.item), 2)[1:]
    np.testing.assert_allclose(array(user), np.mean([u for u, _ in found], axis=0), atol=1e-6)
    np.testing.assert_allclose(array(item), np.mean([i for _, i in found], axis=0), atol=1e-6)


def test_the_noise_of_xsimgcl_has_its_length_and_the_signs_of_the_vector(data):
    model = build("xsimgcl", data, dim=4)
    x = torch.tensor([[1.0, -2.0, 3.0, -4.0], [-1.0, 0.0, 1.0, 1.0]])
    moved = model._perturbed(x, 0.5) - x
    assert moved[0].norm().item() == pytest.approx(0.5, abs=1e-6)
    assert torch.equal(moved.sign(), x.sign())


def test_a_contrasted_layer_beyond_the_last_is_refused():
    with pytest.raises(SettingError, match="contrast_layer is 3; it must be at most num_layers, 2"):
        MODELS.get("xsimgcl").parse_settings({"contrast_layer": 3})


def test_info_nce_is_the_mean_log_softmax_of_the_counterpart():
    view, other = torch.tensor([[2.0, 0], [0, 1]]), torch.tensor([[1.0, 0], [3, 0]])
    # cosines [[1, 1], [0, 0]], over the temperature [[2, 2], [0, 0]]: 1 of 2 in both rows
    assert info_nce(view, other, temperature=0.5).item() == pytest.approx(np.log(2))
    assert first_rows(torch.tensor([4, 4, 1])).tolist() == [2, 0]


def test_als_solves_for_the_items_of_its_users(data):
    """Of two iterations the last step solves for the items, given the users."""
    model = build(
        "als", data, dim=4, num_iterations=200, l2_reg=0.5 / (48 * 40) ** 0.5, confidence=3
    )
    embeddings = model.embeddings()
    user, item = embeddings.user.astype(float), embeddings.item.astype(float)
    C = 1 + 2 * interactions(data)  # 3 for interactions, 1 for the others
    for index in range(5):
        weighted = user.T * C[:, index]
        expected = np.linalg.solve(
            weighted @ user + 0.5 * np.eye(4), weighted @ interactions(data)[:, index]
        )
        np.testing.assert_allclose(item[index], expected, atol=0.02)


def test_als_without_its_library_names_the_extra(data, monkeypatch):
    monkeypatch.setitem(sys.modules, "implicit", None)
    monkeypatch.setattr("extract.extras.find_spec", lambda name: None)
    with pytest.raises(ImportError, match=r"the model als needs implicit; install it with: .*als"):
        build("als", data)


def test_collective_ease_is_its_equations_and_without_content_ease(data):
    R = interactions(data)
    G = R.T @ R
    model = build("cease", data, l2_reg=2, content_weight=3)
    for rows in model._features:
        G += 3 * array(rows) @ array(rows).T
    P = np.linalg.inv(G + 2 * np.eye(len(G)))
    B = -P / np.diag(P)
    np.fill_diagonal(B, 0)
    np.testing.assert_allclose(model.embeddings().item, B.T, atol=1e-4)
    without = build("cease", data, l2_reg=2, content_weight=0).embeddings().item
    np.testing.assert_allclose(without, build("ease", data, l2_reg=2).embeddings().item, atol=1e-6)


@pytest.mark.parametrize("name", ["cease", "mmgf"])
def test_an_item_without_interactions_is_ranked_by_its_content(name):
    part = clusters().map(lambda p: p.take(~np.isin(p.item_index, (38, 39))))
    embeddings = build(name, dataset(part)).embeddings()
    scores = embeddings.user[:] @ embeddings.item.T
    group = np.arange(len(scores)) // 12
    assert scores[group == 3][:, 38:].mean() > scores[group != 3][:, 38:].mean() + 1e-3


@pytest.mark.parametrize("filter_name", ["linear", "quadratic", "cubic"])
def test_mmgf_is_its_equations_by_channel(filter_name, data):
    settings = {"interaction_power": 0.5, "content_power": 2, "content_weight": 0.6}
    model = build("mmgf", data, filter=filter_name, **settings)
    R = interactions(data)
    scale = 1 / np.sqrt(R.sum(0).clip(1))
    graphs = {"id": (scale[:, None] * (R.T @ (R / R.sum(1, keepdims=True))) * scale) ** 0.5}
    for name, values in data.features.items():
        rows = array(robustly_scaled(values, data.present[name]))
        content = (rows @ rows.T).clip(0) ** 2
        graphs[name] = symmetric(content)
    parts = model.embeddings().item_parts
    assert list(parts) == list(graphs)
    for name, P in graphs.items():
        h = {
            "linear": P,
            "quadratic": 2 * P - P @ P,
            "cubic": P + 0.01 * (-P @ P @ P + 10 * P @ P - 29 * P),
        }[filter_name]
        expected = h.T * (1 if name == "id" else 0.6 / 2)
        np.testing.assert_allclose(parts[name], expected, atol=1e-5)


def test_robust_scaling_ignores_outliers_and_constant_columns():
    values = np.array([[0.0, 7], [1, 7], [2, 7], [3, 7], [400, 7], [9, 9]])
    present = np.array([True] * 5 + [False])
    rows = robustly_scaled(values, present).numpy()
    # Quartiles 1 and 3, median 2: -1, -0.5, 0, 0.5, 199 cut to 10; then length one.
    np.testing.assert_array_equal(rows, [[-1, 0], [-1, 0], [0, 0], [1, 0], [1, 0], [0, 0]])


def test_mmgf_of_too_many_items_is_refused_with_the_memory_of_its_modalities(data, monkeypatch):
    monkeypatch.setattr("mmgcn.item_item_model.memory_bytes", lambda: 1000.0)
    assert issubclass(MODELS.get("mmgf"), ItemItemModel)
    assert MODELS.get("mmgf").required_bytes(40, 2) == 4 * 7 * 40**2
    with pytest.raises(SettingError, match=r"mmgf of 40 items takes 0.0 GiB of memory"):
        build("mmgf", data)


def test_freedom_is_its_equations_over_the_whole_graph(data):
    model = build("freedom", data, dim=4, num_item_neighbours=3, num_item_layers=2)
    S = 0
    for name in data.features:
        edges = nearest(array(model.projections[name].features), 3) > 0
        S = S + edges / 3 / 2  # every degree is 3, and there are two modalities
    h = S @ S @ array(model.item)
    found = layers(adjacency(data), array(model.user), array(model.item), 2)
    user, item = model()
    np.testing.assert_allclose(array(user), np.mean([u for u, _ in found], axis=0), atol=1e-6)
    np.testing.assert_allclose(array(item), np.mean([i for _, i in found], axis=0) + h, atol=1e-5)


def test_a_pruned_graph_has_the_weights_of_the_degrees_that_remain(data):
    model = build("freedom", data, pruning=0.4)
    keep = model._draw()
    assert keep.sum() == round(0.6 * len(data.train))
    R = interactions(data)
    users, items = np.nonzero(R)  # sorted by user, then by item, as the edges are
    R[users[~keep.numpy()], items[~keep.numpy()]] = 0
    A = R / np.sqrt(R.sum(1, keepdims=True).clip(1) * R.sum(0).clip(1))
    pruned = PrunedGraph(model.graph, keep)
    np.testing.assert_allclose(
        array(pruned.users_from_items(model.item)), A @ array(model.item), atol=1e-6
    )
    np.testing.assert_allclose(
        array(pruned.items_from_users(model.user)), A.T @ array(model.user), atol=1e-6
    )


def test_pruning_leaves_out_edges_of_popular_nodes_more_often(data):
    model = build("freedom", data, pruning=0.5)
    kept = torch.stack([model._draw() for _ in range(200)]).float().mean(dim=0)
    odds = model.get_buffer("keep_odds")
    assert kept[odds > odds.median()].mean() > kept[odds < odds.median()].mean() + 0.02
    with pytest.raises(SettingError, match=r"pruning is 1\.0; it must be less than 1"):
        MODELS.get("freedom").parse_settings({"pruning": 1})


def test_a_modality_that_no_item_of_a_batch_has_costs_nothing(data):
    model = build("freedom", data)
    batch = model.draw(Sampler.of(data.train, torch.Generator().manual_seed(0)))
    visual = model.projections["visual"]
    visual.present.fill_(False)
    index = torch.cat([batch.item_index, batch.negative_index])
    user = torch.ones(len(batch.user_index), model.config.dim)
    assert model._modality_loss(visual, batch, user, index).item() == 0


def test_bm3_ranks_by_the_predictions_of_both_sides(data):
    model = build("bm3", data, dim=4, num_layers=1)
    torch.nn.init.normal_(model.predictor_bias)
    found = layers(adjacency(data), array(model.user), array(model.item), 1)
    W, b = array(model.predictor), array(model.predictor_bias)
    user, item = model()
    np.testing.assert_allclose(
        array(user), np.mean([u for u, _ in found], axis=0) @ W + b, atol=1e-5
    )
    expected = (np.mean([i for _, i in found], axis=0) + array(model.item)) @ W + b
    np.testing.assert_allclose(array(item), expected, atol=1e-5)


def test_the_popularity_prior_of_bm3_is_added_to_its_cosines(data):
    model = build("bm3", data, dim=4, popularity_prior=0.5)
    user, item = map(functional.normalize, model())
    counts = interactions(data).sum(axis=0)
    prior = 0.5 * (np.log1p(counts) - np.log1p(counts).mean())
    embeddings = model.embeddings()
    np.testing.assert_allclose(
        embeddings.user @ embeddings.item.T, array(user @ item.T) + prior, atol=1e-5
    )


def test_the_loss_of_bm3_without_dropout_is_its_cosines(data):
    model = build("bm3", data, dim=4, dropout=0, modality_weight=0.5)
    batch = model.draw(Sampler.of(data.train, torch.Generator().manual_seed(0)))

    def cos(x, y):
        return functional.cosine_similarity(x, y, dim=1).mean().item()

    user, item = model()  # predictions
    u, i = user[batch.user_index], item[batch.item_index]
    W = torch.linalg.inv(model.predictor)
    target_u, target_i = u @ W, i @ W
    expected = -cos(u, target_i) - cos(i, target_u)
    for name in data.features:
        features = model.projections[name].features[batch.item_index]
        z = features @ model.projections[name].weight + model.projections[name].bias
        predicted = z @ model.predictor
        expected -= 0.5 / 2 * (cos(predicted, target_i) + cos(predicted, z))
    assert model.loss(batch).item() == pytest.approx(expected, abs=1e-4)


def test_bm3_has_no_setting_of_negatives_and_a_dropout_below_one():
    with pytest.raises(SettingError, match="bm3 does not use temperature: its loss has no neg"):
        MODELS.get("bm3").parse_settings({"temperature": 0.1})
    with pytest.raises(SettingError, match=r"dropout is 1\.0; it must be less than 1"):
        MODELS.get("bm3").parse_settings({"dropout": 1})


def test_lattice_is_its_equations(data):
    model = build("lattice", data, dim=4, num_item_neighbours=3, feature_dim=3)
    torch.nn.init.normal_(model.importance)
    A = 0
    importance = array(model.importance.softmax(dim=0))
    for share, name in zip(importance, data.features, strict=True):
        projection = model.projections[name]
        features = array(projection.features)
        x = features @ array(projection.weight) + array(projection.bias)
        x /= np.linalg.norm(x, axis=1, keepdims=True)
        frozen, learnt = nearest(features, 3), nearest(x, 3)
        A = A + share * (
            0.7 * frozen / frozen.sum(1, keepdims=True)
            + 0.3 * learnt / learnt.sum(1, keepdims=True)
        )
    h = A @ array(model.item)
    h /= np.linalg.norm(h, axis=1, keepdims=True)
    found = layers(adjacency(data), array(model.user), array(model.item), 2)
    expected = np.mean([i for _, i in found], axis=0) + h
    np.testing.assert_allclose(array(model()[1]), expected, atol=1e-5)
    rows = model.rows(torch.tensor([1]), torch.tensor([5, 2]))
    np.testing.assert_allclose(array(rows[1]), expected[[5, 2]], atol=1e-5)


def test_lattice_finds_neighbours_again_in_the_next_epoch(data):
    model = build("lattice", data, epochs=4, batch_size=32, num_negatives=8)
    batch = model.draw(Sampler.of(data.train, torch.Generator().manual_seed(0)))
    torch.nn.init.normal_(model.projections["visual"].weight)
    before = model.get_buffer("learnt_visual").clone()
    model.loss(batch, progress=0.2)  # still the first of four epochs
    assert torch.equal(model.get_buffer("learnt_visual"), before)
    model.loss(batch, progress=0.3)
    expected, _ = nearest_items(model._learnt("visual"), 10)
    assert torch.equal(model.get_buffer("learnt_visual"), expected)
    assert not torch.equal(expected, before)


def test_mgcn_is_its_equations(data):
    model = build("mgcn", data, dim=4, num_item_neighbours=3)
    for parameter in model.parameters():
        torch.nn.init.normal_(parameter)
    A, E = adjacency(data), array(model.item)

    def linear(layer, x):
        return x @ array(layer.weight) + array(layer.bias)

    def sigmoid(x):
        return 1 / (1 + np.exp(-x))

    found = layers(A, array(model.user), E, 2)
    behaviour = [np.mean(side, axis=0) for side in zip(*found, strict=True)]
    content = {}
    for name, view in model.views.items():
        features = array(view.features)
        purified = E * sigmoid(linear(view.gate, linear(view.projection, features)))
        item = symmetric(nearest(features, 3)) @ purified
        content[name] = (A @ item, item)
    for side, result in enumerate(model()):
        views = [each[side] for each in content.values()]
        query = array(model.query)
        score = np.stack([np.tanh(linear(model.attention, x)) @ query for x in views])
        attention = np.exp(score) / np.exp(score).sum(axis=0)
        common = sum(a * x for a, x in zip(attention, views, strict=True))
        gates = [sigmoid(linear(v.preference, behaviour[side])) for v in model.views.values()]
        own = sum(g * (x - common) for g, x in zip(gates, views, strict=True)) / 2
        np.testing.assert_allclose(array(result), behaviour[side] + common + own, atol=1e-4)


def test_graphs_of_neighbours_leave_out_items_without_features():
    rows = functional.normalize(torch.tensor([[1.0, 0], [1, 0.1], [0, 0], [0.5, 1]]))
    columns, values = nearest_items(rows, 3)
    assert columns.tolist() == [[1, 3, 0], [0, 3, 1], [2, 2, 2], [1, 0, 3]]
    assert (values[:, 2] == 0).all()  # there are two others
    assert (values[2] == 0).all()
    dense = array(symmetric_knn_graph(rows, 1, binary=True)(torch.eye(4)))
    assert dense.tolist() == [[0, 1, 0, 0], [1, 0, 0, 0], [0, 0, 0, 0], [0, 1, 0, 0]]
    assert symmetric_knn_graph(torch.zeros(3, 2), 2) is None


def test_models_of_content_refuse_a_data_set_without_features():
    for name in ("freedom", "bm3", "lattice", "mgcn"):
        with pytest.raises(SettingError, match=f"the model {name} needs features"):
            build(name, Dataset(clusters()))
