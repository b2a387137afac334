"""What a pass over the packets tells of the picture, before any of it is decoded."""

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

NOT_KNOWN = -(2**63)  # FFmpeg's own mark of a missing time
# Compressed picture kept from the first pass, so that a clip of usual size is read once. A longer
# one is read again where its frames are needed.
MAX_STORED_BYTES = 24 << 20
PACKET_BYTES = 1 << 10  # what a packet takes beside its data
USUAL_FPS = 25


@dataclass(frozen=True, eq=False)
class Times:
    """When each frame is shown.

    Shapes:
        pts: (N,) int64, strictly increasing, in ticks of `time_base` seconds.
    """

    pts: np.ndarray
    time_base: Fraction
    fps: Fraction
    """What the header says; used where a clip's own times say nothing."""

    @classmethod
    def of(cls, pts: Sequence[int], time_base: Fraction, fps: Fraction) -> Times:
        """Return the times of frames, in the order in which they came out of the decoder.

        Where one is unknown or they do not increase, they are worth nothing, and the frames are
        taken to be evenly spaced.
        """
        ticks = np.array(pts, dtype=np.int64)
        if (ticks == NOT_KNOWN).any() or (ticks[1:] <= ticks[:-1]).any():
            return cls(np.arange(len(ticks), dtype=np.int64), 1 / fps, fps)
        return cls(ticks, time_base, fps)

    def seconds(self, places: np.ndarray) -> list[float]:
        """Return when some frames are shown, in seconds from the first of all."""
        return [float((int(pts) - int(self.pts[0])) * self.time_base) for pts in self.pts[places]]

    @property
    def duration_seconds(self) -> float:
        """From the first frame to the end of the last, held to last as long as the others do."""
        num_frames = len(self.pts)
        if num_frames < 2:
            return float(num_frames / self.fps)
        span = int(self.pts[-1]) - int(self.pts[0])
        return float(span * self.time_base * num_frames / (num_frames - 1))


class Timeline:
    """One entry a packet of the picture, in the order in which they are stored.

    Some 18 bytes a packet, whatever its size: eight megabytes for two hours at 60 frames a second.
    """

    def __init__(
        self, stream: VideoStream, limits: Limits, *, time_base: Fraction | None = None
    ) -> None:
        self.time_base = time_base or stream.time_base or Fraction(1, 1_000_000)
        rate = stream.guessed_rate
        self.fps = Fraction(rate if rate and rate > 0 else USUAL_FPS)
        self.pts, self.dts = array("q"), array("q")
        self.is_keyframe, self.is_shown = bytearray(), bytearray()
        # Not shown is what an edit list cuts away: it may be needed for decoding others.
        self.packets: list[Packet[VideoStream]] | None = []
        """The packets themselves, or None once they are more than `MAX_STORED_BYTES`."""
        self.problems: list[str] = []
        self._start = stream.start_time
        self._last = NOT_KNOWN, 0  # of the frame that is shown last: when, and for how long
        self._num_held_bytes = 0
        self._max_seconds = limits.max_duration_seconds
        self._max_ticks = int(self._max_seconds / self.time_base)
        self._max_frames = int(self._max_seconds * self.fps)

    def __len__(self) -> int:
        return len(self.pts)

    def add(self, packet: Packet[VideoStream]) -> None:
        """Take note of the next packet."""
        if self.is_out_of_bounds(packet, len(self.pts)):
            self.problems = [f"only the first {self._max_seconds:g} s were read"]
            return
        self.pts.append(NOT_KNOWN if packet.pts is None else packet.pts)
        self.dts.append(NOT_KNOWN if packet.dts is None else packet.dts)
        self.is_keyframe.append(packet.is_keyframe)
        self.is_shown.append(not packet.is_discard)
        if packet.pts is not None and not packet.is_discard:
            self._last = max(self._last, (packet.pts, packet.duration or 0))
        if self.packets is not None:
            self._num_held_bytes += packet.size + PACKET_BYTES
            self.packets.append(packet)
            if self._num_held_bytes > MAX_STORED_BYTES:
                self.packets = None

    def is_out_of_bounds(self, packet: Packet[VideoStream], place: int) -> bool:
        """Return whether a packet lies further from the first than a clip may last."""
        if packet.pts is None or not self.pts or self.pts[0] == NOT_KNOWN:
            return place > self._max_frames
        return abs(packet.pts - self.pts[0]) > self._max_ticks

    @property
    def first_pts(self) -> int | None:
        """The time of the packet that is stored first."""
        return None if not self.pts or self.pts[0] == NOT_KNOWN else self.pts[0]

    @property
    def is_complete(self) -> bool:
        """True if every packet has a time of its own, so that a frame is known by its time."""
        times = np.array(self.pts, dtype=np.int64)
        return not (times == NOT_KNOWN).any() and len(np.unique(times)) == len(times)

    def seconds(self, times: Times) -> float:
        """Return how long frames last that came out at these times; the last as long as it says.

        Recordings of a screen often end in a frame that is held for long.
        """
        seconds = times.duration_seconds
        pts, num_ticks = self._last
        if len(times.pts) and times.pts[-1] == pts:
            seconds = max(seconds, float((pts + num_ticks - int(times.pts[0])) * times.time_base))
        return seconds

    def late_seconds(self, times: Times) -> float:
        """Return how much later than the stream the first frame starts that came out.

        A recording that begins between key frames has packets before it, and sound beside them.
        """
        begins_with_key = self.is_keyframe[:1] != b"\0"
        if begins_with_key or self._start is None or times.time_base != self.time_base:
            return 0.0
        first = int(times.pts[0]) if len(times.pts) else self._start
        return max(0.0, float((first - self._start) * self.time_base))

    def shown(self) -> np.ndarray:
        """Return the places of the packets that give frames, in the order they are shown.

        Shapes:
            the result: (N,) int64.
        """
        places = np.flatnonzero(np.frombuffer(self.is_shown, dtype=np.uint8))
        times = np.array(self.pts, dtype=np.int64)[places]
        return places[np.argsort(times, kind="stable")]
