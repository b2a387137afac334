"""The vector of a user who is not in the run."""

import numpy as np
import pytest

from mmgcn import Recommender
from tests.runs import write_vectors


def new_recommender(folder, user, item, watched):
    """A run in which user u has watched the items watched[u]."""
    item_parts = {"id": item.astype(np.float32)}
    write_vectors(folder, user.astype(np.float32), item_parts, seen=watched)
    return Recommender.load(folder)


@pytest.fixture
def world(tmp_path):
    """Users whose vectors are the rotated mean of what they watched."""
    rng = np.random.default_rng(0)
    item = rng.normal(size=(60, 6))
    watched = [rng.permutation(60)[: rng.integers(3, 9)] for _ in range(200)]
    turn, _ = np.linalg.qr(rng.normal(size=(6, 6)))
    unit = item / np.linalg.norm(item, axis=1, keepdims=True)
    user = np.stack([unit[rows].mean(axis=0) for rows in watched]) @ turn
    user /= np.linalg.norm(user, axis=1, keepdims=True)
    return new_recommender(tmp_path / "run", user, item, watched), watched


def test_a_new_users_vector_is_near_that_of_a_user_of_the_run(world):
    recommender, watched = world
    for user in range(20):
        vector = recommender.fold_in.vector(watched[user])
        own = recommender.run.user[user]
        cosine = vector @ own / np.linalg.norm(vector) / np.linalg.norm(own)
        assert cosine > 0.9


def test_further_vectors_count_like_items(world):
    recommender, watched = world
    rows = watched[0]
    apart = recommender.fold_in.vector(rows[1:], recommender.run.item[rows[:1]])
    np.testing.assert_allclose(apart, recommender.fold_in.vector(rows), rtol=1e-5)


def test_the_indicator_vector_of_a_new_user_is_exact(tmp_path):
    watched = [np.array([0, 2]), np.array([1]), np.array([1, 3])]
    user = np.zeros((3, 4))
    for row, items in enumerate(watched):
        user[row, items] = 1
    recommender = new_recommender(tmp_path / "run", user, np.eye(4)[::-1], watched)
    assert recommender.fold_in.vector(np.array([1, 2])).tolist() == [0, 1, 1, 0]
    with pytest.raises(ValueError, match="a history cannot contain a video that is not in the run"):
        recommender.fold_in.vector(np.array([1]), np.ones((1, 4), dtype=np.float32))
