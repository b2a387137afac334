"""Sprites: which frames they have, and their size."""

import numpy as np
import pytest

from extract.workers.sprite import MAX_KEPT, Sprite


def grey(values, height=4, width=6):
    """Frames of one grey each."""
    frames = np.asarray(values, np.uint8)[:, None, None, None]
    return np.broadcast_to(frames, (len(values), height, width, 3))


@pytest.mark.parametrize(
    ("num_frames", "expected"),
    [
        (1, [0] * 8),
        (4, [0, 0, 1, 1, 2, 2, 3, 3]),
        (8, list(range(8))),
        (16, list(range(1, 16, 2))),
    ],
)
def test_eight_frames_are_evenly_spaced(num_frames, expected):
    sprite = Sprite()
    for frame in grey(range(num_frames)):
        sprite.add(frame[None])
    image = sprite.image()
    assert image.shape == (4, 48, 3)
    assert image[0, ::6, 0].tolist() == expected


def test_many_frames_are_subsampled_and_still_evenly_spaced():
    sprite = Sprite()
    for start in range(0, 250, 10):
        sprite.add(grey(range(start, start + 10)))
        assert len(sprite._kept) <= MAX_KEPT
    found = sprite.image()[0, ::6, 0].astype(int)
    middles = (np.arange(8) + 0.5) * 250 / 8
    assert np.abs(found - middles).max() <= 8
    assert np.ptp(np.diff(found)) <= 8


def test_frames_of_another_size_are_cropped_or_padded():
    sprite = Sprite()
    sprite.add(grey([7]))
    sprite.add(grey([9], height=2, width=9))
    image = sprite.image()
    assert image.shape == (4, 48, 3)
    assert image[:, -6:, 0].tolist() == [[9] * 6] * 2 + [[0] * 6] * 2


def test_a_large_frame_is_scaled_and_without_frames_there_is_no_file(tmp_path):
    sprite = Sprite()
    assert sprite.image() is None
    sprite.write(tmp_path, "clip")
    assert list(tmp_path.iterdir()) == []
    sprite.add(grey([5], height=384, width=192))
    assert sprite.image().shape == (192, 8 * 96, 3)
    sprite.write(tmp_path, "clip A")
    assert (tmp_path / "clip%20%41.jpg").read_bytes()[:3] == b"\xff\xd8\xff"
