"""Open an untrusted container and select its streams."""

from __future__ import annotations

import errno
import os
import stat
from collections.abc import Iterator
from contextlib import contextmanager
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

# Of FFmpeg's 300 formats, those that clips use. Formats that can reference another file or a URL
# (playlists, concat lists, session descriptions) are excluded.
FORMATS = (
    *("mp4", "matroska", "webm", "avi", "flv", "mpegts", "mpeg", "asf", "ogg", "mxf", "ivf", "rm"),
    *("h264", "hevc", "m4v", "mpegvideo", "obu", "mjpeg", "yuv4mpegpipe", "nut", "dv"),
    *("wav", "w64", "mp3", "aac", "flac", "aiff", "caf", "au", "amr", "ac3", "eac3", "ape", "wv"),
    *("gif", "apng", "png_pipe", "jpeg_pipe", "webp_pipe", "bmp_pipe", "tiff_pipe", "ppm_pipe"),
    *("jpegxl_pipe", "jpegxl_anim", "qoi_pipe"),
)
MP4 = "mov,mp4,m4a,3gp,3g2,mj2"
MP4_BOXES = (b"ftyp", b"moov", b"mdat", b"free", b"wide", b"skip")  # possible first boxes
GENERATE_PTS: int = Flags.gen_pts.value  # type: ignore[assignment]  # the stub says Flags
# What FFmpeg and PyAV raise on a malformed file.
DECODING_ERRORS = (av.FFmpegError, OSError, ValueError, ArithmeticError, LookupError, RuntimeError)


class Source:
    """A regular local file, opened once, so that a second pass reads the same bytes."""

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
        """Return the container at its start; closing it leaves the file open."""
        self.file.seek(0)
        try:
            container = av.open(
                # An open file, not a path: FFmpeg would interpret patterns and protocols in a
                # path, and could open a second file.
                self.file,
                mode="r",
                options={
                    "format_whitelist": ",".join(FORMATS),
                    "protocol_whitelist": "",
                    "max_streams": str(self.limits.max_streams),
                    "max_pixels": str(self.limits.max_pixels),  # for decoders used while probing
                },
                io_open=_refuse,
                metadata_errors="replace",
                buffer_size=1 << 18,
            )
        except DECODING_ERRORS as error:
            raise MediaError(self._why_not(error)) from error
        # PyAV lets FFmpeg generate missing timestamps; for H.264 in AVI they are wrong.
        container.flags &= ~GENERATE_PTS
        return container

    def _why_not(self, error: BaseException) -> str:
        """Return the reason why the file could not be opened."""
        if getattr(error, "errno", None) == errno.ENOMEM:
            return (
                f"has more than {self.limits.max_streams} streams, or its header requests more "
                "memory than is available"
            )
        if not isinstance(error, av.InvalidDataError | av.ArgumentError | av.error.EOFError):
            return f"cannot be read: {reason(error)}"
        self.file.seek(4)
        if self.file.read(4) in MP4_BOXES:
            return "an MP4 without a readable index: cut off before its end, or damaged"
        return "not a video, image or audio file of a known format, or damaged at its start"


def _refuse(url: str, *_: object) -> None:
    raise MediaError(f"the file references another file: {url[:80]!r}")


def reason(error: BaseException) -> str:
    """Return the message of an FFmpeg error, without its number and the file name."""
    text = getattr(error, "strerror", None) or str(error) or type(error).__name__
    return str(text).splitlines()[0]


def video_stream(container: InputContainer) -> VideoStream | None:
    """Return the video stream that a player would display, or None. Cover art is not video."""
    best = container.streams.best("video")
    candidates = [best, *container.streams.video] if best is not None else []
    shown = (s for s in candidates if not s.disposition & Disposition.attached_pic)
    return next(shown, None)  # type: ignore[return-value]


def audio_stream(container: InputContainer) -> AudioStream | None:
    """Return the audio stream that a player would play, or None.

    FFmpeg selects no best stream if the audio starts seconds after the video, since it has not read
    any of it yet; the first stream is returned then.
    """
    best: AudioStream | None = container.streams.best("audio")  # type: ignore[assignment]
    return best or next(iter(container.streams.audio), None)


def prepare_decoder(stream: VideoStream | AudioStream, limits: Limits) -> None:
    """Configure the decoder of a stream before its first use.

    It uses one thread, since several clips are decoded at the same time.

    Raises:
        MediaError: there is no decoder for this codec, or its frames exceed the limits.
    """
    codec = stream.codec_context
    if codec is None:
        raise MediaError("no decoder for its codec")
    codec.thread_count = 1
    if codec.type == "video":
        check_size(codec.width, codec.height, limits)
        codec.options = {"max_pixels": str(limits.max_pixels)}


@contextmanager
def opened(path: Path, limits: Limits) -> Iterator[InputContainer]:
    """Open a file for the duration of the `with` block."""
    source = Source(path, limits)
    try:
        with source.open() as container:
            yield container
    finally:
        source.close()
