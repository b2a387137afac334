"""Mutated files are decoded partially or fail with a reason.

`MEDIA_FUZZ_ROUNDS=1000 pytest tests/extract/media/test_fuzz.py` runs for longer, and
`MEDIA_FUZZ_SEED=1000` continues from there.
"""

import os
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from extract.media import Limits, MediaError, Sampling, probe, read_media
from tests.clips import Audio, make_clip

ROUNDS = int(os.environ.get("MEDIA_FUZZ_ROUNDS", "4"))
FIRST_SEED = int(os.environ.get("MEDIA_FUZZ_SEED", "0"))
BASES: dict[str, dict] = {
    "h264.mp4": {"audio": Audio(seconds=1), "options": {"preset": "fast", "bf": "2", "g": "8"}},
    "fragments.mp4": {"container_options": {"movflags": "frag_keyframe+empty_moov"}},
    "hevc.mp4": {"codec": "libx265"},
    "h264.mkv": {"audio": Audio(seconds=1, codec="vorbis", layout="stereo", rate=44_100)},
    "vp8.webm": {"codec": "libvpx", "audio": Audio(seconds=1, rate=48_000)},
    "mpeg4.avi": {"audio": Audio(seconds=1)},
    "h264.flv": {"audio": Audio(seconds=1)},
    "h264.ts": {"audio": Audio(seconds=1, codec="ac3", rate=48_000)},
    "animation.gif": {"num_frames": 8},
    "animation.webp": {"num_frames": 8, "codec": "libwebp_anim"},
    "image.png": {"num_frames": 1, "codec": "png", "pix_fmt": "rgb24"},
    "image.tiff": {"num_frames": 1, "codec": "tiff", "pix_fmt": "rgb24"},
    "audio.mp3": {"num_frames": 0, "audio": Audio(seconds=1, codec="libmp3lame")},
}
EXTREMES = (b"\0\0\0\0", b"\0\0\0\1", b"\x7f\xff\xff\xff", b"\x80\0\0\0", b"\xff\xff\xff\xff")


def truncate(data: bytearray, rng: np.random.Generator) -> bytearray:
    return data[: int(rng.integers(1, len(data)))]


def flip_bits(data: bytearray, rng: np.random.Generator) -> bytearray:
    for at in rng.integers(0, len(data), size=int(rng.integers(1, 40))):
        data[at] ^= 1 << int(rng.integers(8))
    return data


def swap_blocks(data: bytearray, rng: np.random.Generator) -> bytearray:
    """Swap two ranges of bytes."""
    size = int(rng.integers(8, max(len(data) // 8, 9)))
    a, b = sorted(int(at) for at in rng.integers(0, max(len(data) - size, 1), size=2))
    if a + size <= b:
        data[a : a + size], data[b : b + size] = data[b : b + size], data[a : a + size]
    return data


def swap_atoms(data: bytearray, rng: np.random.Generator) -> bytearray:
    """Permute the boxes of an MP4, or swap the halves of another file."""
    atoms, at = [], 0
    while at + 8 <= len(data):
        size = max(int.from_bytes(data[at : at + 4], "big"), 8)
        atoms.append(data[at : at + size])
        at += size
    if len(atoms) < 2:
        return data[len(data) // 2 :] + data[: len(data) // 2]
    return bytearray(b"".join(atoms[index] for index in rng.permutation(len(atoms))))


def overwrite_numbers(data: bytearray, rng: np.random.Generator) -> bytearray:
    """Overwrite numbers near the box names of an MP4, and in the first and last bytes."""
    names = (b"mvhd", b"tkhd", b"mdhd", b"stsz", b"stco", b"stts", b"stsc", b"ctts", b"elst")
    positions = [data.find(name) + int(rng.integers(-4, 40)) for name in names if name in data]
    positions += [
        *rng.integers(0, min(len(data), 400), size=2),
        len(data) - int(rng.integers(4, 99)),
    ]
    for at in rng.choice(positions, size=2):
        start = max(int(at), 0)
        data[start : start + 4] = EXTREMES[int(rng.integers(len(EXTREMES)))]
    return data


def insert_noise(data: bytearray, rng: np.random.Generator) -> bytearray:
    at = int(rng.integers(0, len(data)))
    return data[:at] + rng.bytes(int(rng.integers(1, 200))) + data[at:]


MUTATIONS: list[Callable[[bytearray, np.random.Generator], bytearray]] = [
    truncate,
    flip_bits,
    swap_blocks,
    swap_atoms,
    overwrite_numbers,
    insert_noise,
]


@pytest.fixture(scope="module", params=BASES)
def base(request, tmp_path_factory) -> tuple[Path, bytes]:
    path = tmp_path_factory.mktemp("fuzz") / request.param
    make_clip(path, **{"num_frames": 20, **BASES[request.param]})
    return path, path.read_bytes()


@pytest.mark.parametrize("mutation", MUTATIONS, ids=lambda mutation: mutation.__name__)
def test_a_mutated_file_is_decoded_partially_or_has_a_reason(base, mutation):
    path, whole = base
    limits = Limits(max_pixels=1_000_000, max_duration_seconds=3600, max_seconds=20)
    for seed in range(FIRST_SEED, FIRST_SEED + ROUNDS):
        mutant = path.with_name(f"{mutation.__name__}-{path.name}")
        mutant.write_bytes(mutation(bytearray(whole), np.random.default_rng(seed)))
        try:
            probe(mutant, limits)
            with read_media(
                mutant, sampling=Sampling(num_frames=4), sample_rate_hz=[16_000], limits=limits
            ) as blocks:
                for block in blocks:
                    assert np.isfinite(block.data).all()
            reason = blocks.summary.partial_reason
        except MediaError as error:
            reason = str(error)
        assert reason != "", f"{mutation.__name__} seed {seed} of {path.name} has no reason"
