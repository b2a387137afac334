"""Small generated clips whose frames show their index.

    clip = make_clip(tmp_path / "a.mp4", num_frames=50, audio=Audio(seconds=2))
    index_of(decoded_rgb_frame) -> 0, 1, 2, ...

The upper half of frame i shows i in binary, in twelve squares, white for one; it survives any codec
and any resizing. The lower half is a moving texture, so that codecs have motion to predict.
"""

import os
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path
from typing import Any

import av
import numpy as np

COLUMNS, ROWS = 6, 2  # 12 bits: up to 4,096 frames
# Default codecs of each container, and options for fast encoders with reproducible output.
DEFAULT_CODECS = {
    ".mp4": ("libx264", "aac"),
    ".mov": ("libx264", "aac"),
    ".mkv": ("libx264", "aac"),
    ".ts": ("libx264", "aac"),
    ".flv": ("libx264", "aac"),
    ".3gp": ("libx264", "aac"),
    ".webm": ("libvpx-vp9", "libopus"),
    ".avi": ("mpeg4", "libmp3lame"),
    ".gif": ("gif", None),
}
OPTIONS: Mapping[str, dict[str, str]] = {
    "libx264": {"preset": "ultrafast", "threads": "1"},
    "libx265": {"preset": "ultrafast", "x265-params": "log-level=none:pools=none:frame-threads=1"},
    "libvpx": {"deadline": "realtime", "cpu-used": "8"},
    "libvpx-vp9": {"deadline": "realtime", "cpu-used": "8"},
    "libsvtav1": {"preset": "12", "svtav1-params": "lp=1"},
    "vorbis": {"strict": "experimental"},
}
os.environ.setdefault("SVT_LOG", "1")  # only errors: it writes to standard error by itself


@dataclass(frozen=True)
class Audio:
    """A tone, or given samples: (C, S) float32 in [-1, 1]."""

    seconds: float = 2.0
    hz: float = 440.0
    rate: int = 16_000
    layout: str = "mono"
    codec: str | None = None
    samples: np.ndarray | None = None
    start_at: Callable[[int], int | None] = lambda start: start
    """Timestamp, in samples, of the piece that starts at sample `start`; None drops the piece."""


def draw(index: int, width: int = 96, height: int = 64) -> np.ndarray:
    """Return frame `index`, (H, W, 3) uint8 RGB."""
    y, x = np.mgrid[:height, :width]
    frame = np.stack(
        [
            128 + 100 * np.sin((x + 3 * index) / 9),
            128 + 100 * np.sin((y - 2 * index) / 7),
            128 + 60 * np.sin((x + y + index) / 5),
        ],
        axis=2,
    ).astype(np.uint8)
    bits = [(index >> bit) & 1 for bit in range(COLUMNS * ROWS)]
    for bit, is_set in enumerate(bits):
        frame[_square(bit, width, height)] = 225 if is_set else 30
    return frame


def index_of(frame: np.ndarray) -> int:
    """Return the index of a decoded frame, (H, W, 3)."""
    height, width = frame.shape[:2]
    means = [frame[_square(bit, width, height, 0.25)].mean() for bit in range(COLUMNS * ROWS)]
    return sum(1 << bit for bit, mean in enumerate(means) if mean > 127)


def indices_of(frames: np.ndarray) -> list[int]:
    """Return the indices of decoded frames, (T, H, W, 3)."""
    return [index_of(frame) for frame in frames]


def _square(bit: int, width: int, height: int, margin: float = 0.0) -> tuple[slice, slice]:
    """Return the square of a bit, without a margin as a share of the square."""
    row, column = divmod(bit, COLUMNS)
    w, h = width / COLUMNS, height / 2 / ROWS
    return (
        slice(round((row + margin) * h), round((row + 1 - margin) * h)),
        slice(round((column + margin) * w), round((column + 1 - margin) * w)),
    )


def tone(seconds: float, rate: int, hz: float = 440.0) -> np.ndarray:
    """Return a sine at half of full scale, (S,) float32."""
    return (0.5 * np.sin(2 * np.pi * hz * np.arange(round(seconds * rate)) / rate)).astype(
        np.float32
    )


