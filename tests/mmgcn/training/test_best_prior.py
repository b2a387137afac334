"""The choice of a popularity prior, against sorting every user's scores."""

import numpy as np
import pytest

from mmgcn.popularity_prior import log_popularity
from mmgcn.training.best_prior import PRIORS, ValidationSample, best_prior
from tests.mmgcn.training.test_recipe import taste_data

DEFAULT = 0.1
NUM_USERS, NUM_ITEMS, K = 30, 24, 5


@pytest.fixture(scope="module")
def train():
    return taste_data()


def chosen(train, scores, held_out, default=DEFAULT):
    """Return the choice for users who each want one item."""
    relevant = np.arange(NUM_USERS + 1), held_out.astype(np.int32)
    sample = ValidationSample(np.arange(NUM_USERS), relevant, train, K)
    return best_prior(lambda users: scores[users], sample, scale=1.0, default=default)


def recalls(train, scores, held_out, weight, window=1.0):
    """Return each user's recall, from a full sort."""
    total = scores + weight * log_popularity(train, window=window)
    total[train.user_index, train.item_index] = -np.inf
    best = np.argsort(-total, axis=1, kind="stable")[:, :K]
    return (best == held_out[:, None]).any(axis=1)


def most_popular_unseen(train):
    count = np.bincount(train.item_index, minlength=NUM_ITEMS).astype(float)
    scores = np.tile(count, (NUM_USERS, 1))
    scores[train.user_index, train.item_index] = -1
    return scores.argmax(axis=1)


def test_a_prior_that_is_much_better_is_chosen_with_its_recalls(train):
    drawn = np.random.default_rng(0).normal(size=(NUM_USERS, NUM_ITEMS))
    scores = (0.3 * drawn).astype(np.float32)
    held_out = most_popular_unseen(train)
    settings, values = chosen(train, scores, held_out)
    weight, window = settings["popularity_prior"], settings["popularity_window"]
    assert weight > DEFAULT
    assert values.tolist() == recalls(train, scores, held_out, weight, window).tolist()
    of_all = [recalls(train, scores, held_out, each).mean() for each in PRIORS]
    assert values.mean() >= max(of_all)


@pytest.mark.parametrize("default", [0.1, 0.4])
def test_the_default_is_kept_if_others_are_hardly_better(train, default):
    generator = np.random.default_rng(1)
    scores = (20 * generator.normal(size=(NUM_USERS, NUM_ITEMS))).astype(np.float32)
    held_out = generator.integers(0, NUM_ITEMS, NUM_USERS)
    settings, values = chosen(train, scores, held_out, default)
    assert settings == {"popularity_prior": default, "popularity_window": 1.0}
    assert values.tolist() == recalls(train, scores, held_out, default).tolist()
