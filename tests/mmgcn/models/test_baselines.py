"""The baselines against slow versions of their equations."""

import numpy as np
import pytest
import torch

from mmgcn import item_item_model
from mmgcn.config import SettingError
from mmgcn.data.dataset import Dataset
from mmgcn.data.splits import Split
from mmgcn.model import MODELS
from mmgcn.models import ease
from mmgcn.run import Run
from mmgcn.training.fit import fit
from tests.runs import validation_metrics
from tests.worlds import dataset, interactions_of


def build(name, data, **settings):
    return MODELS.get(name).build(data, settings)


def watched(data):
    R = np.zeros((len(data.users), len(data.items)))
    R[data.train.user_index, data.train.item_index] = 1
    return R


def scores(model):
    embeddings = model.embeddings()
    return np.asarray(embeddings.user) @ embeddings.item.T


@pytest.fixture(scope="module")
def data():
    return dataset()


def test_ease_is_the_least_squares_solution_without_the_item_itself(data):
    """Item by item: ridge regression of its column on all the others' (Steck 2019, equation 5)."""
    l2_reg, R = 3.0, watched(data)
    B = np.zeros((R.shape[1], R.shape[1]))
    for item in range(R.shape[1]):
        others = np.delete(np.arange(R.shape[1]), item)
        X = R[:, others]
        B[others, item] = np.linalg.solve(X.T @ X + l2_reg * np.eye(len(others)), X.T @ R[:, item])
    np.testing.assert_allclose(scores(build("ease", data, l2_reg=l2_reg)), R @ B, atol=1e-4)


@pytest.mark.parametrize("user_weight", [0.0, 1.0])
@pytest.mark.parametrize("popularity_weight", [0.0, 0.5])
def test_item_knn_sums_the_similarities_of_the_nearest_neighbours(
    data, user_weight, popularity_weight
):
    R, k, shrink = watched(data), 4, 0.5
    num_items = R.shape[1]
    counts = R.sum(0).clip(1)
    similarity = np.zeros((num_items, num_items))
    for j in range(num_items):
        for i in range(num_items):
            if i != j:
                both = (R[:, i] * R[:, j]).astype(bool)
                common = (R[both].sum(1) ** -user_weight).sum()
                similarity[j, i] = common / (counts[j] * counts[i] ** popularity_weight + shrink)
        similarity[j, similarity[j] < np.sort(similarity[j])[-k] - 1e-9] = 0
    model = build(
        "itemknn",
        data,
        num_item_neighbours=k,
        shrink=shrink,
        user_weight=user_weight,
        popularity_weight=popularity_weight,
    )
    np.testing.assert_allclose(scores(model), R @ similarity, rtol=1e-4, atol=1e-6)


@pytest.mark.parametrize("name", ["ease", "itemknn"])
def test_weights_do_not_depend_on_the_blocks_of_users(name, data, monkeypatch):
    expected = build(name, data).embeddings().item
    monkeypatch.setattr(item_item_model, "BLOCK_CELLS", 7 * len(data.items))
    np.testing.assert_allclose(build(name, data).embeddings().item, expected, atol=1e-6)


def test_ease_of_many_items_is_precise_enough_in_float32(data, monkeypatch):
    expected = build("ease", data, l2_reg=5).embeddings().item
    monkeypatch.setattr(ease, "MAX_DOUBLE_ITEMS", 10)
    np.testing.assert_allclose(build("ease", data, l2_reg=5).embeddings().item, expected, atol=1e-5)
    same = interactions_of([(user, item) for user in range(99) for item in range(20)])
    none = same.take(np.zeros(0, dtype=np.int64))
    with pytest.raises(SettingError, match="l2_reg is 0, too small to invert"):
        build("ease", Dataset(Split(same, none, none, "given")), l2_reg=0)


@pytest.mark.parametrize("name", ["ease", "itemknn"])
def test_a_run_of_item_weights_has_no_matrix_of_users_and_ranks_the_same(name, data, tmp_path):
    result = fit(data, model=name, out=tmp_path, device="cpu")
    assert not (result.run / "user.npy").exists()
    run = Run.load(result.run)
    model = build(name, data)
    np.testing.assert_array_equal(run.user[:] @ run.item.T, scores(model))
    np.testing.assert_allclose(run.mean_user(), watched(data).mean(axis=0))
    again = validation_metrics(run)
    assert result.metrics["recall@20"] == pytest.approx(again["recall@20"])


@pytest.mark.parametrize("name", ["ease", "itemknn"])
def test_a_catalogue_too_large_for_a_closed_form_is_refused(name, data, monkeypatch):
    monkeypatch.setattr(item_item_model, "memory_bytes", lambda: 1_000)
    with pytest.raises(SettingError, match=rf"{name} of 40 items takes 0.0 GiB of memory"):
        build(name, data)


def test_mf_scores_by_one_inner_product(data):
    model = build("mf", data, dim=3)
    expected = model.user.detach().numpy() @ model.item.detach().numpy().T
    np.testing.assert_allclose(scores(model), expected, atol=1e-6)


def test_vbpr_is_its_equation(data):
    model = build("vbpr", data, dim=3)
    generator = torch.Generator().manual_seed(1)
    for parameter in model.parameters():  # biases are zero at the start
        parameter.data = torch.randn(parameter.shape, generator=generator)
    p, q, b = (x.detach().numpy() for x in (model.user, model.item, model.bias))
    expected = b.T + p @ q.T
    for name in data.features:
        f = model.get_buffer(f"features_{name}").numpy()
        t, E, c = (
            parameters[name].detach().numpy()
            for parameters in (model.preference, model.weight, model.content_bias)
        )
        expected = expected + t @ (f @ E).T + (f @ c).T
    np.testing.assert_allclose(scores(model), expected, rtol=1e-4, atol=1e-4)
    content = model.item_parts()["visual"].detach().numpy()
    assert not content[:, :3].any()  # what the ids have to themselves


def test_vbpr_leaves_the_content_of_an_item_without_a_modality_at_zero():
    data = dataset(missing=6)
    parts = build("vbpr", data).item_parts()
    assert not parts["visual"][~torch.from_numpy(data.present["visual"])].any()
