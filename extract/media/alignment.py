"""Where sound lies beside the picture: by the times that are stored with it."""

from __future__ import annotations

from fractions import Fraction
from typing import TYPE_CHECKING

import av

from extract.media.container import MP4, video_stream

if TYPE_CHECKING:
    from av import AudioFrame
    from av.container import InputContainer

# Containers that store when each piece of sound is heard. In others (WAV, MP3) one piece follows
# the other. AVI stores when the first is heard; later times are counted from an average bit rate.
FORMATS_WITH_TIMES = (
    *(MP4, "matroska,webm", "flv", "mpegts", "mpeg"),
    *("asf", "ogg", "nut"),
)
# Sound that is less than this from where it should be stays as it is, to the sample: containers
# round times, encoders put some 20 ms before the sound, and people hardly notice (ITU-R BT.1359:
# from 45 ms too soon or 125 ms too late). FFmpeg's aresample=async=1 leaves as much.
TOLERANCE_SECONDS = Fraction(1, 10)
# Where a clock may start again, as in recordings that were joined: any step back is one (FFmpeg's
# AVFMT_TS_DISCONT), for the picture, too. Elsewhere pieces may overlap by a little.
FORMATS_WITH_JOINTS = ("mpegts", "mpeg", "ogg")
MAX_OVERLAP_SECONDS = 1
# The clocks of MPEG-TS and MPEG-PS have 33 bits, and FFmpeg unrolls them by the streams that it
# knows when it opens the file.
CLOCK_SECONDS = {name: Fraction(2**33, 90_000) for name in ("mpegts", "mpeg")}
# The longest gap that is believed where the header does not say how long the clip lasts.
MAX_GAP_SECONDS = 600


class Alignment:
    """Says, of each decoded frame of sound, what is missing before it or was heard before.

    The clock is the picture's, from its first frame. A file without one starts with its sound.
    """

    start_seconds = 0.0
    """Where the first sample lies: below 0 if sound starts before the picture."""
    problem: str | None = None
    """What is wrong with the times, in words."""

    def __init__(self, container: InputContainer) -> None:
        has_joints = container.format.name in FORMATS_WITH_JOINTS
        self._max_overlap = 0 if has_joints else MAX_OVERLAP_SECONDS
        self._clock_seconds = CLOCK_SECONDS.get(container.format.name)
        self._is_timed = container.format.name in FORMATS_WITH_TIMES
        self._has_start = self._is_timed or container.format.name == "avi"
        picture = video_stream(container)
        self._origin: Fraction | None = None
        if picture is not None and picture.start_time is not None and picture.time_base:
            self._origin = picture.start_time * picture.time_base
        stated = Fraction(container.duration or 0, av.time_base)
        self._max_gap = stated if stated > 0 else Fraction(MAX_GAP_SECONDS)
        self._due: Fraction | None = None  # when the next sample is, in seconds
        self._is_repeating = False  # all of the last frame was left out

    def place(self, frame: AudioFrame) -> int:
        """Return how many samples of silence come before the next frame.

        Below zero: how many of its first samples are left out, since their time is over.
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
        was_due, self._due = self._due, start + lasts
        self._is_repeating = False
        if gap > self._max_gap:
            self.problem = f"a gap of {float(gap):,.0f} s in its times, taken for an error"
            return 0
        if gap > 0:
            return round(gap * frame.sample_rate)
        if is_first:
            self.start_seconds = float(gap) if -gap <= self._max_gap else 0.0
            return 0
        if -gap > self._max_overlap:
            return 0
        self._is_repeating = self._due < was_due
        self._due = max(self._due, was_due)
        return max(round(gap * frame.sample_rate), -frame.samples)
