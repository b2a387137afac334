"""FrameDecoder: decodes the frames that samplings select, and as few others as possible."""

from __future__ import annotations

from array import array
from collections.abc import Callable, Iterator, Sequence
from functools import partial
from itertools import chain
from typing import TYPE_CHECKING, Literal

import numpy as np

from extract.media import tiff
from extract.media.blocks import TimedFrame
from extract.media.container import (
    DECODING_ERRORS,
    Source,
    prepare_decoder,
    reason,
    video_stream,
)
from extract.media.coverage import Coverage, count_occurrences, coverage
from extract.media.frame_conversion import FrameConverter
from extract.media.frame_sampling import Sampling, choose_by_each
from extract.media.jpeg import is_truncated
from extract.media.limits import Deadline, DeadlineError
from extract.media.media_info import stated_seconds
from extract.media.packets import Demuxer, StoredPackets
from extract.media.segment_decoder import MissedTargetError, SegmentDecoder
from extract.media.segments import plan_segments
from extract.media.timeline import NO_PTS, Timeline, Times
from extract.media.webp import Animation, Canvas

if TYPE_CHECKING:
    from av import VideoFrame
    from av.container import InputContainer
    from av.packet import Packet
    from av.video.codeccontext import VideoCodecContext
    from av.video.stream import VideoStream

# Decoded frames kept in memory until it is certain that they are the selected ones.
PENDING_BYTES = 64 << 20


