"""The contract of every registered model."""

from dataclasses import asdict
from typing import Literal, get_args, get_origin, get_type_hints

import numpy as np
import pytest
import torch

from mmgcn.closed_form_model import ClosedFormModel
from mmgcn.config import SettingError
from mmgcn.data.dataset import Dataset
from mmgcn.evaluation.ranking import evaluate, factor_scorer
from mmgcn.model import MODELS, Model
from mmgcn.parameters import unit_features
from mmgcn.sampling import Sampler
from mmgcn.serving.recommender import Recommender
from mmgcn.train_config import TrainConfig
from mmgcn.training.fit import fit
from tests.worlds import clusters, dataset

pytestmark = pytest.mark.usefixtures("no_curves")

QUICK = {"epochs": 8, "batch_size": 128, "num_negatives": 64}


def build(name, data, seed=0, **settings):
    return MODELS.get(name).build(data, settings, seed=seed)


@pytest.fixture(scope="module")
def data():
    return dataset()


@pytest.mark.parametrize("name", MODELS.names())
class TestEveryModel:
    def test_is_registered_under_its_own_name(self, name):
        assert MODELS.get(name).name == name

    def test_has_a_row_for_each_user_and_item_and_parts_that_add_up(self, name, data):
        model = build(name, data)
        if isinstance(model, Model):
            item = model()[1]
            parts = model.item_parts()
            torch.testing.assert_close(torch.stack(list(parts.values())).sum(0), item)
        embeddings = model.embeddings()
        assert embeddings.user.shape[0] == len(data.users)
        assert embeddings.item.shape[0] == len(data.items)
        assert embeddings.user.shape[1] == embeddings.item.shape[1]
        assert embeddings.user[:1].dtype == np.float32
        assert np.isfinite(embeddings.item).all()

    def test_equal_seeds_give_equal_models_and_others_do_not(self, name, data):
        first, second, other = (build(name, data, seed=s).embeddings().user for s in (1, 1, 2))
        np.testing.assert_array_equal(first, second)
        if issubclass(MODELS.get(name), Model):
            assert not np.array_equal(first, other)

    def test_every_parameter_is_trained(self, name, data, tmp_path):
        model = build(name, data)
        if isinstance(model, ClosedFormModel):
            pytest.skip("solved, not trained")
        before = {n: p.detach().clone() for n, p in model.named_parameters()}
        optimiser = torch.optim.SGD(model.parameters(), lr=1.0)
        sampler = Sampler.of(data.train, torch.Generator().manual_seed(0))
        for cycle in range(model.num_cycles):  # members of an ensemble are trained in turn
            optimiser.zero_grad()
            model.loss(model.draw(sampler), progress=cycle / model.num_cycles).backward()
            optimiser.step()
        for parameter, tensor in model.named_parameters():
            assert not torch.equal(before[parameter], tensor), f"{parameter} did not change"

    def test_ranks_the_items_of_the_users_group_better_than_chance(self, name, data, tmp_path):
        names = MODELS.get(name).setting_names()
        settings = {setting: value for setting, value in QUICK.items() if setting in names}
        result = fit(data, model=name, out=tmp_path, settings=settings, seed=0, device="cpu")
        chance = 5 / 35  # lists of five, and some 35 items that a user has not seen
        if name == "popularity":
            counts = np.load(result.run / "popularity.npy")
            np.testing.assert_array_equal(np.load(result.run / "item.npy")[:, 0], counts)
        else:
            assert result.metrics["recall@5"] > 2.5 * chance

    @pytest.mark.parametrize("modalities", [("visual",), ("visual", "acoustic", "textual")])
    def test_accepts_one_modality_or_three(self, name, modalities):
        model = build(name, dataset(modalities=modalities))
        assert np.isfinite(model.embeddings().item).all()

    def test_accepts_items_that_lack_a_modality(self, name):
        data = dataset(missing=6)
        assert not all(present.all() for present in data.present.values())
        embeddings = build(name, data).embeddings()
        assert np.isfinite(embeddings.item).all()
        assert np.isfinite(embeddings.user).all()

    def test_a_channel_that_an_item_lacks_is_never_reported_as_its_own(self, name, tmp_path):
        data = dataset(missing=6)
        names = MODELS.get(name).setting_names()
        quick = {**QUICK, "epochs": 1}
        settings = {setting: value for setting, value in quick.items() if setting in names}
        run = fit(data, model=name, out=tmp_path, settings=settings, seed=0, device="cpu").run
        recommender = Recommender.load(run)
        users = recommender.recommend([data.users.id(0), data.users.id(30)], k=40)
        for row in recommender.with_parts(users).iter_rows(named=True):
            why = recommender.explain(row["user_id"], row["item_id"])
            assert sum(why.parts.values()) == why.score
            assert why.score == pytest.approx(row["score"], abs=1e-5)
            lacking = [
                channel
                for channel, present in data.present.items()
                if channel in recommender.run.parts and not present[data.items.index([why.item_id])]
            ]
            assert why.missing == lacking
            for channel in lacking:
                assert channel not in why.parts
                assert why.nearest[channel] == []
                assert row[f"part_{channel}"] is None
                with pytest.raises(ValueError, match=f"'{why.item_id}' has no .*{channel}"):
                    recommender.similar(why.item_id, channel=channel)
            for channel in set(data.present) & set(why.nearest) - set(lacking):
                similar = recommender.similar(why.item_id, channel=channel, k=40)["item_id"]
                near = [item for item, _ in why.nearest[channel]]
                assert data.present[channel][data.items.index([*similar, *near])].all()

    def test_works_without_features_or_refuses(self, name):
        bare = Dataset(clusters())
        if MODELS.get(name).needs_features:
            with pytest.raises(ValueError, match="needs features"):
                build(name, bare)
        else:
            assert np.isfinite(build(name, bare).embeddings().item).all()

    def test_an_unknown_setting_is_refused_with_the_nearest_name(self, name):
        with pytest.raises(SettingError, match="no setting is called 'batch_sise'"):
            MODELS.get(name).parse_settings({"batch_sise": 3})

    def test_accepts_only_the_settings_that_it_lists(self, name):
        kind = MODELS.get(name)
        defaults = kind.default_settings()
        ignored = dict.fromkeys(kind.ignored_settings, 0)
        for setting, default in (asdict(TrainConfig()) | ignored | defaults.as_dict()).items():
            if setting in kind.setting_names():
                assert kind.parse_settings({setting: str(default)}) == defaults
                value = another(defaults, setting)
                assert kind.parse_settings({setting: value}).as_dict()[setting] == value
            else:
                with pytest.raises(SettingError, match=f"does not use {setting}"):
                    kind.parse_settings({setting: default})

    def test_names_of_model_and_training_settings_differ(self, name):
        settings = MODELS.get(name).default_settings()
        if settings.train is not None:
            assert not set(settings.model.names()) & set(settings.train.names())


