"""Alignment of audio with video, by the timestamps of the audio packets."""

from __future__ import annotations

from fractions import Fraction
from typing import TYPE_CHECKING

import av

from extract.media.container import MP4, video_stream

if TYPE_CHECKING:
    from av import AudioFrame
    from av.container import InputContainer

# Containers with a timestamp per audio packet. In others (WAV, MP3), packets follow each other
# without gaps. AVI stores only the start; later timestamps are computed from an average bit rate.
FORMATS_WITH_TIMES = (
    *(MP4, "matroska,webm", "flv", "mpegts", "mpeg"),
    *("asf", "ogg", "nut"),
)
# Audio that is off by less than this is left unchanged, to the sample: containers round timestamps,
# encoders prepend about 20 ms, and it is hardly noticeable (ITU-R BT.1359: from 45 ms early or
# 125 ms late). FFmpeg's aresample=async=1 has the same tolerance.
TOLERANCE_SECONDS = Fraction(1, 10)
# Formats whose clock may restart, as in concatenated recordings: any step back is a restart
# (FFmpeg's AVFMT_TS_DISCONT), for the video too. Elsewhere packets may overlap slightly.
FORMATS_WITH_RESTARTS = ("mpegts", "mpeg", "ogg")
MAX_OVERLAP_SECONDS = 1
# The clocks of MPEG-TS and MPEG-PS have 33 bits and wrap around; FFmpeg unwraps them by the streams
# that it knows when it opens the file.
CLOCK_SECONDS = {name: Fraction(2**33, 90_000) for name in ("mpegts", "mpeg")}
# Maximum plausible gap if the header states no duration.
MAX_GAP_SECONDS = 600


class Alignment:
    """Computes the gap, or the overlap, before each decoded audio frame.

    Time 0 is the first video frame. A file without video starts with its audio.
    """

    start_seconds = 0.0
    """Time of the first sample: negative if the audio starts before the video."""
    problem: str | None = None
    """The problems of the timestamps, for the user."""

    def __init__(self, container: InputContainer) -> None:
        has_restarts = container.format.name in FORMATS_WITH_RESTARTS
        self._max_overlap = 0 if has_restarts else MAX_OVERLAP_SECONDS
        self._clock_seconds = CLOCK_SECONDS.get(container.format.name)
        self._is_timed = container.format.name in FORMATS_WITH_TIMES
        self._has_start = self._is_timed or container.format.name == "avi"
        video = video_stream(container)
        self._origin: Fraction | None = None
        if video is not None and video.start_time is not None and video.time_base:
            self._origin = video.start_time * video.time_base
        stated = Fraction(container.duration or 0, av.time_base)
        self._max_gap = stated if stated > 0 else Fraction(MAX_GAP_SECONDS)
        self._due: Fraction | None = None  # expected time of the next sample, in seconds
        self._is_repeating = False  # the last frame was dropped completely

    def gap_samples(self, frame: AudioFrame) -> int:
        """Return the number of samples of silence to insert before the next frame.

        If negative, so many of its first samples overlap the previous frame and are dropped.
        """
        lasts = Fraction(frame.samples, frame.sample_rate)
        is_timed = self._has_start if self._due is None else self._is_timed
        if not is_timed or frame.pts is None or not frame.time_base:
            self._due = None if self._due is None else self._due + lasts
            return 0
        start, is_first = frame.pts * frame.time_base, self._due is None
        if self._due is None:
            self._due = start if self._origin is None else self._origin
        gap = start - self._due
        if self._clock_seconds is not None:
            gap -= round(gap / self._clock_seconds) * self._clock_seconds
        if abs(gap) <= (0 if self._is_repeating else TOLERANCE_SECONDS):
            self._due = start + lasts if is_first else self._due + lasts
            return 0
        previous_due, self._due = self._due, start + lasts
        self._is_repeating = False
        if gap > self._max_gap:
            self.problem = f"a gap of {float(gap):,.0f} s in its timestamps, ignored as an error"
            return 0
        if gap > 0:
            return round(gap * frame.sample_rate)
        if is_first:
            self.start_seconds = float(gap) if -gap <= self._max_gap else 0.0
            return 0
        if -gap > self._max_overlap:
            return 0
        self._is_repeating = self._due < previous_due
        self._due = max(self._due, previous_due)
        return max(round(gap * frame.sample_rate), -frame.samples)
