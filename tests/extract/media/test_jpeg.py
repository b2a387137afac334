"""Truncated JPEGs, which the decoder does not report."""

import io

import numpy as np
import pytest
from PIL import Image

from extract.media import Sampling, read_media
from extract.media.jpeg import is_truncated

RNG = np.random.default_rng(0)


def jpeg(**options):
    with io.BytesIO() as buffer:
        pixels = RNG.integers(0, 256, (90, 120, 3), dtype=np.uint8)
        Image.fromarray(pixels).save(buffer, "JPEG", **options)
        return buffer.getvalue()


def with_thumbnail():
    plain, segment = jpeg(), b"Exif\0\0" + jpeg()
    return plain[:2] + b"\xff\xe1" + (len(segment) + 2).to_bytes(2, "big") + segment + plain[2:]


UNSPLIT = {
    "baseline": jpeg(),
    "progressive": jpeg(progressive=True),
    "with restarts": jpeg(restart_marker_blocks=1),
    "with a thumbnail": with_thumbnail(),
    "with trailing video": jpeg() + RNG.bytes(50_000) + b"\xff\xda",
}


@pytest.mark.parametrize("kind", UNSPLIT)
def test_a_complete_jpeg_is_not_truncated(kind):
    assert not is_truncated(UNSPLIT[kind])


@pytest.mark.parametrize("kind", [kind for kind in UNSPLIT if "video" not in kind])
def test_a_jpeg_truncated_anywhere_is_detected(kind):
    whole = UNSPLIT[kind]
    for size in RNG.integers(2, len(whole) - 1, 200):
        assert is_truncated(whole[:size]), size


def reason_of(path, data):
    path.write_bytes(data)
    with read_media(path, sampling=Sampling()) as media:
        assert {block.data.shape for block in media} == {(1, 90, 120, 3)}
    return media.summary.partial_reason


@pytest.mark.parametrize("kind", UNSPLIT)
def test_a_truncated_jpeg_is_partial(tmp_path, kind):
    whole = UNSPLIT[kind]
    assert reason_of(tmp_path / "whole.jpg", whole) is None
    if "video" not in kind:
        reason = reason_of(tmp_path / "cut.jpg", whole[: int(0.8 * len(whole))])
        assert reason == "video: cut off before its end"