class FrameDecoder:
    """Decodes the frames that samplings select, each once.

    Two methods return the same frames. "segments" selects among the times of the stored packets
    and decodes only the GOPs that contain the selected ones, without unreferenced frames. It yields
    nothing until all frames, or `PENDING_BYTES` of them, have been decoded as planned. If times are
    missing, the codec is not H.264 or HEVC, or a frame is not decoded as planned, "sequential"
    decodes the full clip in order and selects among the decoded frames.

    `timeline` contains the packets of `container`, or those of `animation`.
    """

    def __init__(
        self,
        source: Source,
        container: InputContainer,
        timeline: Timeline,
        *,
        animation: Animation | None,
        samplings: Sequence[Sampling],
        deadline: Deadline,
    ) -> None:
        self.method: Literal["segments", "sequential"] = "segments"
        self._seconds = 0.0
        self._num_broken = 0
        self._refused: str | None = None
        self._source, self._container, self._timeline = source, container, timeline
        self._animation, self._samplings, self._deadline = animation, samplings, deadline
        stream = video_stream(container)
        assert stream is not None
        self._stream: VideoStream = stream
        self._expected_seconds = stated_seconds(container, stream, first_pts=timeline.first_pts)
        self._converter = FrameConverter(stream.sample_aspect_ratio, source.limits)
        stored = StoredPackets(container, stream, timeline, limits=source.limits, deadline=deadline)
        self._segments = SegmentDecoder(stored, converter=self._converter, deadline=deadline)

    def coverage(self, problems: Sequence[str]) -> Coverage:
        """Return the decoded duration, given the problems while reading the packets."""
        problems = [*problems, *self._timeline.problems]
        if self._refused:
            problems.append(self._refused)
        if self._num_broken and self._seconds:
            problems.append(f"damaged {count_occurrences(self._num_broken)}")
        packets, container = self._timeline.packets, self._container.format.name
        if container == "jpeg_pipe" and packets and is_truncated(bytes(packets[0])):
            problems.append("cut off before its end")
        if not problems and not self._seconds and len(self._timeline):
            is_tiff = self._stream.codec_context.name == "tiff"
            problems.append(
                "no frame could be decoded: damaged, "
                + ("a TIFF of tiles or JPEG (save it in strips), " if is_tiff else "")
                + f"or more than {self._source.limits.max_pixels:,} pixels"
            )
        return coverage(self._seconds, self._expected_seconds, problems)

    def frames(self) -> Iterator[TimedFrame]:
        """Yield the selected frames that can be decoded, in presentation order.

        Raises:
            DeadlineError: the time limit is exceeded.
        """
        if self._timeline.is_encrypted:
            return
        try:
            yield from self._frames()
        except DeadlineError:
            raise
        except DECODING_ERRORS as error:
            self._refused = reason(error)

    def _frames(self) -> Iterator[TimedFrame]:
        prepare_decoder(self._stream, self._source.limits)
        timeline = self._timeline
        shown = timeline.shown() if timeline.is_complete else np.zeros(0, dtype=np.int64)
        first = plan_segments(
            shown[:1].tolist(), pts=timeline.pts, is_keyframe=timeline.is_keyframe
        )
        if first is None:  # starts inside a GOP: it is unknown which frames can be decoded
            shown = shown[:0]
        times = Times(np.array(timeline.pts, np.int64)[shown], timeline.time_base, timeline.fps)
        selected = self._select(times, np.frombuffer(timeline.is_keyframe, np.uint8)[shown] > 0)
        indices = np.fromiter(selected, np.int64)
        yielded_until = -1.0
        try:
            pending: list[TimedFrame] = []
            num_bytes = 0
            targets = shown[indices].tolist()
            frames = self._segments.frames(targets, times.seconds(indices))
            for frame, samplings in zip(frames, selected.values(), strict=True):
                pending.append(frame._replace(samplings=samplings))
                num_bytes += frame.rgb.nbytes
                if num_bytes > PENDING_BYTES:
                    yielded_until = frame.pts_seconds
                    yield from pending
                    pending, num_bytes = [], 0
            self._seconds = self._timeline.seconds(times)
            yield from pending
        except MissedTargetError:
            self.method = "sequential"
            yield from self._sequential(times.pts[indices].tolist(), after_seconds=yielded_until)

    def _select(self, times: Times, is_keyframe: np.ndarray) -> dict[int, tuple[int, ...]]:
        return choose_by_each(
            self._samplings, times.pts, time_base=times.time_base, is_keyframe=is_keyframe
        )

    def _sequential(self, likely: list[int], *, after_seconds: float) -> Iterator[TimedFrame]:
        """Yield the frames that are selected among all decoded ones, after `after_seconds`.

        The selection is known only at the end. Frames at the `likely` times are kept meanwhile; if
        others are selected after all, a second pass decodes them.
        """
        pts, is_keyframe = array("q"), bytearray()
        kept: dict[int, np.ndarray] = {}
        num_bytes = 0
        likely_pts = set(likely)
        for frame, packet in self._decode_all(count_broken=True):
            if frame.pts in likely_pts and num_bytes < PENDING_BYTES:
                kept[len(pts)] = self._converter.rgb(frame, packet)
                num_bytes += kept[len(pts)].nbytes
            pts.append(NO_PTS if frame.pts is None else frame.pts)
            is_keyframe.append(frame.key_frame)
        times = Times.of(pts, self._timeline.time_base, self._timeline.fps)
        self._seconds = self._timeline.seconds(times)
        selected = self._select(times, np.frombuffer(is_keyframe, np.uint8) > 0)
        late_seconds = self._timeline.late_seconds(times)
        seconds = dict(zip(selected, times.seconds(np.fromiter(selected, np.int64)), strict=True))
        remaining = {
            index: late_seconds + pts for index, pts in seconds.items() if pts > after_seconds
        }
        if remaining.keys() <= kept.keys():
            for index, pts_seconds in remaining.items():
                yield TimedFrame(pts_seconds, kept[index], selected[index])
            return
        kept.clear()
        for index, (frame, packet) in enumerate(self._decode_all(count_broken=False)):
            if index in remaining:
                rgb = self._converter.rgb(frame, packet)
                yield TimedFrame(remaining.pop(index), rgb, selected[index])
                if not remaining:
                    return

    def _decode_all(
        self, *, count_broken: bool
    ) -> Iterator[tuple[VideoFrame, Packet[VideoStream] | None]]:
        """Yield every frame of the clip that can be decoded, in order."""
        with self._source.open() as container:
            stream = video_stream(container)
            assert stream is not None
            prepare_decoder(stream, self._source.limits)
            packets = self._animation or Demuxer(
                container, [stream], limits=self._source.limits, deadline=self._deadline
            )
            decode = self._decode_function(stream.codec_context)
            for index, packet in enumerate(chain(packets, [None])):  # None flushes the decoder
                if packet is not None and self._timeline.is_out_of_bounds(packet, index):
                    continue
                try:
                    frames = decode(packet)
                except DECODING_ERRORS:
                    self._num_broken += count_broken
                    continue
                for frame in frames:
                    self._num_broken += count_broken and frame.is_corrupt
                    yield frame, packet

    def _decode_function(
        self, codec: VideoCodecContext
    ) -> Callable[[Packet[VideoStream] | None], Sequence[VideoFrame]]:
        if self._animation is not None:
            return partial(Canvas(self._animation).decode, codec)
        return partial(tiff.decode, codec) if codec.name == "tiff" else codec.decode
