"""Timestamps of the video packets, collected in one pass before anything is decoded."""

from __future__ import annotations

from array import array
from collections.abc import Sequence
from dataclasses import dataclass
from fractions import Fraction
from typing import TYPE_CHECKING

import numpy as np

from extract.media.limits import Limits

if TYPE_CHECKING:
    from av.packet import Packet
    from av.video.stream import VideoStream

NO_PTS = -(2**63)  # AV_NOPTS_VALUE
# Compressed video kept from the first pass, so that a clip of usual size is read only once. For a
# longer clip, the packets that are needed are read again.
MAX_STORED_BYTES = 24 << 20
PACKET_BYTES = 1 << 10  # overhead of a packet beside its data
DEFAULT_FPS = 25  # if the file states none
ENCRYPTED = "encrypted (DRM): only an unencrypted copy can be decoded"


@dataclass(frozen=True, eq=False)
class Times:
    """Presentation time of each frame.

    Shapes:
        pts: (N,) int64, strictly increasing, in ticks of `time_base` seconds.
    """

    pts: np.ndarray
    time_base: Fraction
    fps: Fraction
    """Frame rate by the header; used if the timestamps are unusable."""

    @classmethod
    def of(cls, pts: Sequence[int], time_base: Fraction, fps: Fraction) -> Times:
        """Return the times of frames, in the order of the decoder's output.

        If one is missing or they do not increase, they are unusable, and the frames are assumed to
        be evenly spaced.
        """
        ticks = np.array(pts, dtype=np.int64)
        if (ticks == NO_PTS).any() or (ticks[1:] <= ticks[:-1]).any():
            return cls(np.arange(len(ticks), dtype=np.int64), 1 / fps, fps)
        return cls(ticks, time_base, fps)

    def seconds(self, indices: np.ndarray) -> list[float]:
        """Return the presentation times of some frames, in seconds from the clip's first frame."""
        return [float((int(pts) - int(self.pts[0])) * self.time_base) for pts in self.pts[indices]]

    @property
    def duration_seconds(self) -> float:
        """Time from the first frame to the end of the last, which gets the mean duration."""
        num_frames = len(self.pts)
        if num_frames < 2:
            return float(num_frames / self.fps)
        span = int(self.pts[-1]) - int(self.pts[0])
        return float(span * self.time_base * num_frames / (num_frames - 1))


class Timeline:
    """One entry per video packet, in storage order.

    About 18 bytes per packet, whatever its size: 8 MB for two hours at 60 frames per second.
    """

    def __init__(
        self, stream: VideoStream, limits: Limits, *, time_base: Fraction | None = None
    ) -> None:
        self.time_base = time_base or stream.time_base or Fraction(1, 1_000_000)
        rate = stream.guessed_rate
        self.fps = Fraction(rate if rate and rate > 0 else DEFAULT_FPS)
        self.pts, self.dts = array("q"), array("q")
        self.is_keyframe, self.is_shown = bytearray(), bytearray()
        # Packets that an edit list removes are not displayed, but may be needed to decode others.
        self.packets: list[Packet[VideoStream]] | None = []
        """The packets themselves; None once they exceed `MAX_STORED_BYTES`."""
        self.is_encrypted = False
        self.problems: list[str] = []
        self._start = stream.start_time
        self._last = NO_PTS, 0  # presentation time and duration of the last displayed frame
        self._num_stored_bytes = 0
        self._max_seconds = limits.max_duration_seconds
        self._max_ticks = int(self._max_seconds / self.time_base)
        self._max_frames = int(self._max_seconds * self.fps)

    def __len__(self) -> int:
        return len(self.pts)

    def add(self, packet: Packet[VideoStream]) -> None:
        """Add the next packet."""
        if not self.is_encrypted and packet.has_sidedata("encryption_info"):
            self.is_encrypted = True
            self.problems = [ENCRYPTED]
        if self.is_out_of_bounds(packet, len(self.pts)):
            if not self.is_encrypted:
                self.problems = [f"only the first {self._max_seconds:g} s were read"]
            return
        self.pts.append(NO_PTS if packet.pts is None else packet.pts)
        self.dts.append(NO_PTS if packet.dts is None else packet.dts)
        self.is_keyframe.append(packet.is_keyframe)
        self.is_shown.append(not packet.is_discard)
        if packet.pts is not None and not packet.is_discard:
            self._last = max(self._last, (packet.pts, packet.duration or 0))
        if self.packets is not None:
            self._num_stored_bytes += packet.size + PACKET_BYTES
            self.packets.append(packet)
            if self._num_stored_bytes > MAX_STORED_BYTES:
                self.packets = None

    def is_out_of_bounds(self, packet: Packet[VideoStream], index: int) -> bool:
        """Return whether a packet is later than the maximum duration of a clip."""
        if packet.pts is None or not self.pts or self.pts[0] == NO_PTS:
            return index > self._max_frames
        return abs(packet.pts - self.pts[0]) > self._max_ticks

    @property
    def first_pts(self) -> int | None:
        """Time of the packet that is stored first."""
        return None if not self.pts or self.pts[0] == NO_PTS else self.pts[0]

    @property
    def is_complete(self) -> bool:
        """True if all packets have distinct times, so that a time identifies a frame."""
        times = np.array(self.pts, dtype=np.int64)
        return not (times == NO_PTS).any() and len(np.unique(times)) == len(times)

    def seconds(self, times: Times) -> float:
        """Return the duration of frames decoded at these times; the last has its stated duration.

        Screen recordings often end with a frame that is displayed for a long time.
        """
        seconds = times.duration_seconds
        pts, num_ticks = self._last
        if len(times.pts) and times.pts[-1] == pts:
            seconds = max(seconds, float((pts + num_ticks - int(times.pts[0])) * times.time_base))
        return seconds

    def late_seconds(self, times: Times) -> float:
        """Return the seconds from the start of the stream to the first decoded frame.

        A recording that starts between key frames has undecodable packets, with audio, before it.
        """
        starts_with_keyframe = self.is_keyframe[:1] != b"\0"
        if starts_with_keyframe or self._start is None or times.time_base != self.time_base:
            return 0.0
        first = int(times.pts[0]) if len(times.pts) else self._start
        return max(0.0, float((first - self._start) * self.time_base))

    def shown(self) -> np.ndarray:
        """Return the indices of the packets that produce frames, in presentation order.

        Shapes:
            the result: (N,) int64.
        """
        indices = np.flatnonzero(np.frombuffer(self.is_shown, dtype=np.uint8))
        times = np.array(self.pts, dtype=np.int64)[indices]
        return indices[np.argsort(times, kind="stable")]
