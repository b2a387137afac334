"""The clips of the tests are what they say."""

import pytest

from tests.clips import draw, index_of


@pytest.mark.parametrize("index", [0, 1, 37, 4095])
def test_a_frame_says_which_it_is_at_any_size(index):
    assert index_of(draw(index)) == index
    assert index_of(draw(index, 96, 64)[::3, ::2]) == index
    assert index_of(draw(index, 97, 65)) == index
