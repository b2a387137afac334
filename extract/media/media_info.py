"""MediaInfo: the contents of a file's header, read without decoding."""

from __future__ import annotations

import re
from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path
from typing import TYPE_CHECKING

import av

from extract.media.container import MP4, audio_stream, opened, video_stream
from extract.media.limits import Limits

if TYPE_CHECKING:
    from av.audio.stream import AudioStream
    from av.container import InputContainer
    from av.video.stream import VideoStream

# Formats that store a duration in the header. For others FFmpeg estimates one from the file size.
FORMATS_WITH_DURATION = (
    *(MP4, "matroska,webm", "avi", "flv", "asf", "mxf", "nut"),
    *("wav", "w64", "flac", "aiff", "caf", "au"),
)
# Of these, the ones that store the end of the last frame, on a clock that may start late.
FORMATS_WITH_END = ("matroska,webm", "flv", "asf")
MAX_TITLE_CHARS = 1 << 16  # no encoder reads more, and a title may have a gigabyte


@dataclass(frozen=True)
class MediaInfo:
    """Contents of a file's header. They may be wrong: use them for estimates, not for counts."""

    container: str
    duration_seconds: float | None
    has_video: bool
    """Whether there is a video stream; a still image is one, cover art is not."""
    has_audio: bool
    width: int | None
    height: int | None
    video_codec: str | None
    audio_codec: str | None
    sample_rate_hz: int | None
    title: str | None


def probe(path: str | Path, limits: Limits | None = None) -> MediaInfo:
    """Return the contents of a file's header, without decoding it.

    Raises:
        MediaError: it cannot be opened, or is not a media file.
    """
    with opened(Path(path), limits or Limits()) as container:
        return media_info(container)


def media_info(container: InputContainer) -> MediaInfo:
    """Return the contents of an open container's header."""
    video, audio = video_stream(container), audio_stream(container)
    codec = None if video is None else video.codec_context
    title = container.metadata.get("title", "")[:MAX_TITLE_CHARS].strip()
    return MediaInfo(
        container=container.format.name,
        duration_seconds=container.duration / av.time_base if container.duration else None,
        has_video=video is not None,
        has_audio=audio is not None,
        width=codec.width if codec else None,
        height=codec.height if codec else None,
        video_codec=codec.name if codec else None,
        audio_codec=audio.codec_context.name if audio and audio.codec_context else None,
        sample_rate_hz=audio.codec_context.sample_rate if audio and audio.codec_context else None,
        title=title or None,
    )


def stated_seconds(
    container: InputContainer, stream: VideoStream | AudioStream, *, first_pts: int | None = None
) -> float | None:
    """Return the duration of a stream by the header, or None if its format is unreliable.

    Args:
        container: an open file.
        stream: one of its streams.
        first_pts: time of its first packet, in its ticks. For a stream that starts seconds after
            the others, FFmpeg reports the start of the others: it has not read that far yet.
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
    """Return the duration of an MP4 stream after its edit list.

    FFmpeg returns the smaller of the stored duration and the edited one, including the empty edit
    that delays the stream, which is too much if the edit list also trims the start.
    """
    shown = [entry.timestamp for entry in stream.index_entries if not entry.is_discard]
    span = (max(shown) - min(shown)) * (stream.time_base or 0) if shown else 0
    return float(span * len(shown) / max(len(shown) - 1, 1))
