"""Small feature stores for tests."""

import numpy as np

from extract.store import FeatureSet, FeatureStore

ROWS = np.arange(6, dtype=np.float32).reshape(3, 2)


def manifest(**more):
    return {"encoder": "colour", "dim": 2, "pooling": "mean", "dtype": "float16"} | more


def new_set(folder, *, layout=None, **more):
    return FeatureStore(folder).create("visual", manifest(**more), layout=layout)


def reopened(features):
    """The set as another process would see it."""
    return FeatureSet(features.path)
