"""Animated WebP: FFmpeg decodes the image of each frame, but not the animation container."""

from __future__ import annotations

import struct
from collections.abc import Iterator
from fractions import Fraction
from typing import IO, TYPE_CHECKING, NamedTuple, cast

import av
import numpy as np

from extract.media.limits import Deadline, Limits, MediaError, check_size

if TYPE_CHECKING:
    from av.packet import Packet
    from av.video.codeccontext import VideoCodecContext
    from av.video.stream import VideoStream

TIME_BASE = Fraction(1, 1000)
ANIMATION, ALPHA = 0x02, 0x10  # flags of the file
NO_BLENDING, DISPOSE = 0x02, 0x01  # flags of a frame: overwrite; clear its area afterwards
# Browsers show a frame for 100 ms if its duration is at most 10 ms.
MIN_DURATION_MS, DEFAULT_DURATION_MS = 10, 100


class Placing(NamedTuple):
    """Position of a frame on the canvas, and its flags for blending."""

    left: int
    top: int
    flags: int


class Animation:
    """The frames of a file as packets, each a complete WebP with its `Placing`.

    Source: RFC 9649, section 2.7.
    """

    def __init__(self, file: IO[bytes], header: bytes, limits: Limits, deadline: Deadline) -> None:
        self.width, self.height = _uint(header[24:27]) + 1, _uint(header[27:30]) + 1
        self.problems: list[str] = []
        self._file, self._end = file, 8 + _uint(header[4:8])
        self._limits, self._deadline = limits, deadline
        check_size(self.width, self.height, limits)

    @classmethod
    def of(cls, file: IO[bytes], limits: Limits, deadline: Deadline) -> Animation | None:
        """Return the animation in a file, or None if there is none; keeps the file position.

        Raises:
            MediaError: the canvas exceeds the limits.
        """
        position = file.tell()
        file.seek(0)
        header = file.read(30)
        file.seek(position)
        if len(header) < 30 or (header[:4], header[8:16]) != (b"RIFF", b"WEBPVP8X"):
            return None
        return cls(file, header, limits, deadline) if header[20] & ANIMATION else None

    def __iter__(self) -> Iterator[Packet[VideoStream]]:
        self.problems.clear()
        now_ms = 0
        for frame in self._frames():
            stated_ms = _uint(frame[12:15])
            packet = av.Packet(_standalone(frame))
            packet.pts = packet.dts = now_ms
            packet.duration = stated_ms if stated_ms > MIN_DURATION_MS else DEFAULT_DURATION_MS
            packet.time_base, packet.is_keyframe = TIME_BASE, True
            packet.opaque = Placing(2 * _uint(frame[:3]), 2 * _uint(frame[3:6]), frame[15])
            now_ms += packet.duration
            yield cast("Packet[VideoStream]", packet)

    def _frames(self) -> Iterator[bytes]:
        """Yield the content of each ANMF: a header of 16 bytes, and the chunks of an image."""
        file_end = self._file.seek(0, 2)
        start, num_chunks = 12, 0
        while start + 8 <= min(self._end, file_end):
            self._deadline.check()
            num_chunks += 1
            if num_chunks > self._limits.max_packets:
                raise MediaError(f"has more than {self._limits.max_packets:,} packets")
            self._file.seek(start)
            name, size = struct.unpack("<4sI", self._file.read(8))
            start += 8 + size + size % 2
            if name == b"ANMF" and size >= 16 and start <= file_end:
                yield self._file.read(size)
        if self._end > file_end:
            self.problems.append("cut off before its end")


class Canvas:
    """Canvas on which the frames of an animation are composed."""

    def __init__(self, animation: Animation) -> None:
        self._rgba = np.zeros((animation.height, animation.width, 4), dtype=np.uint8)
        self._to_clear: tuple[slice, slice] | None = None

    def decode(
        self, codec: VideoCodecContext, packet: Packet[VideoStream] | None
    ) -> list[av.VideoFrame]:
        """Return the canvas after composing a frame of an `Animation` on it.

        Raises:
            av.FFmpegError, ValueError: the frame is damaged, or exceeds the canvas.
        """
        if packet is None:
            return []
        left, top, flags = cast("Placing", packet.opaque)
        shown = []
        for frame in codec.decode(packet):
            rgba = frame.to_ndarray(format="rgba")  # (h, w, 4)
            if self._to_clear is not None:
                self._rgba[self._to_clear] = 0
            area = slice(top, top + frame.height), slice(left, left + frame.width)
            self._rgba[area] = rgba if flags & NO_BLENDING else _over(rgba, self._rgba[area])
            self._to_clear = area if flags & DISPOSE else None
            whole = av.VideoFrame.from_ndarray(self._rgba, format="rgba")
            whole.pts, whole.time_base = packet.pts, TIME_BASE
            shown.append(whole)
        return shown


def _over(rgba: np.ndarray, below: np.ndarray) -> np.ndarray:
    """Return one image over another, (h, w, 4) uint8, straight (not premultiplied) alpha."""
    alpha = rgba[..., 3:].astype(np.float32)
    visible = below[..., 3:] * (1 - alpha / 255)
    total = alpha + visible
    mixed = (rgba[..., :3] * alpha + below[..., :3] * visible) / np.maximum(total, 1e-9)
    over: np.ndarray = np.rint(np.concatenate([mixed, total], axis=2)).astype(np.uint8)
    return over


def _standalone(frame: bytes) -> bytes:
    """Return the image of a frame as a WebP file."""
    chunks: dict[bytes, bytes] = {}
    start = 16
    while start + 8 <= len(frame):
        name, size = struct.unpack_from("<4sI", frame, start)
        chunks.setdefault(name, frame[start : start + 8 + size + size % 2])
        start += 8 + size + size % 2
    flags = ALPHA if b"ALPH" in chunks else 0
    header = b"VP8X" + struct.pack("<II", 10, flags) + frame[6:12]
    kept = [header, *(chunks[name] for name in (b"ALPH", b"VP8 ", b"VP8L") if name in chunks)]
    body = b"WEBP" + b"".join(kept)
    return b"RIFF" + struct.pack("<I", len(body)) + body


def _uint(data: bytes) -> int:
    return int.from_bytes(data, "little")
