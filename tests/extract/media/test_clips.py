"""The generated clips of the tests."""

import pytest

from tests.clips import draw, index_of


@pytest.mark.parametrize("index", [0, 1, 37, 4095])
def test_the_index_of_a_frame_can_be_read_at_any_size(index):
    assert index_of(draw(index)) == index
    assert index_of(draw(index, 96, 64)[::3, ::2]) == index
    assert index_of(draw(index, 97, 65)) == index
