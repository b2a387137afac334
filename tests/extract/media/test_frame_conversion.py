"""Frames are converted to RGB with the right colours, shape and orientation."""

from fractions import Fraction
from pathlib import Path

import av
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from extract.media import Frames, Limits, Sampling, read_media
from extract.media.orientation import EXIF_ORIENTATIONS, exif_orientation, from_matrix
from tests.clips import draw, index_of, indices_of, make_clip

BT601, BT709, BT2020 = 6, 1, 9  # AVColorSpace; BT2020 in AVColorPrimaries too
LUMA = {BT601: (0.299, 0.114), BT709: (0.2126, 0.0722), BT2020: (0.2627, 0.0593)}  # Kr, Kb
COLOURS = {
    "red": (255, 0, 0),
    "green": (0, 255, 0),
    "blue": (0, 0, 255),
    "orange": (230, 140, 30),
    "grey": (90, 90, 90),
    "white": (255, 255, 255),
}


def read(path: Path, **options) -> np.ndarray:
    with read_media(path, sampling=Sampling(every_nth=1), **options) as blocks:
        frames = [block.data for block in blocks if isinstance(block, Frames)]
    assert blocks.summary.partial_reason is None
    return np.concatenate(frames)


def to_yuv(rgb, matrix: int, *, bits: int, is_full: bool) -> list[int]:
    """Convert by the equations of BT.601, BT.709 and BT.2020, which differ only in Kr and Kb."""
    kr, kb = LUMA[matrix]
    r, g, b = (value / 255 for value in rgb)
    y = kr * r + (1 - kr - kb) * g + kb * b
    cb, cr = (b - y) / (2 - 2 * kb), (r - y) / (2 - 2 * kr)
    scale = 1 << (bits - 8)
    if is_full:
        top = 256 * scale - 1
        exact = (top * y, top * cb + 128 * scale, top * cr + 128 * scale)
        return [min(round(value), top) for value in exact]
    return [round(scale * value) for value in (16 + 219 * y, 128 + 224 * cb, 128 + 224 * cr)]


