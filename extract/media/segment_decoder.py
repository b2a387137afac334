"""SegmentDecoder: decode chosen frames from the GOPs that contain them."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

from extract.media.blocks import TimedFrame
from extract.media.container import DECODING_ERRORS
from extract.media.frame_conversion import FrameConverter
from extract.media.limits import Deadline, MediaError
from extract.media.packets import LostPacketError, StoredPackets
from extract.media.segments import Segment, can_skip_unreferenced, plan_segments

if TYPE_CHECKING:
    from av import VideoFrame
    from av.packet import Packet
    from av.video.stream import VideoStream

# Codecs whose frames are bit-identical when decoding starts at a key frame and skips unreferenced
# frames.
SEGMENTED_CODECS = ("h264", "hevc")


class MissedTargetError(Exception):
    """A target frame was not decoded as planned; the full clip is decoded instead."""


class SegmentDecoder:
    """Decodes the frames of chosen packets, and as few others as possible."""

    def __init__(
        self, stored: StoredPackets, *, converter: FrameConverter, deadline: Deadline
    ) -> None:
        self._stored, self._converter, self._deadline = stored, converter, deadline

    def frames(self, targets: list[int], seconds: list[float]) -> Iterator[TimedFrame]:
        """Yield the frames of some packets.

        Args:
            targets: indices of packets, in presentation order.
            seconds: presentation time of each frame.

        Raises:
            MissedTargetError: a target is missing or corrupt.
        """
        timeline, codec = self._stored.timeline, self._stored.stream.codec_context
        pts = timeline.pts
        segments = plan_segments(targets, pts=pts, is_keyframe=timeline.is_keyframe)
        if codec.name not in SEGMENTED_CODECS or not segments:
            raise MissedTargetError
        remaining = iter(zip((pts[target] for target in targets), seconds, strict=True))
        next_pts, next_seconds = next(remaining)
        for segment in segments:
            for frame, packet in self._decode(segment):
                if frame.pts is None or frame.pts < next_pts:
                    continue
                if frame.pts > next_pts or frame.is_corrupt:
                    raise MissedTargetError
                yield TimedFrame(next_seconds, self._converter.rgb(frame, packet))
                following = next(remaining, None)
                if following is None:
                    return
                next_pts, next_seconds = following
        raise MissedTargetError

    def _decode(self, segment: Segment) -> Iterator[tuple[VideoFrame, Packet[VideoStream] | None]]:
        codec = self._stored.stream.codec_context
        can_skip = can_skip_unreferenced(codec.name, codec.extradata)
        try:
            for index, packet in self._stored.between(segment.start, segment.stop):
                self._deadline.check()
                is_needed = index in segment.targets or not can_skip
                codec.skip_frame = "DEFAULT" if is_needed else "NONREF"
                for frame in codec.decode(packet):
                    yield frame, packet
            for frame in codec.decode(None):
                yield frame, None
            codec.flush_buffers()
        except MediaError:
            raise
        except (LostPacketError, *DECODING_ERRORS) as error:
            raise MissedTargetError from error
