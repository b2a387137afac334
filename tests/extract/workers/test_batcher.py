"""Batches across clips: each row goes back to the clip its unit came from."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from extract.workers.batcher import Batcher, checked_rows


class Double:
    """Doubles a number, and remembers how many it was given."""

    name, dim, batch_units = "double", 1, 4

    def __init__(self):
        self.sizes = []

    def encode(self, units):
        self.sizes.append(len(units))
        return 2 * units


def units(*numbers):
    return np.array(numbers, dtype=np.float32).reshape(-1, 1)


def taken(batcher):
    return {clip: (rows[:, 0].tolist(), list(times)) for clip, rows, times in batcher.ready()}


def test_a_batch_is_filled_across_clips():
    encoder = Double()
    batcher = Batcher(encoder)
    batcher.add(7, units(1, 2, 3), np.arange(3.0))
    batcher.close(7)
    assert taken(batcher) == {}
    assert encoder.sizes == []
    assert batcher.fills_with(1)
    batcher.add(9, units(4, 5), np.arange(2.0))
    assert taken(batcher) == {7: ([2, 4, 6], [0, 1, 2])}
    batcher.close(9)
    batcher.flush()
    assert taken(batcher) == {9: ([8, 10], [0, 1])}
    assert batcher.encode_seconds > 0


@given(
    st.lists(st.tuples(st.integers(0, 3), st.integers(0, 9)), max_size=12),
    st.integers(1, 6),
    st.data(),
)
def test_every_clip_gets_its_rows_in_order(blocks, batch_units, data):
    encoder = Double()
    batcher = Batcher(encoder, batch_units=batch_units)
    expected = {clip: [] for clip in range(4)}
    found = {}
    for number, (clip, size) in enumerate(blocks):
        numbers = [100 * number + i for i in range(size)]
        expected[clip] += numbers
        batcher.add(clip, units(*numbers), np.array(numbers, dtype=float))
        found |= taken(batcher)
        if data.draw(st.booleans(), label="flush"):
            batcher.flush()
    for clip in expected:
        batcher.close(clip)
    batcher.flush()
    found |= taken(batcher)
    assert found == {
        clip: ([2 * number for number in numbers], numbers) for clip, numbers in expected.items()
    }
    assert set(encoder.sizes) <= {batch_units}  # one size, so that no row depends on its batch


def test_dropping_a_clip_drops_only_its_units():
    batcher = Batcher(Double())
    batcher.add(1, units(1), np.zeros(1))
    batcher.add(2, units(2, 3), np.zeros(2))
    batcher.drop(2)
    batcher.drop(3)
    batcher.close(1)
    assert batcher.num_waiting == 1
    batcher.flush()
    assert taken(batcher) == {1: ([2], [0])}


def test_a_clip_without_units_has_no_rows():
    batcher = Batcher(Double())
    batcher.close(5)
    ((clip, rows, times),) = batcher.ready()
    assert (clip, rows.shape, times.shape) == (5, (0, 1), (0,))


def test_rows_do_not_keep_their_batch_in_memory():
    batcher = Batcher(Double())
    batcher.add(1, units(1, 2, 3, 4), np.zeros(4))
    batcher.close(1)
    ((_, rows, _),) = batcher.ready()
    assert rows.base is None


@pytest.mark.parametrize("rows", [np.zeros((2, 1)), np.zeros((3, 2)), np.zeros(3)])
def test_rows_of_another_shape_are_refused(rows):
    with pytest.raises(ValueError, match=r"'double' returned \(.*\) for 3 units; its rows are"):
        checked_rows(Double(), rows, 3)