def make_flat(
    path: Path, yuv, *, bits: int, matrix=None, is_full=None, size=(64, 64), transfer=None
) -> Path:
    """Write a clip of one colour, given as stored."""
    pix_fmt = "yuv420p" if bits == 8 else "yuv420p10le"
    with av.open(path, "w") as container:
        stream = container.add_stream("libx264", rate=10, options={"crf": "1", "threads": "1"})
        stream.width, stream.height = size
        stream.pix_fmt = pix_fmt
        frame = av.VideoFrame(*size, pix_fmt)
        for plane, value in zip(frame.planes, yuv, strict=True):
            dtype = np.uint8 if bits == 8 else np.uint16
            plane.update(np.full(plane.buffer_size // dtype().itemsize, value, dtype).tobytes())
        for target in (stream.codec_context, frame):
            if matrix is not None:
                target.colorspace = matrix
            if is_full is not None:
                target.color_range = 2 if is_full else 1
            if transfer is not None:
                target.color_trc, target.color_primaries = transfer, BT2020
        frame.pts, frame.time_base = 0, Fraction(1, 10)
        container.mux(stream.encode(frame))
        container.mux(stream.encode(None))
    return path


@pytest.mark.parametrize("bits", [8, 10])
@pytest.mark.parametrize("is_full", [False, True], ids=["limited", "full"])
@pytest.mark.parametrize("matrix", LUMA, ids=["BT.601", "BT.709", "BT.2020"])
@pytest.mark.parametrize("colour", COLOURS)
def test_colours_follow_the_tags(tmp_path, colour, matrix, is_full, bits):
    yuv = to_yuv(COLOURS[colour], matrix, bits=bits, is_full=is_full)
    clip = make_flat(tmp_path / "a.mp4", yuv, bits=bits, matrix=matrix, is_full=is_full)
    assert read(clip)[0, 32, 32].tolist() == pytest.approx(COLOURS[colour], abs=4)


@pytest.mark.parametrize(
    ("size", "matrix"), [((720, 576), BT601), ((1280, 720), BT709), ((576, 1024), BT709)]
)
def test_untagged_colours_are_interpreted_as_in_players(tmp_path, size, matrix):
    yuv = to_yuv(COLOURS["orange"], matrix, bits=8, is_full=False)
    clip = make_flat(tmp_path / "a.mp4", yuv, bits=8, size=size)
    assert read(clip)[0, 32, 32].tolist() == pytest.approx(COLOURS["orange"], abs=4)


PQ, HLG = 16, 18  # AVColorTransferCharacteristic


def pq_signal(nits: float) -> float:
    """Return the inverse EOTF of SMPTE ST 2084."""
    m1, m2, c1, c2, c3 = 2610 / 16384, 2523 / 32, 3424 / 4096, 2413 / 128, 2392 / 128
    power = (nits / 10_000) ** m1
    return float(((c1 + c2 * power) / (1 + c3 * power)) ** m2)


def hlg_signal(nits: float) -> float:
    """Return the inverse of the OOTF and the OETF of ARIB STD-B67, on a display of 1,000 cd/m2."""
    scene = (nits / 1_000) ** (1 / 1.2)
    a, b, c = 0.17883277, 0.28466892, 0.55991073
    return float(np.sqrt(3 * scene) if scene <= 1 / 12 else a * np.log(12 * scene - b) + c)


def srgb_signal(linear: float) -> float:
    """Return the inverse EOTF of IEC 61966-2-1."""
    linear = min(linear, 1.0)
    return 12.92 * linear if linear <= 0.0031308 else 1.055 * linear ** (1 / 2.4) - 0.055


@pytest.mark.parametrize(("transfer", "signal"), [(PQ, pq_signal), (HLG, hlg_signal)])
def test_high_dynamic_range_puts_diffuse_white_at_white(tmp_path, transfer, signal):
    for nits in (5, 50, 150, 203, 800):  # the last is a highlight, and clipped
        luma = round(4 * (16 + 219 * signal(nits)))
        clip = make_flat(
            tmp_path / "a.mp4",
            (luma, 512, 512),
            bits=10,
            matrix=BT2020,
            is_full=False,
            transfer=transfer,
        )
        grey = 255 * srgb_signal(nits / 203)
        assert read(clip)[0, 32, 32].tolist() == pytest.approx([grey] * 3, abs=4)


def test_transparent_pixels_are_blended_with_white(tmp_path):
    def half_transparent(index, width, height):
        rgba = np.zeros((height, width, 4), np.uint8)
        rgba[..., 0] = 200  # red, opaque on the left, clear on the right, half in between
        rgba[:, : width // 3, 3] = 255
        rgba[:, width // 3 : 2 * width // 3, 3] = 128
        return rgba

    clip = make_clip(
        tmp_path / "a.png", num_frames=1, codec="png", pix_fmt="rgba", draw_frame=half_transparent
    )
    assert read(clip)[0, 5, [5, 48, 90]].tolist() == [[200, 0, 0], [227, 127, 127], [255] * 3]


def test_a_palette_is_looked_up(tmp_path):
    clip = make_clip(tmp_path / "a.gif", num_frames=5)
    assert indices_of(read(clip)) == [0, 1, 2, 3, 4]


@pytest.mark.parametrize("size", [(97, 65), (33, 31), (1, 1)])
def test_odd_sizes_are_kept(tmp_path, size):
    width, height = size
    clip = make_clip(
        tmp_path / "a.mkv", num_frames=2, codec="ffv1", width=width, height=height, pix_fmt="bgr0"
    )
    assert read(clip).shape == (2, height, width, 3)


def test_a_single_frame_is_a_clip(tmp_path):
    assert indices_of(read(make_clip(tmp_path / "a.mp4", num_frames=1))) == [0]


@pytest.mark.parametrize("suffix", [".mp4", ".mkv"])
@pytest.mark.parametrize("rotation", [0, 90, 180, 270])
def test_rotation_is_applied(tmp_path, rotation, suffix):
    # A sideways camera stores a rotated frame, and the rotation that makes it upright.
    def sideways(index, width, height):
        return np.rot90(draw(index, 64, 96), -rotation // 90)

    width, height = (96, 64) if rotation % 180 else (64, 96)
    clip = make_clip(
        tmp_path / f"a{suffix}",
        num_frames=3,
        width=width,
        height=height,
        rotation=rotation,
        draw_frame=sideways,
    )
    frames = read(clip)
    assert frames.shape == (3, 96, 64, 3)
    assert indices_of(frames) == [0, 1, 2]


@pytest.mark.parametrize("flip_y", [False, True])
@pytest.mark.parametrize("flip_x", [False, True])
def test_mirroring_is_applied(tmp_path, flip_x, flip_y):
    one = 1 << 16
    clip = make_clip(
        tmp_path / "a.mp4",
        num_frames=2,
        draw_frame=lambda *frame: draw(*frame)[:: -1 if flip_y else 1, :: -1 if flip_x else 1],
        configure=lambda stream: stream.set_display_matrix(
            [-one if flip_x else one, 0, 0, 0, -one if flip_y else one, 0, 0, 0, 1 << 30]
        ),
    )
    assert indices_of(read(clip)) == [0, 1]


@given(st.integers(0, 3), st.booleans(), st.integers(1, 5), st.integers(1, 5))
def test_a_display_matrix_maps_points_by_its_equation(quarter_turns, is_mirrored, width, height):
    a, b, c, d = np.round(
        [
            np.cos(turn := quarter_turns * np.pi / 2),
            np.sin(turn),
            -np.sin(turn),
            np.cos(turn),
        ]
    ).astype(int)
    if is_mirrored:
        a, b = -a, -b
    stored = np.arange(width * height).reshape(height, width, 1)
    matrix = np.array([a << 16, b << 16, 0, c << 16, d << 16, 0, 0, 0, 1 << 30], dtype=np.int32)
    shown = from_matrix(matrix).apply(stored)
    # (x, y) -> (a x + c y, b x + d y), shifted so that all coordinates start at 0
    points = {
        (a * x + c * y, b * x + d * y): stored[y, x, 0] for x in range(width) for y in range(height)
    }
    left, top = min(x for x, _ in points), min(y for _, y in points)
    assert {
        (x + left, y + top): shown[y, x, 0]
        for y in range(shown.shape[0])
        for x in range(shown.shape[1])
    } == points


def exif(orientation: int, order: str = "big") -> bytes:
    """Return a TIFF header and a directory with one entry."""
    short, long = (lambda value: value.to_bytes(2, order)), (lambda value: value.to_bytes(4, order))
    start = b"MM\0*" if order == "big" else b"II*\0"
    entry = short(0x0112) + short(3) + long(1) + short(orientation) + short(0)
    return start + long(8) + short(1) + entry + long(0)


@pytest.mark.parametrize("order", ["big", "little"])
@pytest.mark.parametrize("number", range(1, 9))
def test_photos_are_turned_by_their_exif_orientation(tmp_path, number, order):
    # Exif states how to turn the stored image; its inverse gives the image to store.
    turned = {5: 5, 6: 8, 7: 7, 8: 6}.get(number, number)
    stored = EXIF_ORIENTATIONS[turned - 1].apply(draw(37))
    height, width = stored.shape[:2]
    path = make_clip(
        tmp_path / "a.jpg",
        num_frames=1,
        codec="mjpeg",
        pix_fmt="yuvj444p",
        width=width,
        height=height,
        draw_frame=lambda *_: stored,
    )
    plain = path.read_bytes()
    segment = b"Exif\0\0" + exif(number, order)
    path.write_bytes(
        plain[:2] + b"\xff\xe1" + (len(segment) + 2).to_bytes(2, "big") + segment + plain[2:]
    )
    (frame,) = read(path)
    assert frame.shape == (64, 96, 3)
    assert index_of(frame) == 37


@given(st.binary(max_size=60), st.sampled_from([b"Exif\0\0", b"eXIf", b"EXIF", b""]))
def test_broken_exif_is_ignored(data, mark):
    assert 1 <= exif_orientation(mark + data) <= 8
    assert exif_orientation(mark + b"II*\0" + data[:3]) == 1


@pytest.mark.parametrize(
    ("ratio", "shape"),
    [
        (Fraction(4, 3), (64, 128)),
        (Fraction(1, 2), (128, 96)),
        (Fraction(1), (64, 96)),
        (Fraction(500), (64, 96)),  # implausible
    ],
)
def test_frames_with_oblong_pixels_are_enlarged(tmp_path, ratio, shape):
    clip = make_clip(tmp_path / "a.mkv", num_frames=3, sample_aspect_ratio=ratio)
    frames = read(clip)
    assert frames.shape[1:3] == shape
    assert indices_of(frames) == [0, 1, 2]


def test_a_change_of_size_starts_a_new_block(tmp_path):
    small, large = (
        make_clip(
            tmp_path / f"{w}.mjpeg",
            num_frames=4,
            width=w,
            height=h,
            codec="mjpeg",
            pix_fmt="yuvj420p",
        )
        for w, h in ((96, 64), (192, 128))
    )
    joined = tmp_path / "joined.mjpeg"
    joined.write_bytes(small.read_bytes() + large.read_bytes())
    with read_media(joined, sampling=Sampling(every_nth=1)) as blocks:
        shapes = [block.data.shape for block in blocks]
    assert shapes == [(4, 64, 96, 3), (4, 128, 192, 3)]


def test_large_frames_are_returned_in_small_blocks(tmp_path, monkeypatch):
    monkeypatch.setattr("extract.media.reader.BLOCK_BYTES", 3 * 96 * 64 * 3)
    clip = make_clip(tmp_path / "a.mp4", num_frames=10)
    with read_media(clip, sampling=Sampling(every_nth=1)) as blocks:
        assert [len(block) for block in blocks] == [3, 3, 3, 1]


def test_blocks_have_at_most_32_frames(tmp_path):
    clip = make_clip(tmp_path / "a.mp4", num_frames=70)
    with read_media(clip, sampling=Sampling(every_nth=1)) as blocks:
        assert [len(block) for block in blocks] == [32, 32, 6]


def test_a_frame_beyond_the_limit_is_refused(tmp_path):
    clip = make_clip(tmp_path / "a.mp4", num_frames=2)
    with (
        read_media(clip, sampling=Sampling(), limits=Limits(max_pixels=96 * 64 - 1)) as blocks,
        pytest.raises(ValueError, match=r"96 x 64 pixels is larger than the limit of 6,143"),
    ):
        list(blocks)
