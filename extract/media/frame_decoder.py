"""The frames that a sampling asks for: the same as decoding everything and picking, but cheaper."""

from __future__ import annotations

from array import array
from collections.abc import Callable, Iterator, Sequence
from functools import partial
from itertools import chain
from typing import TYPE_CHECKING, Literal, NamedTuple

import numpy as np

from extract.media import tiff
from extract.media.container import (
    DECODING_ERRORS,
    Source,
    prepare_decoder,
    reason,
    stated_seconds,
    video_stream,
)
from extract.media.coverage import Coverage, coverage, in_places
from extract.media.frame_conversion import FrameConverter
from extract.media.frame_sampling import Sampling
from extract.media.jpeg import is_truncated
from extract.media.limits import Deadline, DeadlineError, MediaError
from extract.media.packets import Demuxer, LostPacketError, StoredPackets
from extract.media.segments import Segment, can_skip_unreferenced, plan_segments
from extract.media.timeline import NOT_KNOWN, Timeline, Times
from extract.media.webp import Animation, Canvas

if TYPE_CHECKING:
    from av import VideoFrame
    from av.container import InputContainer
    from av.packet import Packet
    from av.video.codeccontext import VideoCodecContext
    from av.video.stream import VideoStream

# Codecs whose frames come out bit for bit the same when decoding starts at a key frame and leaves
# out what nothing refers to.
PLANNED_CODECS = ("h264", "hevc")
# Pictures kept until it is certain that they are the right ones.
PENDING_BYTES = 64 << 20


class TimedFrame(NamedTuple):
    """One frame: when it is shown, in seconds from the first, and its (H, W, 3) uint8 RGB."""

    pts_seconds: float
    rgb: np.ndarray


class MissedTargetError(Exception):
    """A frame did not come out as planned; the clip is decoded whole instead."""


