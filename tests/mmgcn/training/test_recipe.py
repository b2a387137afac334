import json
import signal
from dataclasses import replace

import numpy as np
import polars as pl
import pytest

import cli
from mmgcn import Recommender
from mmgcn.config import SettingError
from mmgcn.data.dataset import Dataset
from mmgcn.data.ids import IdMap
from mmgcn.data.interactions import Interactions
from mmgcn.data.splits import split
from mmgcn.model import MODELS
from mmgcn.popularity_prior import POPULARITY, log_popularity
from mmgcn.run import Run
from mmgcn.training import final_prior, recipe
from mmgcn.training.best_prior import ValidationSample, best_lower_prior
from mmgcn.training.fit import fit
from mmgcn.training.recipe import can_choose_recipe, choose_recipe
from mmgcn.training.recipe_trials import Trial, Trials
from mmgcn.training.trainer import Trainer

LINEAR = MODELS.get("linear_mmgcn")
SMALL = {"dim": 4, "ensemble_size": 2, "batch_size": 64, "num_negatives": 16}


def taste_data(num_users=30, num_items=24, per_user=8, *, timestamp=True):
    """Users of two tastes, with items of one half of the catalogue each, the first more often."""
    generator = np.random.default_rng(0)
    weight = 1 / np.arange(1, num_items // 2 + 1)
    rows = [
        (user, item + user % 2 * (num_items // 2))
        for user in range(num_users)
        for item in generator.choice(
            num_items // 2, per_user, replace=False, p=weight / weight.sum()
        )
    ]
    user_index, item_index = np.array(rows, dtype=np.int32).T
    users = IdMap(pl.Series([f"u{n}" for n in range(num_users)]), kind="user")
    items = IdMap(pl.Series([f"i{n}" for n in range(num_items)]), kind="item")
    time = np.arange(len(rows)) if timestamp else None
    return Interactions(user_index, item_index, users, items, time)


@pytest.fixture(scope="module")
def data():
    return Dataset(split(taste_data(), "leave-last-out"))


def chosen(data, folder, **options):
    return choose_recipe(LINEAR, data, SMALL, folder=folder, **options)


@pytest.fixture(scope="module")
def choice(data, tmp_path_factory):
    return chosen(data, tmp_path_factory.mktemp("choice") / "trials")


def test_the_choice_is_the_trial_that_ranks_best_or_an_earlier_one(choice):
    assert choice.metric == "recall@10"
    assert choice.settings in [trial.settings for trial in choice.trials]
    assert len(choice.trials) > 2
    assert not choice.held_out


# In the order of the recipes, of which `mixed histories` is the first one tried here.
@pytest.mark.parametrize(
    ("recalls", "tried", "best"),
    [
        ((0.2, 0.4, 0.8, 0.6), (1, 2, 3), 2),
        ((0.2, 0.4, 0.6, 0.8), (1, 2, 3), 3),
        ((0.8, 0.4, 0.2, 0.9), (1, 2, 0), 0),
        ((0.2, 0.4, 0.4, 0.8), (1, 2, 3), 3),
        ((0.2, 0.4, 0.2, 0.9), (1, 2, 0), 1),
    ],
)
def test_recipes_are_tried_from_the_first_to_its_neighbours(
    data, tmp_path, monkeypatch, recalls, tried, best
):
    names = list(LINEAR.recipes)
    value_of = dict(zip(names, recalls, strict=True))

    def run(self, name, settings, **options):
        if name.endswith(", longer"):
            return Trial(name, settings, 0.0), np.zeros(10)
        values = (np.arange(10) < round(10 * value_of[name])).astype(float)
        return Trial(name, settings, values.mean()), values

    monkeypatch.setattr(Trials, "run", run)
    choice = chosen(data, tmp_path)
    expected = [names[1], f"{names[1]}, longer", *(names[n] for n in tried[1:])]
    assert [trial.name for trial in choice.trials] == expected
    assert choice.name == names[best]


def test_recipes_have_longer_trials_if_that_of_the_first_is_better_than_an_ensemble(
    data, tmp_path, monkeypatch
):
    values_of = {
        "mixed histories": 0.2,
        "mixed histories, ensemble": 0.5,
        "long histories, longer": 0.9,
    }

    def run(self, name, settings, **options):
        value = values_of.get(name, 0.6)
        values = (np.arange(10) < round(10 * value)).astype(float)
        return Trial(name, settings, value), values

    monkeypatch.setattr(Trials, "run", run)
    choice = chosen(data, tmp_path)
    names = ["mixed", "mixed, longer", "mixed, ensemble", "long, longer", "long, sharp, longer"]
    assert [trial.name.replace(" histories", "") for trial in choice.trials] == names
    assert choice.name == "long histories, longer"
    first, longer, ensemble, *others = [trial.settings["epochs"] for trial in choice.trials]
    assert {longer, *others} == {recipe.LONGER * first}
    assert ensemble == first
    assert choice.settings["epochs"] == recipe.LONGER * first


def test_an_ensemble_that_is_better_than_the_longer_trial_is_the_full_training(
    data, tmp_path, monkeypatch
):
    run = Trials.run

    def prefer_ensemble(self, name, settings, **options):
        trial, values = run(self, name, settings, **options)
        value = {"mixed histories": 0.2, "mixed histories, longer": 0.6}.get(name, 0.0)
        value = 0.8 if name.endswith("ensemble") else value
        values = (np.arange(len(values)) < round(len(values) * value)).astype(float)
        return replace(trial, value=value), values

    monkeypatch.setattr(Trials, "run", prefer_ensemble)
    monkeypatch.setattr(Trainer, "_take_steps", counted := Counted(Trainer._take_steps))
    result = fit(data, model="linear_mmgcn", out=tmp_path, settings=SMALL, device="cpu")
    assert result.recipe.name == "mixed histories"
    assert counted.runs[-1].parent.name == "trials", "nothing is trained after the trials"
    again = fit(data, model="linear_mmgcn", out=tmp_path, recipe=result.run, device="cpu")
    assert (again.run / "user.npy").read_bytes() == (result.run / "user.npy").read_bytes()
    assert evaluations(result.run)[-1]["epoch"] == result.best_epoch


class Counted:
    """A method that remembers the runs of the trainers that it was called with."""

    def __init__(self, method):
        self._method, self.runs = method, []

    def __get__(self, trainer, kind):
        def call(*arguments):
            self.runs.append(trainer.run)
            return self._method(trainer, *arguments)

        return call


@pytest.mark.parametrize(
    ("epochs", "num_steps", "expected"),
    [(4, 29, 12), (13, 29, 39), (1, 290, 12), (1, 4_000, 6), (1, 9_766, 3), (1, 80_000, 3)],
)
def test_a_cycle_has_four_epochs_those_of_its_trial_or_fewer_in_long_epochs(
    choice, epochs, num_steps, expected
):
    of_trial = replace(choice, settings={**choice.settings, "epochs": epochs})
    assert of_trial.schedule(3, num_steps)["epochs"] == expected


def test_an_interrupted_choice_continues_and_ends_in_the_same(data, choice, tmp_path, monkeypatch):
    def interrupt(trial):
        if trial.name == choice.trials[1].name:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        chosen(data, tmp_path / "trials", on_trial=interrupt)
    trained, train = [], Trainer.train

    def count(self, *, resume):
        trained.append(self.run.name)
        return train(self, resume=resume)

    monkeypatch.setattr(Trainer, "train", count)
    again = chosen(data, tmp_path / "trials")
    assert again.as_dict() == choice.as_dict()
    assert len(trained) == len(choice.trials) - 2
    assert chosen(data, tmp_path / "trials").as_dict() == choice.as_dict()
    assert len(trained) == len(choice.trials) - 2, "a finished choice is read"


def test_a_trial_that_is_interrupted_goes_on_from_its_checkpoint(
    data, choice, tmp_path, monkeypatch
):
    steps, learning_rate = [], Trainer._learning_rate

    def interrupt(self, progress):
        if self.run.name.endswith("longer"):
            steps.append(round(progress * self._num_steps))
            if len(steps) == 7:
                signal.raise_signal(signal.SIGINT)
        return learning_rate(self, progress)

    monkeypatch.setattr(Trainer, "_learning_rate", interrupt)
    with pytest.raises(KeyboardInterrupt):
        chosen(data, tmp_path / "trials")
    assert chosen(data, tmp_path / "trials").as_dict() == choice.as_dict()
    assert steps == list(range(len(steps)))


def test_a_used_up_budget_leaves_one_trial(data, tmp_path):
    assert len(chosen(data, tmp_path / "trials", budget_seconds=0.0).trials) == 1


def test_without_a_validation_part_the_last_interactions_are_held_out(tmp_path):
    whole = Dataset(split(taste_data(), "none"))
    inner = recipe._hold_out(whole, seed=0)
    assert len(inner.train) + len(inner.split.valid) == len(whole.train)
    for user in range(30):
        own = whole.train.user_index == user
        last = whole.train.item_index[own][np.argmax(whole.train.timestamp[own])]
        valid = inner.split.valid
        assert valid.item_index[valid.user_index == user].tolist() == [last]
    assert chosen(whole, tmp_path / "trials").held_out


def test_nothing_can_be_held_out_of_short_histories(tmp_path):
    short = Dataset(split(taste_data(per_user=2), "none"))
    assert chosen(short, tmp_path / "trials") is None


@pytest.mark.parametrize(
    ("given", "expected"),
    [({"dim": 4}, True), ({"temperature": 0.2}, False), ({"epochs": 3}, False)],
)
def test_a_given_setting_that_recipes_decide_switches_the_choice_off(given, expected):
    assert can_choose_recipe(LINEAR, given) is expected


@pytest.mark.parametrize(
    ("num_interactions", "expected"),
    [(100, 2048), (122_880, 2048), (122_881, 4096), (250_000, 8192), (20_000_000, 8192)],
)
def test_larger_data_have_larger_batches(num_interactions, expected):
    assert recipe.suitable_batch_size(LINEAR, num_interactions) == expected


def test_models_without_recipes_have_no_choice():
    assert not can_choose_recipe(MODELS.get("mf"), {})


def test_fit_trains_the_choice_once_for_each_member_and_stores_it(data, choice, tmp_path):
    result = fit(data, model="linear_mmgcn", out=tmp_path, settings=SMALL, device="cpu")
    assert result.recipe.as_dict() == choice.as_dict()
    config = Run.load(result.run).config
    assert config["choice"] == choice.as_dict()
    assert config["settings"]["epochs"] == 2 * choice.settings["epochs"]
    assert config["settings"]["temperature"] == choice.settings["temperature"]
    assert not (result.run / "trials").exists()


def evaluations(run):
    """The lines of metrics.jsonl without what depends on earlier lines or on the clock."""
    lines = (run / "metrics.jsonl").read_text().splitlines()
    drop = {"loss", "train_seconds"}
    return [{k: v for k, v in json.loads(line).items() if k not in drop} for line in lines]


def test_the_best_trial_is_the_first_cycle_of_the_full_training(data, tmp_path, monkeypatch):
    first_steps, take_steps = {}, Trainer._take_steps

    def record_start(self, state, *rest):
        first_steps.setdefault(self.run, state.step)
        take_steps(self, state, *rest)

    monkeypatch.setattr(Trainer, "_take_steps", record_start)
    result = fit(data, model="linear_mmgcn", out=tmp_path, settings=SMALL, device="cpu")
    cycle = result.recipe.settings["epochs"]
    assert first_steps[result.run] == 20 * cycle
    assert {step for run, step in first_steps.items() if run != result.run} == {0}
    again = fit(data, model="linear_mmgcn", out=tmp_path, recipe=result.run, device="cpu")
    assert again.recipe is None
    assert first_steps[again.run] == 0
    assert (again.run / "user.npy").read_bytes() == (result.run / "user.npy").read_bytes()
    first, *_ = evaluations(result.run)
    assert first["epoch"] == cycle
    assert first in evaluations(again.run)


def test_the_full_training_ends_with_its_last_epoch_and_a_prior_of_its_own(
    data, tmp_path, monkeypatch
):
    given = []

    def lower(scorer, sample, *, most, **arguments):
        given.append((scorer(sample.users).shape, most))
        return most / 2

    monkeypatch.setattr(final_prior, "best_lower_prior", lower)
    result = fit(data, model="linear_mmgcn", out=tmp_path, settings=SMALL, device="cpu")
    config = Run.load(result.run).config
    ((_, trial),) = given
    assert given == [((30, 24), trial)]
    assert trial in [each.settings["popularity_prior"] for each in result.recipe.trials]
    for settings in (config["settings"], config["recipe"], result.recipe.settings):
        assert settings["popularity_prior"] == trial / 2
    assert result.best_epoch == config["settings"]["epochs"] == config["recipe"]["stop_epoch"]
    again = fit(data, model="linear_mmgcn", out=tmp_path, recipe=result.run, device="cpu")
    assert again.metrics == result.metrics
    assert len(given) == 1


def test_a_lower_prior_is_the_best_one_up_to_a_limit(data):
    train, relevant = data.train, data.split.valid.csr()
    users = np.flatnonzero(np.diff(relevant[0]))
    logarithm = log_popularity(train, window=1.0)
    scores = np.zeros((30, 24))
    scores[np.arange(30), relevant[1]] = 0.5 * np.ptp(logarithm)  # needs a weight of at most 0.5

    sample = ValidationSample(users, relevant, train, k=1)

    def best(most):
        options = {"scale": 1.0, "window": 1.0}
        return best_lower_prior(lambda block: scores[block], sample, most=most, **options)

    assert best(0.35) == 0.35, "of equal ones the largest"
    assert best(1.3) <= 0.6


@pytest.mark.parametrize(
    ("changes", "num_steps"),
    [({}, 400), ({"held_out": True}, 20), ({"settings": {"epochs": 2}}, 20)],
)
def test_a_trial_that_is_not_a_whole_cycle_is_not_continued(choice, tmp_path, changes, num_steps):
    checkpoint = tmp_path / choice.name.replace(", ", "+").replace(" ", "-") / "checkpoint"
    checkpoint.mkdir(parents=True)
    (checkpoint / "state.json").touch()
    assert choice.start(tmp_path, 20) is not None
    assert replace(choice, **changes).start(tmp_path, num_steps) is None


def test_a_fit_that_is_interrupted_in_the_choice_is_resumed(data, choice, tmp_path):
    def interrupt(trial):
        raise KeyboardInterrupt

    options = {"model": "linear_mmgcn", "out": tmp_path, "settings": SMALL, "device": "cpu"}
    with pytest.raises(KeyboardInterrupt):
        fit(data, **options, on_trial=interrupt)
    (run,) = tmp_path.iterdir()
    assert fit(data, **options, resume=True).run == run
    assert Run.load(run).config["choice"] == choice.as_dict()


def test_a_recipe_of_another_model_is_refused(data, tmp_path):
    popularity = fit(data, model="popularity", out=tmp_path).run
    with pytest.raises(SettingError, match="whose recipe linear_mmgcn cannot use"):
        fit(data, model="linear_mmgcn", out=tmp_path, recipe=popularity)


def test_a_budget_ends_the_training(data, tmp_path):
    settings = SMALL | {"epochs": 1000}
    result = fit(
        data,
        model="linear_mmgcn",
        out=tmp_path,
        settings=settings,
        device="cpu",
        budget_seconds=1e-9,
    )
    assert result.best_epoch == 1
    assert Run.load(result.run).user.shape == (30, 4 + 1)  # one member, and the prior


@pytest.fixture(scope="module")
def with_prior(data, tmp_path_factory):
    settings = SMALL | {"epochs": 2, "popularity_prior": 0.5}
    out = tmp_path_factory.mktemp("prior")
    return fit(data, model="linear_mmgcn", out=out, settings=settings, device="cpu").run


def test_a_prior_adds_the_log_of_the_popularity_to_a_score(data, with_prior):
    run = Run.load(with_prior)
    temperature = run.config["settings"]["temperature"]
    count = np.bincount(data.train.item_index, minlength=24)
    expected = np.log(1 + count) - np.log(1 + count).mean()
    without = run.user[:, :-1] @ run.item[:, :-1].T
    np.testing.assert_allclose(
        run.user @ run.item.T, without + 0.5 * temperature * expected, rtol=0, atol=1e-6
    )
    recommender = Recommender.load(with_prior)
    (item,) = recommender.recommend(["u3"], k=1)["item_id"]
    parts = recommender.explain("u3", item).parts
    index = run.items.index([item])[0]
    assert parts[POPULARITY] == pytest.approx(0.5 * temperature * expected[index], rel=1e-3)


def test_the_popularity_prior_is_not_used_for_similar_items_and_fold_in(with_prior):
    recommender = Recommender.load(with_prior)
    run = recommender.run
    unit = run.item[:, :-1] / np.linalg.norm(run.item[:, :-1], axis=1, keepdims=True)
    cosine = unit @ unit[0]
    best = np.argsort(-cosine)[1]
    assert recommender.similar("i0", k=1)["item_id"][0] == f"i{best}"
    with pytest.raises(ValueError, match="no channel 'popularity_prior'"):
        recommender.similar("i0", channel=POPULARITY)
    assert POPULARITY not in recommender.explain("u0", "i0").nearest
    assert recommender.fold_in.vector(np.array([0, 2]))[-1] == 1


def test_recent_popularity_counts_the_latest_interactions():
    train = taste_data(num_users=3, per_user=4)
    recent = log_popularity(train, window=0.25)
    items = train.item_index[np.argsort(train.timestamp)[-3:]]
    assert sorted(np.flatnonzero(recent > recent.min())) == sorted(items)


def test_recent_popularity_needs_timestamps():
    with pytest.raises(SettingError, match="have no timestamps"):
        log_popularity(replace(taste_data(), timestamp=None), window=0.5)


def test_the_command_explains_the_prior_without_neighbours(with_prior, capsys):
    with pytest.raises(SystemExit):
        cli.main(["recommend", "--user", "u0", "--run", str(with_prior), "--explain"])
    shown = capsys.readouterr()
    assert shown.err == ""
    lines = [line.split() for line in shown.out.splitlines() if POPULARITY in line]
    assert lines
    assert all(words[words.index(POPULARITY) + 2 :] == [] for words in lines)
