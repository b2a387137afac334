"""A TIFF is decoded completely or refused; the decoder would fill missing parts with black."""

import io
import struct
import zlib

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image

from extract.media import MediaError, Sampling, read_media
from extract.media.tiff import without_optional_tags

PIXELS = np.random.default_rng(0).integers(0, 256, (96, 128, 3), dtype=np.uint8)
STRIPS = [PIXELS[top : top + 16].tobytes() for top in range(0, 96, 16)]
TILES = [
    PIXELS[top : top + 32, left : left + 32].tobytes()
    for top in range(0, 96, 32)
    for left in range(0, 128, 32)
]
LONG = 4  # type of 32-bit integers


def tiff(pieces, *, tile=None, missing=(), others=()):
    """Return a header, one directory and its pieces: strips of 16 rows, or tiles; deflated.

    Source: TIFF 6.0, sections 2, 3 and 15.
    """
    pieces = [b"" if index in missing else zlib.compress(p) for index, p in enumerate(pieces)]
    tags = {256: [128], 257: [96], 258: [8, 8, 8], 259: [8], 262: [2], 277: [3], **dict(others)}
    tags |= {278: [16]} if tile is None else {322: [tile], 323: [tile]}
    offsets, sizes = (273, 279) if tile is None else (324, 325)
    start = 8 + 2 + 12 * (len(tags) + 2) + 4
    tags[sizes] = [len(piece) for piece in pieces]
    tags[offsets] = [0] * len(pieces)
    starts = start + 4 * sum(len(values) for values in tags.values() if len(values) > 1)
    for index, piece in enumerate(pieces):
        tags[offsets][index] = starts if piece else 0
        starts += len(piece)
    entries = lists = b""
    for tag in sorted(tags):
        values = tags[tag]
        entries += struct.pack("<HHI", tag, LONG, len(values))
        entries += struct.pack("<I", values[0] if len(values) == 1 else start + len(lists))
        lists += struct.pack(f"<{len(values)}I", *values) if len(values) > 1 else b""
    return (
        b"II*\0" + struct.pack("<IH", 8, len(tags)) + entries + bytes(4) + lists + b"".join(pieces)
    )


def pillow(**options):
    with io.BytesIO() as buffer:
        Image.fromarray(PIXELS).save(buffer, "TIFF", **options)
        return buffer.getvalue()


def read(path, data):
    path.write_bytes(data)
    with read_media(path, sampling=Sampling()) as media:
        (block,) = media
    assert media.summary.partial_reason is None
    return block.data[0]


@pytest.mark.parametrize(
    "data",
    [
        tiff(STRIPS),
        tiff(STRIPS, others={296: [2], 274: [1], 700: [7] * 50}),  # unknown to the decoder
        *(pillow(compression=name, dpi=(72, 72)) for name in ("raw", "tiff_lzw", "packbits")),
    ],
)
def test_strips_are_decoded(tmp_path, data):
    assert np.array_equal(read(tmp_path / "a.tiff", data), PIXELS)


def test_generated_tiffs_are_valid():
    for data in (tiff(STRIPS), tiff(TILES, tile=32)):
        with Image.open(io.BytesIO(data)) as image:
            assert np.array_equal(np.asarray(image), PIXELS)


@pytest.mark.parametrize(
    "data",
    [
        tiff(STRIPS, missing=[2]),
        tiff(STRIPS, missing=[5]),
        tiff(STRIPS)[:-3_000],
        tiff(STRIPS)[:12_000] + bytes(200) + tiff(STRIPS)[12_200:],
        tiff(TILES, tile=32),
        tiff(TILES, tile=32, missing=[3]),
        pillow(compression="jpeg"),
        pillow(compression="raw")[:-3_000],
    ],
    ids=["hole", "last", "cut off", "damaged", "tiles", "missing tile", "JPEG", "cut directory"],
)
def test_incomplete_tiffs_are_refused_with_a_reason(tmp_path, data):
    with pytest.raises(MediaError, match=r"nothing could be decoded.*a TIFF of tiles or JPEG"):
        read(tmp_path / "a.tiff", data)


@given(st.binary(max_size=80))
def test_a_broken_directory_is_passed_to_the_decoder(data):
    assert len(without_optional_tags(b"II*\0" + data) or b"") <= len(data) + 4


def test_raw_photos_are_unchanged():
    assert without_optional_tags(tiff(STRIPS, others={50706: [1]})) is None
