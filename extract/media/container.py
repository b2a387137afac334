"""Opening a file that a stranger made, and what its header says."""

from __future__ import annotations

import errno
import os
import re
import stat
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path
from typing import IO, TYPE_CHECKING

import av
from av.container import Flags
from av.stream import Disposition

from extract.media.limits import Limits, MediaError, check_size

if TYPE_CHECKING:
    from av.audio.stream import AudioStream
    from av.container import InputContainer
    from av.video.stream import VideoStream

# FFmpeg knows some 300 formats. These are what clips come in; none of them can name another file
# or an address (playlists, concat lists, session descriptions and the like can, and are not here).
FORMATS = (
    *("mp4", "matroska", "webm", "avi", "flv", "mpegts", "mpeg", "asf", "ogg", "mxf", "ivf", "rm"),
    *("h264", "hevc", "m4v", "mpegvideo", "obu", "mjpeg", "yuv4mpegpipe", "nut", "dv"),
    *("wav", "w64", "mp3", "aac", "flac", "aiff", "caf", "au", "amr", "ac3", "eac3", "ape", "wv"),
    *("gif", "apng", "png_pipe", "jpeg_pipe", "webp_pipe", "bmp_pipe", "tiff_pipe", "ppm_pipe"),
    *("jpegxl_pipe", "jpegxl_anim", "qoi_pipe"),
)
MP4 = "mov,mp4,m4a,3gp,3g2,mj2"
# Those that write a duration into the header. For others FFmpeg makes a guess from the size.
FORMATS_WITH_DURATION = (
    *(MP4, "matroska,webm", "avi", "flv", "asf", "mxf", "nut"),
    *("wav", "w64", "flac", "aiff", "caf", "au"),
)
# Of these, those that state when the last frame ends, on a clock that may start late.
FORMATS_WITH_END = ("matroska,webm", "flv", "asf")
MP4_BOXES = (b"ftyp", b"moov", b"mdat", b"free", b"wide", b"skip")  # one of them comes first
MAX_TITLE_CHARS = 1 << 16  # no encoder looks at more, and a file may hold a gigabyte of it
GENERATE_PTS: int = Flags.gen_pts.value  # type: ignore[assignment]  # the stub says Flags
# What goes wrong inside FFmpeg or PyAV on a malformed file.
DECODING_ERRORS = (av.FFmpegError, OSError, ValueError, ArithmeticError, LookupError, RuntimeError)


@dataclass(frozen=True)
class MediaInfo:
    """What the header of a file says. Headers lie: use it to plan and to show, not to count."""

    container: str
    duration_seconds: float | None
    has_video: bool
    has_audio: bool
    width: int | None
    height: int | None
    video_codec: str | None
    audio_codec: str | None
    sample_rate_hz: int | None
    title: str | None


class Source:
    """A regular local file, opened once and held, so that a second pass reads the same bytes."""

    def __init__(self, path: Path, limits: Limits) -> None:
        self.path = path
        self.limits = limits
        try:
            descriptor = os.open(path, os.O_RDONLY | getattr(os, "O_NONBLOCK", 0))
        except OSError as error:
            raise MediaError(f"cannot be opened: {error.strerror}") from error
        if not stat.S_ISREG(os.fstat(descriptor).st_mode):
            os.close(descriptor)
            raise MediaError("not a regular file")
        self.file: IO[bytes] = os.fdopen(descriptor, "rb", buffering=0)
        if os.fstat(descriptor).st_size == 0:
            self.file.close()
            raise MediaError("the file is empty")

    def close(self) -> None:
        """Close the file."""
        self.file.close()

    def open(self) -> InputContainer:
        """Return the container from its start; the file stays open when it is closed."""
        self.file.seek(0)
        try:
            container = av.open(
                # An open file rather than a path: FFmpeg sees no name in which it might read a
                # pattern or a protocol, and cannot open a second file.
                self.file,
                mode="r",
                options={
                    "format_whitelist": ",".join(FORMATS),
                    "protocol_whitelist": "",
                    "max_streams": str(self.limits.max_streams),
                    "max_pixels": str(self.limits.max_pixels),  # for the decoders that probe
                },
                io_open=_refuse,
                metadata_errors="replace",
                buffer_size=1 << 18,
            )
        except DECODING_ERRORS as error:
            raise MediaError(self._why_not(error)) from error
        # PyAV lets FFmpeg make up missing times; for H.264 in AVI it makes up wrong ones.
        container.flags &= ~GENERATE_PTS
        return container

    def _why_not(self, error: BaseException) -> str:
        """Return, in words, why the file could not be opened."""
        if getattr(error, "errno", None) == errno.ENOMEM:
            return (
                f"has more than {self.limits.max_streams} streams, or its header asks for more "
                "memory than there is"
            )
        if not isinstance(error, av.InvalidDataError | av.ArgumentError | av.error.EOFError):
            return f"cannot be read: {reason(error)}"
        self.file.seek(4)
        if self.file.read(4) in MP4_BOXES:
            return "an MP4 without a readable index: cut off before its end, or damaged"
        return "not a clip, picture or sound of a known format, or damaged at its start"


