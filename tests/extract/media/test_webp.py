"""Animated WebP: frames are the same as in Pillow, with their times."""

import io
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from extract.media import Frames, Limits, MediaError, Sampling, read_media
from tests.clips import draw, indices_of

EVERY = Sampling(every_nth=1)
DURATIONS = [100, 200, 50, 300, 80, 40]


def animated(frames, durations=DURATIONS, **options) -> bytes:
    with io.BytesIO() as buffer:
        first, *rest = (Image.fromarray(frame) for frame in frames)
        options = {"lossless": True, **options}
        first.save(buffer, "WEBP", save_all=True, append_images=rest, duration=durations, **options)
        return buffer.getvalue()


def read(path: Path, sampling: Sampling = EVERY, **options):
    with read_media(path, sampling=sampling, sample_rate_hz=[16_000], **options) as blocks:
        found = [block for block in blocks if isinstance(block, Frames)]
    return (
        np.concatenate([block.data for block in found]),
        [when for block in found for when in block.pts_seconds],
        blocks.summary,
    )


def by_pillow(path: Path) -> np.ndarray:
    """Return every frame on white, (T, H, W, 3)."""
    frames = []
    with Image.open(path) as image:
        for index in range(image.n_frames):
            image.seek(index)
            rgba = np.asarray(image.convert("RGBA")).astype(float)
            frames.append(rgba[..., :3] * rgba[..., 3:] / 255 + 255 - rgba[..., 3:])
    return np.rint(np.stack(frames)).astype(int)


def patches(num: int, width: int = 96, height: int = 64) -> list[np.ndarray]:
    """Return images that each change a part of the previous one, partly half transparent."""
    rng = np.random.default_rng(0)
    image = np.full((height, width, 4), 255, np.uint8)
    frames = []
    for _ in range(num):
        top, left = rng.integers(0, height // 2), rng.integers(0, width // 2)
        area = slice(top, top + 24), slice(left, left + 40)
        image = image.copy()
        image[area] = rng.integers(0, 256, (24, 40, 4))
        frames.append(image)
    return frames


def test_every_frame_has_its_time(tmp_path):
    path = tmp_path / "a.webp"
    path.write_bytes(animated([draw(index) for index in range(6)]))
    data, seconds, summary = read(path)
    assert indices_of(data) == list(range(6))
    assert np.array_equal(data, by_pillow(path))
    assert seconds == pytest.approx([0, 0.1, 0.3, 0.35, 0.65, 0.73])
    assert summary.video.seconds == pytest.approx(0.73 * 6 / 5)
    assert (summary.audio, summary.partial_reason) == (None, None)
    data, seconds, _ = read(path, Sampling(num_frames=2))  # at 0.22 and 0.66 s
    assert indices_of(data) == [1, 4]
    assert seconds == pytest.approx([0.1, 0.65])


def test_lossy_frames_are_the_same_as_in_pillow(tmp_path):
    path = tmp_path / "a.webp"
    path.write_bytes(animated([draw(index) for index in range(6)], lossless=False, quality=90))
    data, _, _ = read(path)
    assert indices_of(data) == list(range(6))
    assert np.abs(data - by_pillow(path)).mean() < 3


def anmf(data: bytes) -> list[int]:
    """Return the positions of the frames, after their names and sizes."""
    positions, at = [], 12
    while at < len(data):
        if data[at : at + 4] == b"ANMF":
            positions.append(at + 8)
        size = int.from_bytes(data[at + 4 : at + 8], "little")
        at += 8 + size + size % 2
    return positions


@pytest.mark.parametrize("flags", [0, 1, 2, 3, "mixed"])
def test_frames_are_composed_by_their_flags(tmp_path, flags):
    data = bytearray(animated(patches(6), minimize_size=True))
    for turn, position in enumerate(anmf(data)):
        data[position + 15] = turn % 4 if flags == "mixed" else flags
    path = tmp_path / "a.webp"
    path.write_bytes(data)
    frames, _, summary = read(path)
    assert len(frames) == 6
    assert np.abs(frames - by_pillow(path)).max() <= 4  # libwebp rounds down, frame by frame
    assert summary.partial_reason is None


def test_a_frame_without_a_duration_is_shown_for_100_ms(tmp_path):
    path = tmp_path / "a.webp"
    path.write_bytes(animated([draw(index) for index in range(6)], [0, 10, 11, 0, 20, 20]))
    _, seconds, _ = read(path)
    assert seconds == pytest.approx([0, 0.1, 0.2, 0.211, 0.311, 0.331])


def test_a_truncated_or_damaged_animation_is_partial(tmp_path):
    path = tmp_path / "a.webp"
    whole = animated([draw(index) for index in range(6)])
    path.write_bytes(whole[: len(whole) * 2 // 3])
    data, _, summary = read(path)
    assert indices_of(data) == list(range(len(data)))
    assert 3 <= len(data) <= 4
    assert summary.partial_reason == "video: cut off before its end"
    damaged = bytearray(whole)
    damaged[anmf(whole)[2] + 16 + 8 : anmf(whole)[2] + 16 + 40] = bytes(32)
    path.write_bytes(damaged)
    data, _, summary = read(path)
    assert len(data) == 5
    assert summary.partial_reason == "video: damaged in 1 place"


def test_the_limits_are_enforced(tmp_path):
    path = tmp_path / "a.webp"
    path.write_bytes(animated([draw(index) for index in range(6)]))
    with pytest.raises(MediaError, match="96 x 64 pixels is larger than the limit of 6,000"):
        read(path, limits=Limits(max_pixels=6_000))
    with pytest.raises(MediaError, match="more than 3 packets"):
        read(path, limits=Limits(max_packets=3))
    data, _, summary = read(path, limits=Limits(max_duration_seconds=0.5))
    assert indices_of(data) == [0, 1, 2, 3]
    assert summary.partial_reason == "video: only the first 0.5 s were read"


def test_a_frame_beyond_the_canvas_is_damaged(tmp_path):
    data = bytearray(animated([draw(index) for index in range(6)]))
    data[anmf(data)[1]] = 200  # left, in units of two pixels
    path = tmp_path / "a.webp"
    path.write_bytes(data)
    _, _, summary = read(path)
    assert summary.partial_reason == "video: damaged in 1 place"


def test_a_still_image_is_not_an_animation(tmp_path):
    path = tmp_path / "a.webp"
    Image.fromarray(draw(5)).save(path, lossless=True, exif=b"Exif\0\0II*\0")  # with a VP8X header
    data, _, summary = read(path)
    assert indices_of(data) == [5]
    assert summary.partial_reason is None