class FrameDecoder:
    """Decodes the frames that a sampling asks for.

    Two ways lead to the same frames. The planned one takes the times of the stored packets,
    chooses among them, and decodes only the groups of pictures that hold the chosen ones, without
    the frames that nothing refers to. It gives nothing out until all came out as planned, or until
    `PENDING_BYTES` of pictures did. Where times are missing, the codec is not H.264 or HEVC, or a
    frame did not come out as planned, the whole clip is decoded in order, and the frames are
    chosen from what came out.

    `container` is the one whose packets made the timeline, unless those of an animation did.
    """

    def __init__(
        self,
        source: Source,
        container: InputContainer,
        timeline: Timeline,
        *,
        animation: Animation | None,
        sampling: Sampling,
        deadline: Deadline,
    ) -> None:
        self.way: Literal["planned", "whole"] = "planned"
        self._seconds = 0.0
        self._num_broken = 0
        self._refused: str | None = None
        self._source, self._container, self._timeline = source, container, timeline
        self._animation, self._sampling, self._deadline = animation, sampling, deadline
        stream = video_stream(container)
        assert stream is not None
        self._stream: VideoStream = stream
        self._expected_seconds = stated_seconds(container, stream, first_pts=timeline.first_pts)
        self._converter = FrameConverter(stream.sample_aspect_ratio, source.limits)
        self._stored = StoredPackets(
            container, stream, timeline, limits=source.limits, deadline=deadline
        )

    def coverage(self, problems: Sequence[str]) -> Coverage:
        """Return how much came out, given what went wrong in reading the packets."""
        problems = [*problems, *self._timeline.problems]
        if self._refused:
            problems.append(self._refused)
        if self._num_broken and self._seconds:
            problems.append(f"damaged {in_places(self._num_broken)}")
        packets = self._timeline.packets
        if (
            self._container.format.name == "jpeg_pipe"
            and packets
            and is_truncated(bytes(packets[0]))
        ):
            problems.append("cut off before its end")
        if not problems and not self._seconds and len(self._timeline):
            is_tiff = self._stream.codec_context.name == "tiff"
            problems.append(
                "no frame came out of the decoder: damaged, "
                + ("a TIFF of tiles or JPEG (save it in strips), " if is_tiff else "")
                + f"or more than {self._source.limits.max_pixels:,} pixels"
            )
        return coverage(self._seconds, self._expected_seconds, problems)

    def pictures(self) -> Iterator[TimedFrame]:
        """Yield the frames in the order in which they are shown, as far as they can be decoded.

        Raises:
            DeadlineError: the time is up.
        """
        try:
            yield from self._pictures()
        except DeadlineError:
            raise
        except DECODING_ERRORS as error:
            self._refused = reason(error)

    def _pictures(self) -> Iterator[TimedFrame]:
        prepare_decoder(self._stream, self._source.limits)
        timeline = self._timeline
        shown = timeline.shown() if timeline.is_complete else np.zeros(0, dtype=np.int64)
        if (
            plan_segments(shown[:1].tolist(), pts=timeline.pts, is_keyframe=timeline.is_keyframe)
            is None
        ):
            shown = shown[:0]  # it begins in the middle of a group: which frames come out is open
        times = Times(np.array(timeline.pts, np.int64)[shown], timeline.time_base, timeline.fps)
        chosen = self._choose(times, np.frombuffer(timeline.is_keyframe, np.uint8)[shown] > 0)
        given_until = -1.0
        try:
            pending: list[TimedFrame] = []
            num_bytes = 0
            for picture in self._planned(shown[chosen].tolist(), times.seconds(chosen)):
                pending.append(picture)
                num_bytes += picture.rgb.nbytes
                if num_bytes > PENDING_BYTES:
                    given_until = picture.pts_seconds
                    yield from pending
                    pending, num_bytes = [], 0
            self._seconds = self._timeline.seconds(times)
            yield from pending
        except MissedTargetError:
            self.way = "whole"
            yield from self._whole(times.pts[chosen].tolist(), after_seconds=given_until)

    def _choose(self, times: Times, is_keyframe: np.ndarray) -> np.ndarray:
        return self._sampling.choose(times.pts, time_base=times.time_base, is_keyframe=is_keyframe)

    # --- planned ---

    def _planned(self, targets: list[int], seconds: list[float]) -> Iterator[TimedFrame]:
        """Yield the frames of some packets, given in the order in which they are shown.

        Raises:
            MissedTargetError: as soon as one is not there, or has a blemish.
        """
        pts, codec = self._timeline.pts, self._stream.codec_context
        segments = plan_segments(targets, pts=pts, is_keyframe=self._timeline.is_keyframe)
        if codec.name not in PLANNED_CODECS or not segments:
            raise MissedTargetError
        awaited = iter(zip((pts[target] for target in targets), seconds, strict=True))
        next_pts, next_seconds = next(awaited)
        for segment in segments:
            for frame, packet in self._decode_segment(segment):
                if frame.pts is None or frame.pts < next_pts:
                    continue
                if frame.pts > next_pts or frame.is_corrupt:
                    raise MissedTargetError
                yield TimedFrame(next_seconds, self._converter.rgb(frame, packet))
                following = next(awaited, None)
                if following is None:
                    return
                next_pts, next_seconds = following
        raise MissedTargetError

    def _decode_segment(
        self, segment: Segment
    ) -> Iterator[tuple[VideoFrame, Packet[VideoStream] | None]]:
        codec = self._stream.codec_context
        can_skip = can_skip_unreferenced(codec.name, codec.extradata)
        try:
            for place, packet in self._stored.between(segment.start, segment.stop):
                self._deadline.check()
                is_needed = place in segment.targets or not can_skip
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

    # --- whole ---

    def _whole(self, likely: list[int], *, after_seconds: float) -> Iterator[TimedFrame]:
        """Yield the frames that are chosen among all that come out, later than `after_seconds`.

        Which frames are chosen is known only at the end. Those that are shown at the `likely`
        times are kept on the way; if others are chosen after all, a second pass fetches them.
        """
        pts, is_keyframe = array("q"), bytearray()
        kept: dict[int, np.ndarray] = {}
        num_bytes = 0
        awaited = set(likely)
        for frame, packet in self._decode_all(count_broken=True):
            if frame.pts in awaited and num_bytes < PENDING_BYTES:
                kept[len(pts)] = self._converter.rgb(frame, packet)
                num_bytes += kept[len(pts)].nbytes
            pts.append(NOT_KNOWN if frame.pts is None else frame.pts)
            is_keyframe.append(frame.key_frame)
        times = Times.of(pts, self._timeline.time_base, self._timeline.fps)
        self._seconds = self._timeline.seconds(times)
        chosen = self._choose(times, np.frombuffer(is_keyframe, np.uint8) > 0)
        late_seconds = self._timeline.late_seconds(times)
        seconds = dict(zip(chosen.tolist(), times.seconds(chosen), strict=True))
        wanted = {
            place: late_seconds + when for place, when in seconds.items() if when > after_seconds
        }
        if wanted.keys() <= kept.keys():
            for place, when in wanted.items():
                yield TimedFrame(when, kept[place])
            return
        kept.clear()
        for place, (frame, packet) in enumerate(self._decode_all(count_broken=False)):
            if place in wanted:
                yield TimedFrame(wanted.pop(place), self._converter.rgb(frame, packet))
                if not wanted:
                    return

    def _decode_all(
        self, *, count_broken: bool
    ) -> Iterator[tuple[VideoFrame, Packet[VideoStream] | None]]:
        """Yield every frame of the clip, in order, past whatever cannot be decoded."""
        with self._source.open() as container:
            stream = video_stream(container)
            assert stream is not None
            prepare_decoder(stream, self._source.limits)
            packets = self._animation or Demuxer(
                container, [stream], limits=self._source.limits, deadline=self._deadline
            )
            decode = self._decode_with(stream.codec_context)
            for place, packet in enumerate(chain(packets, [None])):  # None drains the decoder
                if packet is not None and self._timeline.is_out_of_bounds(packet, place):
                    continue
                try:
                    frames = decode(packet)
                except DECODING_ERRORS:
                    self._num_broken += count_broken
                    continue
                for frame in frames:
                    self._num_broken += count_broken and frame.is_corrupt
                    yield frame, packet

    def _decode_with(
        self, codec: VideoCodecContext
    ) -> Callable[[Packet[VideoStream] | None], Sequence[VideoFrame]]:
        if self._animation is not None:
            return partial(Canvas(self._animation).decode, codec)
        return partial(tiff.decode, codec) if codec.name == "tiff" else codec.decode
