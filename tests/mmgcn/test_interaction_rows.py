"""InteractionRows against the dense matrix."""

import numpy as np
import pytest

from mmgcn.interaction_rows import InteractionRows

DENSE = np.array([[1, 0, 1, 0], [0.5, 0.5, 0.5, 0], [0, 1, 0, 0]], dtype=np.float32)


@pytest.fixture
def rows():
    """Users 0 and 2 have the items 0 and 2, and 1; user 1 is the mean of them."""
    return InteractionRows((np.array([0, 2, 2, 3]), np.array([0, 2, 1])), num_items=4)


@pytest.mark.parametrize(
    "index", [0, 1, slice(None), slice(1, 3), np.array([2, 0, 2]), np.array([True, False, True])]
)
def test_rows_are_those_of_the_dense_matrix(rows, index):
    np.testing.assert_array_equal(rows[index], DENSE[index])


def test_it_has_the_shape_and_the_values_of_an_array(rows):
    assert rows.shape == DENSE.shape
    assert len(rows) == 3
    np.testing.assert_array_equal(np.asarray(rows), DENSE)
    assert np.asarray(rows).dtype == np.float32


def test_binary_rows_of_users_without_interactions_are_zero(rows):
    np.testing.assert_array_equal(rows.binary(np.array([1, 0])), [[0, 0, 0, 0], [1, 0, 1, 0]])
    np.testing.assert_array_equal(rows.mean(), [0.5, 0.5, 0.5, 0])
