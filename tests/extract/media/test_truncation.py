"""Truncated files that FFmpeg does not report."""

import io
import struct
import wave

import numpy as np
import pytest
from PIL import Image

from extract.media import Sampling, read_media
from extract.media.truncation import is_truncated
from tests.clips import Audio, draw, make_clip, tone


def gif(*, num_frames: int = 1, **options) -> bytes:
    with io.BytesIO() as buffer:
        first, *rest = (Image.fromarray(draw(index)) for index in range(num_frames))
        first.save(buffer, "GIF", save_all=True, append_images=rest, **options)
        return buffer.getvalue()


def wav() -> bytes:
    with io.BytesIO() as buffer:
        with wave.open(buffer, "wb") as file:
            file.setparams((1, 2, 16_000, 0, "NONE", ""))
            file.writeframes((tone(0.1, 16_000) * 32767).astype(np.int16).tobytes())
        return buffer.getvalue()


def flv(tags) -> bytes:
    whole = b"FLV\1\5" + struct.pack(">I", 9) + bytes(4)
    for kind, size in tags:
        whole += struct.pack(">II", kind << 24 | size, 0) + bytes(3 + size)
        whole += struct.pack(">I", 11 + size)
    return whole


def clip(path) -> bytes:
    return make_clip(path, num_frames=25, audio=Audio(seconds=1)).read_bytes()


UNSPLIT = {
    "one image": ("gif", gif()),
    "an animation": ("gif", gif(num_frames=4, comment=b"four" * 100)),
    "a wav": ("wav", wav()),
    "a video": ("flv", flv([(9, 900), (8, 300), (9, 70_000), (18, 0), (8, 5)])),
}


@pytest.mark.parametrize("kind", UNSPLIT)
def test_a_file_truncated_anywhere_is_detected(kind):
    container, whole = UNSPLIT[kind]
    for behind in (b"", bytes(100), b"!,\xff" * 50):
        assert not is_truncated(io.BytesIO(whole + behind), container)
    for size in np.random.default_rng(0).integers(14, len(whole) - 4, 200):
        assert is_truncated(io.BytesIO(whole[:size]), container), size


def test_the_file_position_is_kept():
    file = io.BytesIO(gif())
    file.seek(7)
    is_truncated(file, "gif")
    assert file.tell() == 7


def test_a_large_avi_is_several_chunks():
    chunk = b"RIFF" + struct.pack("<I", 7) + bytes(7)
    assert not is_truncated(io.BytesIO(chunk + b"\0" + chunk), "avi")
    assert is_truncated(io.BytesIO(chunk + b"\0" + chunk[:-1]), "avi")


@pytest.mark.parametrize("size", [0, 0x7FFFFFFF, 0xFFFFFFFF])
def test_a_stated_size_of_a_pipe_is_ignored(size):
    whole = wav()
    assert not is_truncated(io.BytesIO(whole[:4] + struct.pack("<I", size) + whole[8:]), "wav")


@pytest.mark.parametrize("name", ["a.gif", "a.flv", "a.avi", "a.wav"])
def test_a_truncated_file_is_partial(tmp_path, name):
    path = tmp_path / name
    whole = {"a.gif": gif(num_frames=4), "a.wav": wav()}.get(name) or clip(path)
    for data, problem in ((whole, None), (whole[: len(whole) * 3 // 4], "cut off before its end")):
        path.write_bytes(data)
        with read_media(path, sampling=Sampling(), sample_rate_hz=[16_000]) as blocks:
            assert list(blocks)
        for part in (blocks.summary.video, blocks.summary.audio):
            assert part is None or (part.problem or "").startswith(problem or "")
            assert part is None or (part.problem is None) == (problem is None)
