"""Selected frames are bit-identical to decoding everything and selecting."""

from collections.abc import Callable
from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path

import av
import numpy as np
import pytest

from extract.media import Frames, Sampling, frame_decoder, packets, read_media, timeline
from tests.clips import indices_of, make_clip

B_FRAMES = {"preset": "medium", "bf": "3", "g": "12"}
X265 = "log-level=none:pools=none:frame-threads=1:keyint=24:"
# File name -> options of `make_clip`. All have 80 frames, minus those that an edit list removes.
CLIPS: dict[str, dict] = {
    "closed-groups.mp4": {"options": B_FRAMES},
    "open-groups.mp4": {
        "options": {**B_FRAMES, "x264-params": "open-gop=1:scenecut=0:b-pyramid=strict"}
    },
    "one-group.mp4": {"options": {**B_FRAMES, "g": "500"}},
    "intra-refresh.mp4": {"options": {"g": "30", "x264-params": "intra-refresh=1:scenecut=0"}},
    "interlaced.mp4": {
        "options": {**B_FRAMES, "flags": "+ildct+ilme", "x264-params": "tff=1"},
    },
    "variable-rate.mp4": {
        "options": B_FRAMES,
        "pts_ms": [t * t // 7 + 30 * t for t in range(80)],
    },
    "edit-list.mp4": {
        "options": B_FRAMES,
        "pts_ms": [1000 * t // 24 - 700 for t in range(80)],
    },
    "starts-late.mkv": {"options": B_FRAMES, "pts_ms": [5000 + 40 * t for t in range(80)]},
    "b-frames.ts": {"options": B_FRAMES},
    "b-frames.flv": {"options": B_FRAMES},
    "b-frames.avi": {"codec": "libx264", "options": B_FRAMES},
    "fragments.mp4": {
        "options": B_FRAMES,
        "container_options": {"movflags": "frag_keyframe+empty_moov"},
    },
    "hevc.mp4": {
        "codec": "libx265",
        "options": {"preset": "fast", "x265-params": X265 + "bframes=4:open-gop=1"},
    },
    "hevc-layers.mp4": {
        "codec": "libx265",
        "options": {"preset": "fast", "x265-params": X265 + "bframes=7:temporal-layers=3"},
    },
    "hevc.ts": {
        "codec": "libx265",
        "options": {"preset": "fast", "x265-params": X265 + "bframes=4"},
    },
    "hidden-frames.webm": {
        "codec": "libvpx",
        "options": {"auto-alt-ref": "1", "lag-in-frames": "16", "deadline": "good"},
    },
    "vp9.webm": {},
    "av1.mkv": {"codec": "libsvtav1"},
    "mpeg4-b-frames.mp4": {"codec": "mpeg4", "options": {"bf": "2"}},
    "mpeg4-b-frames.avi": {"codec": "mpeg4", "options": {"bf": "2"}},
    "mpeg2.ts": {"codec": "mpeg2video", "options": {"bf": "2"}},
    "mjpeg.mov": {"codec": "mjpeg", "pix_fmt": "yuvj420p"},
    "ffv1.mkv": {"codec": "ffv1"},
    "prores.mov": {"codec": "prores_ks", "pix_fmt": "yuv422p10le"},
    "animation.gif": {},
}
SEQUENTIAL = ("intra-refresh", "hidden", "vp9", "av1", "mpeg", "animation", "b-frames.avi")
SEQUENTIAL += ("mjpeg", "ffv1", "prores")
SAMPLINGS = [
    Sampling(),
    Sampling(num_frames=5),
    Sampling(fps=2.5),
    Sampling(every_nth=7),
    Sampling(keyframes=True),
    Sampling(every_nth=1),
]


@dataclass
class Reference:
    """Every frame of a clip, decoded sequentially, and its presentation time."""

    path: Path
    frames: np.ndarray
    seconds: list[Fraction]
    is_keyframe: list[bool]


@pytest.fixture(scope="module")
def reference(tmp_path_factory) -> Callable[[str], Reference]:
    folder = tmp_path_factory.mktemp("clips")
    references: dict[str, Reference] = {}

    def get(name: str) -> Reference:
        if name not in references:
            references[name] = decode_everything(
                make_clip(folder / name, num_frames=80, **CLIPS[name])
            )
        return references[name]

    return get


def decode_everything(path: Path) -> Reference:
    with av.open(path) as container:
        stream = container.streams.video[0]
        frames = list(container.decode(stream))
        seconds = [frame.pts * stream.time_base for frame in frames]
    if path.suffix == ".avi":  # has no timestamps; those of FFmpeg are generated
        seconds = [Fraction(index, 24) for index in range(len(frames))]
    return Reference(
        path,
        np.stack([frame.to_ndarray(format="rgb24") for frame in frames]),
        [when - seconds[0] for when in seconds],
        [bool(frame.key_frame) for frame in frames],
    )


def select_slowly(sampling: Sampling, clip: Reference) -> list[int]:
    """Return the selection of `Sampling` in exact fractions, one time after the other."""
    num_frames = len(clip.seconds)
    if sampling.every_nth:
        return list(range(num_frames))[:: sampling.every_nth]
    if sampling.keyframes:
        return [index for index in range(num_frames) if clip.is_keyframe[index]]
    duration = clip.seconds[-1] * num_frames / (num_frames - 1)
    if sampling.num_frames:
        n = sampling.num_frames
        moments = [duration * (2 * part + 1) / (2 * n) for part in range(n)]
    else:
        moments = [k / Fraction(sampling.fps) for k in range(1000) if k / sampling.fps < duration]
    on_screen = [max(p for p in range(num_frames) if clip.seconds[p] <= m) for m in moments]
    return sorted(set(on_screen))


def read(path: Path, sampling: Sampling) -> tuple[np.ndarray, list[float]]:
    with read_media(path, sampling=sampling) as blocks:
        frames = [block for block in blocks if isinstance(block, Frames)]
    assert blocks.summary.partial_reason is None
    return (
        np.concatenate([block.data for block in frames]),
        [when for block in frames for when in block.pts_seconds],
    )


@pytest.mark.parametrize("sampling", SAMPLINGS, ids=lambda sampling: str(sampling.provenance))
@pytest.mark.parametrize("name", CLIPS)
def test_frames_are_the_same_as_decoding_everything(name, sampling, reference):
    clip = reference(name)
    selected = select_slowly(sampling, clip)
    data, seconds = read(clip.path, sampling)
    assert indices_of(data) == indices_of(clip.frames[selected])
    assert np.array_equal(data, clip.frames[selected])
    assert seconds == pytest.approx([float(clip.seconds[i]) for i in selected])


@pytest.mark.parametrize("sampling", SAMPLINGS, ids=lambda sampling: str(sampling.provenance))
def test_a_recording_can_start_between_key_frames(tmp_path, sampling, reference):
    path = tmp_path / "joined-late.ts"
    path.write_bytes(reference("b-frames.ts").path.read_bytes()[20 * 188 :])  # packets of 188 bytes
    clip = decode_everything(path)
    selected = select_slowly(sampling, clip)
    data, seconds = read(path, sampling)
    assert 60 < len(clip.frames) < 80
    assert np.array_equal(data, clip.frames[selected])
    with av.open(path) as container:  # audio exists from the first packet on
        stream = container.streams.video[0]
        late = (next(container.decode(stream)).pts - stream.start_time) * stream.time_base
    assert late > 0.1
    assert seconds == pytest.approx([float(late + clip.seconds[i]) for i in selected])


@pytest.mark.parametrize("name", CLIPS)
def test_frames_are_the_same_when_packets_are_read_again(name, reference, monkeypatch):
    monkeypatch.setattr(timeline, "MAX_STORED_BYTES", 0)
    monkeypatch.setattr(frame_decoder, "PENDING_BYTES", 0)
    clip = reference(name)
    data, _ = read(clip.path, Sampling())
    assert np.array_equal(data, clip.frames[select_slowly(Sampling(), clip)])


@pytest.mark.parametrize("name", CLIPS)
def test_reference_frames_have_the_expected_indices(name, reference):
    clip = reference(name)
    first = 17 if name == "edit-list.mp4" else 0  # 16.8 frames are removed
    assert indices_of(clip.frames) == list(range(first, 80))


@pytest.mark.parametrize("name", CLIPS)
def test_only_h264_and_hevc_are_decoded_in_segments(name, reference, monkeypatch):
    methods = []
    original = frame_decoder.FrameDecoder.coverage

    def coverage(self, problems):
        methods.append(self.method)
        return original(self, problems)

    monkeypatch.setattr(frame_decoder.FrameDecoder, "coverage", coverage)
    read(reference(name).path, Sampling())
    assert methods == ["sequential" if name.startswith(SEQUENTIAL) else "segments"]


def test_segments_decode_fewer_packets_than_the_clip(reference, monkeypatch):
    fed = []
    original = packets.StoredPackets.between

    def between(self, start, stop):
        for index, packet in original(self, start, stop):
            fed.append(index)
            yield index, packet

    monkeypatch.setattr(packets.StoredPackets, "between", between)
    read(reference("closed-groups.mp4").path, Sampling(num_frames=2))
    assert len(fed) < 40  # two of seven groups of 12
