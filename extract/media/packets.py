"""Packets of a container: Demuxer reads them in order, StoredPackets returns them again."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from itertools import chain
from typing import TYPE_CHECKING, Any

from av.stream import Discard

from extract.media.container import DECODING_ERRORS
from extract.media.coverage import count_occurrences
from extract.media.limits import Deadline, Limits, MediaError
from extract.media.timeline import NO_PTS, Timeline

if TYPE_CHECKING:
    from av.container import InputContainer
    from av.packet import Packet
    from av.video.stream import VideoStream

# A broken file may fail at one packet and be intact at the next; reading stops after this many
# failures in a row.
MAX_FAILURES_IN_A_ROW = 64
# Within this distance, reading forward is faster than seeking.
NEAR_PACKETS = 256


class LostPacketError(Exception):
    """A packet of the first pass was not found again."""


class Demuxer:
    """Yields the packets of some streams, skipping unreadable ones."""

    def __init__(
        self,
        container: InputContainer,
        streams: Sequence[Any],
        *,
        limits: Limits,
        deadline: Deadline,
    ) -> None:
        self._num_failures = 0
        self._container, self._streams = container, list(streams)
        self._limits, self._deadline = limits, deadline
        for stream in container.streams:
            stream.discard = Discard.none if stream in self._streams else Discard.all

    @property
    def problems(self) -> list[str]:
        """The problems so far, for the user."""
        return [f"unreadable {count_occurrences(self._num_failures)}"] if self._num_failures else []

    def __iter__(self) -> Iterator[Packet[Any]]:
        if not self._streams:
            return
        num_packets = num_in_a_row = 0
        while num_in_a_row < MAX_FAILURES_IN_A_ROW:
            try:
                for packet in self._container.demux(self._streams):
                    self._deadline.check()
                    num_in_a_row = 0
                    num_packets += 1
                    if num_packets > self._limits.max_packets:
                        raise MediaError(f"has more than {self._limits.max_packets:,} packets")
                    if packet.size:  # an empty packet would flush the decoder
                        yield packet
                return
            except MediaError:
                raise
            except DECODING_ERRORS:
                num_in_a_row += 1
                self._num_failures += 1


class StoredPackets:
    """The packets of a timeline: from memory, or from the file if they did not fit.

    Attributes:
        stream, timeline: that they belong to.
    """

    def __init__(
        self,
        container: InputContainer,
        stream: VideoStream,
        timeline: Timeline,
        *,
        limits: Limits,
        deadline: Deadline,
    ) -> None:
        self._container, self.stream, self.timeline = container, stream, timeline
        self._limits, self._deadline = limits, deadline
        self._reader: Iterator[Packet[VideoStream]] = iter(())
        self._at = len(timeline)  # index of the reader's next packet

    def between(self, start: int, stop: int) -> Iterator[tuple[int, Packet[VideoStream]]]:
        """Yield the packets [start, stop) with their indices.

        Raises:
            LostPacketError: a packet was not found in the file again.
        """
        if self.timeline.packets is not None:
            yield from enumerate(self.timeline.packets[start:stop], start)
            return
        if not 0 <= start - self._at <= NEAR_PACKETS:
            self._seek(start)
        while self._at < stop:
            packet = next(self._reader, None)
            if packet is None or packet.pts != self.timeline.pts[self._at]:
                raise LostPacketError
            if self._at >= start:
                yield self._at, packet
            self._at += 1

    def _seek(self, index: int) -> None:
        """Position the reader before packet `index`."""
        pts, dts = self.timeline.pts[index], self.timeline.dts[index]
        self._container.seek(pts if dts == NO_PTS else dts, stream=self.stream)
        reader = iter(
            Demuxer(self._container, [self.stream], limits=self._limits, deadline=self._deadline)
        )
        for packet in reader:
            if packet.pts == pts:
                self._reader, self._at = chain([packet], reader), index
                return
            if packet.dts is not None and NO_PTS < dts < packet.dts:
                break  # the seek landed after it
        raise LostPacketError
