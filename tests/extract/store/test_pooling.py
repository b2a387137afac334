"""Pooling of rows to one vector."""

import numpy as np
import pytest

from extract.store import pool
from extract.store.pooling import pooled_width
from tests.stores import ROWS


@pytest.mark.parametrize(
    ("pooling", "expected"),
    [
        ("mean", [2, 3]),
        ("max", [4, 5]),
        ("first", [0, 1]),
        # of 0, 2, 4 and of 1, 3, 5: sqrt(8 / 3)
        ("mean_std", [2, 3, np.sqrt(8 / 3), np.sqrt(8 / 3)]),
    ],
)
def test_rows_are_pooled_to_one_vector(pooling, expected):
    for dtype in (np.float16, np.float32):
        vector = pool(ROWS.astype(dtype), pooling)
        assert vector.dtype == np.float32
        assert vector.shape == (pooled_width(2, pooling),)
        np.testing.assert_allclose(vector, expected, rtol=1e-6)


def test_an_unknown_pooling_is_refused():
    with pytest.raises(ValueError, match="unknown pooling 'median'; known: mean, max, mean_std, f"):
        pool(ROWS, "median")