def _refuse(url: str, *_: object) -> None:
    raise MediaError(f"the file asks for another file: {url[:80]!r}")


def reason(error: BaseException) -> str:
    """Return an error of FFmpeg in a few words, without its number and our file's name."""
    text = getattr(error, "strerror", None) or str(error) or type(error).__name__
    return str(text).splitlines()[0]


def video_stream(container: InputContainer) -> VideoStream | None:
    """Return the stream that a player would show, or None. A cover picture is not one."""
    best = container.streams.best("video")
    candidates = [best, *container.streams.video] if best is not None else []
    shown = (s for s in candidates if not s.disposition & Disposition.attached_pic)
    return next(shown, None)  # type: ignore[return-value]


def audio_stream(container: InputContainer) -> AudioStream | None:
    """Return the stream that a player would play, or None.

    One that starts seconds after the picture may be the first: FFmpeg knows nothing of it yet, and
    so calls none the best.
    """
    best: AudioStream | None = container.streams.best("audio")  # type: ignore[assignment]
    return best or next(iter(container.streams.audio), None)


def prepare_decoder(stream: VideoStream | AudioStream, limits: Limits) -> None:
    """Set up the decoder of a stream before its first use.

    One thread: clips are decoded beside each other, which divides the work better.

    Raises:
        MediaError: there is none for this codec, or the header asks for more than the limits allow.
    """
    codec = stream.codec_context
    if codec is None:
        raise MediaError("no decoder for its codec")
    codec.thread_count = 1
    if codec.type == "video":
        check_size(codec.width, codec.height, limits)
        codec.options = {"max_pixels": str(limits.max_pixels)}


def stated_seconds(
    container: InputContainer, stream: VideoStream | AudioStream, *, first_pts: int | None = None
) -> float | None:
    """Return how long the header says that a stream lasts, if its format can be believed.

    Args:
        container: an open file.
        stream: one of its streams.
        first_pts: the time of its first packet, in its ticks. Of a stream that starts seconds
            after the others, FFmpeg says that it starts with them: it has not seen it yet.
    """
    if container.format.name not in FORMATS_WITH_DURATION:
        return None
    time_base = stream.time_base or Fraction(0)
    start_pts = stream.start_time or 0
    start_seconds = float(max(start_pts, first_pts or start_pts) * time_base)
    if container.format.name == MP4 and stream.duration and stream.frames and start_seconds > 0:
        return _indexed_seconds(stream)
    if stream.duration and container.format.name not in FORMATS_WITH_END:
        return float(stream.duration * time_base)
    if stream.duration and container.format.name == "asf":
        return float(stream.duration * time_base) - start_seconds
    tag = stream.metadata.get("DURATION", "")  # Matroska: "00:00:02.048000000"
    if match := re.fullmatch(r"(\d+):(\d+):(\d+\.?\d*)", tag):
        hours, minutes, seconds = (float(part) for part in match.groups())
        return 3600 * hours + 60 * minutes + seconds - start_seconds
    if len(container.streams) == 1 and container.duration:
        return container.duration / av.time_base - start_seconds
    return None


def _indexed_seconds(stream: VideoStream | AudioStream) -> float:
    """Return how long the part of an MP4's stream lasts that its edit list leaves.

    FFmpeg gives the lesser of what is stored and what the edit list shows, with the empty edit that
    makes it start late: too much where a start is cut away, too.
    """
    shown = [entry.timestamp for entry in stream.index_entries if not entry.is_discard]
    span = (max(shown) - min(shown)) * (stream.time_base or 0) if shown else 0
    return float(span * len(shown) / max(len(shown) - 1, 1))


def media_info(container: InputContainer) -> MediaInfo:
    """Return what the header says."""
    picture, sound = video_stream(container), audio_stream(container)
    codec = None if picture is None else picture.codec_context
    title = container.metadata.get("title", "")[:MAX_TITLE_CHARS].strip()
    return MediaInfo(
        container=container.format.name,
        duration_seconds=container.duration / av.time_base if container.duration else None,
        has_video=picture is not None,
        has_audio=sound is not None,
        width=codec.width if codec else None,
        height=codec.height if codec else None,
        video_codec=codec.name if codec else None,
        audio_codec=sound.codec_context.name if sound and sound.codec_context else None,
        sample_rate_hz=sound.codec_context.sample_rate if sound and sound.codec_context else None,
        title=title or None,
    )


@contextmanager
def opened(path: Path, limits: Limits) -> Iterator[InputContainer]:
    """Open a file for as long as the block lasts."""
    source = Source(path, limits)
    try:
        with source.open() as container:
            yield container
    finally:
        source.close()


def probe(path: str | Path, limits: Limits | None = None) -> MediaInfo:
    """Return what a file's header says, without decoding it.

    Raises:
        MediaError: it cannot be opened, or is no media file.
    """
    with opened(Path(path), limits or Limits()) as container:
        return media_info(container)