def make_clip(
    path: Path,
    *,
    num_frames: int = 24,
    fps: int | Fraction = 24,
    width: int = 96,
    height: int = 64,
    codec: str | None = None,
    options: Mapping[str, str] = {},
    pix_fmt: str | None = None,
    pts_ms: Sequence[int] | None = None,
    rotation: int = 0,
    sample_aspect_ratio: Fraction | None = None,
    audio: Audio | None = None,
    title: str | None = None,
    container_options: Mapping[str, str] = {},
    draw_frame: Callable[[int, int, int], np.ndarray] = draw,
    configure: Callable[[Any], None] = lambda stream: None,
) -> Path:
    """Write a clip and return its path.

    Args:
        path: the suffix decides the container and, unless given, the codecs.
        num_frames: 0 writes audio only.
        fps: frames per second without `pts_ms`.
        options: of the video encoder, in addition to those of `OPTIONS`.
        pts_ms: presentation time of each frame, for a variable frame rate.
        rotation: degrees, counterclockwise, by which a player rotates the video.
        draw_frame: (index, width, height) -> the frame, (H, W, 3) uint8 RGB or (H, W, 4) RGBA.
        configure: sets other properties of the video stream.
    """
    default_video, default_audio = DEFAULT_CODECS.get(path.suffix, (None, None))
    with _normal_priority(), av.open(path, "w", options=dict(container_options)) as container:
        if title is not None:
            container.metadata["title"] = title
        streams: list[tuple[Any, Any]] = []
        if num_frames:
            name = codec or default_video
            assert name is not None, f"no default codec for {path.suffix}"
            stream: Any = container.add_stream(
                name, rate=fps, options={**OPTIONS.get(name, {}), **options}
            )
            stream.width, stream.height = width, height
            if pix_fmt is not None:
                stream.pix_fmt = pix_fmt
            else:
                stream.pix_fmt = "rgb8" if name == "gif" else "yuv420p"
            if rotation:
                stream.set_display_rotation(rotation)
            if sample_aspect_ratio is not None:
                stream.codec_context.sample_aspect_ratio = sample_aspect_ratio
            if pts_ms is not None:
                stream.codec_context.time_base = Fraction(1, 1000)
            configure(stream)
            streams.append(
                (stream, _video_frames(num_frames, width, height, draw_frame, fps, pts_ms))
            )
        if audio is not None:
            name = audio.codec or default_audio
            assert name is not None, f"no default audio codec for {path.suffix}"
            stream = container.add_stream(
                name, rate=audio.rate, layout=audio.layout, options=OPTIONS.get(name, {})
            )
            streams.append((stream, _audio_frames(audio, stream)))
        for stream, frames in streams:
            for frame in frames:
                container.mux(stream.encode(frame))
            container.mux(stream.encode(None))
    return path


@contextmanager
def _normal_priority() -> Iterator[None]:
    """Reset the real-time priority that SVT-AV1 gives to a process of root.

    Later child processes would inherit it, and one that spins would block a core.
    """
    try:
        yield
    finally:
        if hasattr(os, "sched_setscheduler") and os.sched_getscheduler(0) != os.SCHED_OTHER:
            os.sched_setscheduler(0, os.SCHED_OTHER, os.sched_param(0))


def repeat_clip(source: Path, target: Path, *, times: int) -> Path:
    """Write a clip that repeats another, without encoding, and return its path."""
    with av.open(source) as clip, av.open(target, "w") as longer:
        packets = [packet for packet in clip.demux() if packet.size]
        streams = {stream.index: longer.add_stream_from_template(stream) for stream in clip.streams}
        period = Fraction(clip.duration + av.time_base // 10, av.time_base)  # seconds, with a pause
        for turn in range(times):
            for packet in packets:
                again = av.Packet(bytes(packet))
                again.stream = streams[packet.stream_index]
                again.time_base = packet.time_base
                again.is_keyframe = packet.is_keyframe
                again.pts = packet.pts + round(turn * period / packet.time_base)
                again.dts = packet.dts + round(turn * period / packet.time_base)
                longer.mux(again)
    return target


def _video_frames(num_frames, width, height, draw_frame, fps, pts_ms):
    for index in range(num_frames):
        pixels = draw_frame(index, width, height)
        frame = av.VideoFrame.from_ndarray(
            np.ascontiguousarray(pixels), format="rgba" if pixels.shape[2] == 4 else "rgb24"
        )
        frame.pts = index if pts_ms is None else pts_ms[index]
        frame.time_base = 1 / Fraction(fps) if pts_ms is None else Fraction(1, 1000)
        yield frame


def _audio_frames(audio: Audio, stream: Any):
    channels = len(av.AudioLayout(audio.layout).channels)
    samples = audio.samples
    if samples is None:
        samples = np.tile(tone(audio.seconds, audio.rate, audio.hz), (channels, 1))
    step = 1024
    resampler = av.AudioResampler(format=stream.format, layout=audio.layout, rate=stream.rate)
    fifo = av.AudioFifo()
    for start in range(0, samples.shape[1], step):
        part = samples[:, start : start + step].T.reshape(1, -1)  # PyAV cannot set eight planes
        part = np.ascontiguousarray(part, dtype=np.float32)
        frame = av.AudioFrame.from_ndarray(part, format="flt", layout=audio.layout)
        frame.sample_rate, frame.pts, frame.time_base = audio.rate, start, Fraction(1, audio.rate)
        for converted in resampler.resample(frame):
            fifo.write(converted)
        while piece := fifo.read(stream.codec_context.frame_size or step):
            yield from _placed(piece, audio)
    if rest := fifo.read(0, partial=True):
        yield from _placed(rest, audio)


def _placed(piece: Any, audio: Audio):
    start_at = audio.start_at(piece.pts)
    if start_at is not None:
        piece.pts = start_at
        yield piece
