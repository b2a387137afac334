"""Vectors of videos that are not in the run."""

import numpy as np
import pytest

from mmgcn.serving.cold_start.projection import Projection

RNG = np.random.default_rng(0)


@pytest.fixture(scope="module")
def world():
    """Items whose vectors are a linear map of their features, with a little noise."""
    features = {"visual": RNG.normal(size=(400, 12)), "textual": RNG.normal(size=(400, 5)) * 9 + 4}
    item = features["visual"] @ RNG.normal(size=(12, 4)) + 0.1 * RNG.normal(size=(400, 4))
    present = {name: np.ones(400, dtype=bool) for name in features}
    return features, present, item


def first(values, count):
    return {name: value[:count] for name, value in values.items()}


def last(values, count):
    return {name: value[-count:] for name, value in values.items()}


def test_a_cold_item_is_near_its_own_vector(world):
    features, present, item = world
    projection = Projection.fit(first(features, 300), first(present, 300), item[:300])
    vectors = projection.vectors(last(features, 100), last(present, 100))
    cosines = (vectors * item[-100:]).sum(1) / np.linalg.norm(vectors, axis=1)
    cosines /= np.linalg.norm(item[-100:], axis=1)
    assert np.median(cosines) > 0.9


def test_fewer_items_than_columns_give_the_same_map(world):
    """The dual system is the primal one."""
    features, present, item = world
    wide = {"visual": np.concatenate([features["visual"], np.zeros((400, 500))], axis=1)}
    there = {"visual": present["visual"]}
    narrow = {"visual": features["visual"]}
    primal = Projection.fit(narrow, there, item)
    dual = Projection.fit(wide, there, item)
    np.testing.assert_allclose(
        dual.vectors(wide, there), primal.vectors(narrow, there), rtol=1e-3, atol=1e-4
    )


def test_an_item_without_any_modality_gets_the_mean_vector(world):
    features, present, item = world
    projection = Projection.fit(features, present, item)
    absent = {name: np.zeros(2, dtype=bool) for name in features}
    vectors = projection.vectors(first(features, 2), absent)
    np.testing.assert_allclose(vectors, np.tile(item.mean(axis=0), (2, 1)), rtol=1e-5, atol=1e-6)


def test_a_projection_without_items_is_refused(world):
    features, present, item = world
    nothing = {name: np.zeros_like(there) for name, there in present.items()}
    with pytest.raises(ValueError, match="no item has features"):
        Projection.fit(features, nothing, item)