def another(settings, setting):
    """Return a value that is not the default of a setting."""
    config = settings.model if setting in settings.model.names() else settings.train
    default, hint = getattr(config, setting), get_type_hints(type(config))[setting]
    if get_origin(hint) is Literal:
        return next(value for value in get_args(hint) if value != default)
    if hint is bool:
        return not default
    return default + 1 if hint is int else default / 2 or 0.5


@pytest.mark.parametrize("aggregation", ["mean", "max"])
@pytest.mark.parametrize("combination", ["ele", "co"])
@pytest.mark.parametrize("item_output", ["combination", "aggregation"])
@pytest.mark.parametrize("loss", ["softmax", "bpr"])
def test_mmgcn_learns_in_every_variant_of_the_paper(
    aggregation, combination, item_output, loss, data
):
    model = build(
        "mmgcn",
        data,
        aggregation=aggregation,
        combination=combination,
        item_output=item_output,
        loss=loss,
        dim=8,
        batch_size=64,
        num_negatives=30,
    )
    sampler = Sampler.of(data.train, torch.Generator().manual_seed(0))
    optimiser = torch.optim.Adam(model.parameters(), lr=0.01)
    batch = model.draw(sampler)
    losses = []
    for _ in range(25):
        loss_now = model.loss(batch)
        optimiser.zero_grad()
        loss_now.backward()
        optimiser.step()
        losses.append(loss_now.item())
    assert losses[-1] < 0.9 * losses[0]


def test_mmgcn_of_one_layer_is_the_papers_equations(data):
    """A dense computation, one user and one item at a time, written from the paper."""
    model = build("mmgcn", data, dim=4, num_layers=1, slope=0.2).double()
    for parameter in model.parameters():
        torch.nn.init.normal_(parameter)
    user, item = model()
    A = np.zeros((len(data.users), len(data.items)))
    A[data.train.user_index, data.train.item_index] = 1

    def leaky(x):
        return np.where(x > 0, x, 0.2 * x)

    expected_user, expected_item = 0, 0
    for branch in model.branches.values():
        (layer,) = branch.layers
        w1, w2, w3 = (getattr(layer, n).detach().numpy() for n in ("w1", "w2", "w3"))
        x_user = branch.preference.detach().numpy()
        x_item = branch.features.numpy() @ branch.projection.detach().numpy()

        def side(own, other, neighbours, identity, w1=w1, w2=w2, w3=w3):
            rows = []
            for node in range(len(own)):
                near = np.flatnonzero(neighbours[node])
                mean = (other[near] @ w1).mean(axis=0) if len(near) else np.zeros(4)
                x_hat = leaky(own[node] @ w2) + identity[node]
                rows.append(leaky(leaky(mean) @ w3 + x_hat))
            return np.stack(rows)

        user_id, item_id = model.user_id.detach().numpy(), model.item_id.detach().numpy()
        expected_user = expected_user + side(x_user, x_item, A, user_id)
        expected_item = expected_item + side(x_item, x_user, A.T, item_id)
    np.testing.assert_allclose(user.detach().numpy(), expected_user, atol=1e-6)
    np.testing.assert_allclose(item.detach().numpy(), expected_item, atol=1e-6)


def test_the_published_code_trains_neither_preferences_nor_ids(data):
    model = build("mmgcn_official", data)
    assert {name for name, _ in model.named_buffers()} >= {
        "user_id",
        "item_id",
        "branches.visual.preference",
        "branches.acoustic.preference",
    }


def test_linear_mmgcn_is_its_equations(data):
    model = build("linear_mmgcn", data, dim=4, ensemble_size=2, num_item_neighbours=2).double()
    model.num_started.fill_(2)
    user, item = model()
    N = np.zeros((len(data.users), len(data.items)))
    N[data.train.user_index, data.train.item_index] = 1
    A = N / N.sum(1, keepdims=True).clip(1)
    B = N.T / N.T.sum(1, keepdims=True).clip(1)
    features = {n: rows.numpy() for n, rows in unit_features(data).items()}
    cosines = sum(f @ f.T for f in features.values()) / len(features)
    np.fill_diagonal(cosines, -2)
    K = np.zeros_like(cosines)
    for row in range(len(K)):
        best = np.argsort(-cosines[row])[:2]
        K[row, best] = cosines[row, best].clip(0) / cosines[row, best].clip(0).sum()
    expected = 0
    for member in model.ensemble:
        x = member.item_id.detach().numpy() * (N.sum(0) > 0)[:, None]
        for name, weight in member.weight.items():
            x = x + features[name] @ weight.detach().numpy()
        y = x + K @ x
        u = A @ y
        i = y + 2 * B @ u
        length = np.linalg.norm(u, axis=1)[:, None] * np.linalg.norm(i, axis=1)
        expected = expected + (u @ i.T) / length / 2
    np.testing.assert_allclose((user @ item.T).detach().numpy(), expected, atol=1e-5)


def test_a_video_that_nobody_watched_is_ranked_by_its_content(tmp_path):
    """Items 38 and 39, of the last group, lose all their interactions."""
    part = clusters().map(lambda p: p.take(~np.isin(p.item_index, (38, 39))))
    data = dataset(part)
    settings = {**QUICK, "dim": 16}
    run = fit(data, model="linear_mmgcn", out=tmp_path, settings=settings, device="cpu").run
    user, item = np.load(run / "user.npy"), np.load(run / "item.npy")
    scores = user @ item.T
    group = np.arange(len(user)) // 12
    assert scores[group == 3][:, 38:].mean() > 2 * abs(scores[group != 3][:, 38:].mean())
    relevant = (np.array([0, *np.full(len(user), 1).cumsum()]), np.full(len(user), 38))
    assert evaluate(factor_scorer(user, item), num_items=40, relevant=relevant, ks=[5])
