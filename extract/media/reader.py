"""read_media: the audio and the frames of a file, in blocks, in one pass."""

from __future__ import annotations

from collections.abc import Generator, Iterable, Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, Self

import numpy as np

from extract.media import webp
from extract.media.audio import AudioDecoder
from extract.media.blocks import Frames, TimedFrame, Waveform
from extract.media.container import (
    DECODING_ERRORS,
    Source,
    audio_stream,
    reason,
    video_stream,
)
from extract.media.coverage import Summary
from extract.media.frame_decoder import FrameDecoder
from extract.media.frame_sampling import Sampling
from extract.media.limits import Deadline, Limits, MediaError
from extract.media.media_info import media_info
from extract.media.packets import Demuxer
from extract.media.timeline import Timeline
from extract.media.truncation import is_truncated
from extract.media.webp import Animation

if TYPE_CHECKING:
    from av.packet import Packet

BLOCK_FRAMES = 32
BLOCK_BYTES = 64 << 20


def read_media(
    path: str | Path,
    *,
    sampling: Sampling | Sequence[Sampling] | None,
    sample_rate_hz: Sequence[int] = (),
    limits: Limits | None = None,
) -> MediaReader:
    """Return an iterator over a file's blocks of audio and frames, in one demuxing pass.

    Audio comes first, interleaved by sample rate, each in time order; then the frames, in
    presentation order. A block of audio has at most 10 seconds; a block of frames at most 32, fewer
    if they are large, all of one size. Memory does not grow with the duration of the file.

        with read_media(path, sampling=Sampling(), sample_rate_hz=[16_000]) as blocks:
            for block in blocks:
                ...
        blocks.summary

    Args:
        path: a video, image or audio file; no other file is opened.
        sampling: rule that selects the frames; None for no frames. With several, each has its own
            blocks, interleaved by time; a frame that several select is decoded once.
        sample_rate_hz: sample rates of the audio; empty for no audio.
        limits: hard limits for untrusted input; None uses the defaults.

    Raises:
        MediaError: it is not a media file, or none of its requested streams can be decoded.
    """
    return MediaReader(
        Path(path),
        samplings=[sampling] if isinstance(sampling, Sampling) else sampling or (),
        sample_rate_hz=sample_rate_hz,
        limits=limits or Limits(),
    )


class MediaReader(Iterator[Frames | Waveform]):
    """The blocks of one file, as returned by `read_media`."""

    def __init__(
        self,
        path: Path,
        *,
        samplings: Sequence[Sampling],
        sample_rate_hz: Sequence[int],
        limits: Limits,
    ) -> None:
        self._samplings, self._rates, self._limits = samplings, sample_rate_hz, limits
        self._deadline = Deadline(limits.max_seconds)
        self._summary: Summary | None = None
        self._source = Source(path, limits)
        try:
            self._container = self._source.open()
            self.info = media_info(self._container)
        except BaseException:
            self._source.close()
            raise
        self._blocks = self._read()

    def __next__(self) -> Frames | Waveform:
        try:
            with self._deadline:
                return next(self._blocks)
        except (StopIteration, MediaError):
            self.close()
            raise
        except DECODING_ERRORS as error:
            self.close()
            raise MediaError(f"cannot be decoded: {reason(error)}") from error

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def close(self) -> None:
        """Close the file; blocks not yet read are lost."""
        self._blocks.close()
        self._container.close()
        self._source.close()

    @property
    def summary(self) -> Summary:
        """The decoded part of each stream. Available after the last block.

        Raises:
            ValueError: there are blocks left to read.
        """
        if self._summary is None:
            raise ValueError("the summary is available after every block has been read")
        return self._summary

    def _read(self) -> Generator[Frames | Waveform, None, None]:
        audio = audio_stream(self._container) if self._rates else None
        video = video_stream(self._container) if self._samplings else None
        packets: Demuxer | Animation = Demuxer(
            self._container,
            [stream for stream in (audio, video) if stream is not None],
            limits=self._limits,
            deadline=self._deadline,
        )
        animation = None
        if video is not None and self._container.format.name == "webp_pipe":
            animation = Animation.of(self._source.file, self._limits, self._deadline)
            packets = animation or packets
        audio_coverage = video_coverage = None
        audio_decoder = None
        if audio is not None:
            audio_decoder = AudioDecoder(
                self._container, audio, sample_rate_hz=self._rates, limits=self._limits
            )
        timeline = None
        if video is not None:
            time_base = None if animation is None else webp.TIME_BASE
            timeline = Timeline(video, self._limits, time_base=time_base)
        packet: Packet[Any]
        for packet in packets:
            if audio_decoder is not None and packet.stream is audio:
                yield from audio_decoder.push(packet)
            elif timeline is not None:
                timeline.add(packet)
        problems = list(packets.problems)
        if is_truncated(self._source.file, self._container.format.name):
            problems.append("cut off before its end")
        if audio_decoder is not None:
            yield from audio_decoder.finish()
            audio_coverage = audio_decoder.coverage(problems)
        if timeline is not None:
            frame_decoder = FrameDecoder(
                self._source,
                self._container,
                timeline,
                animation=animation,
                samplings=self._samplings,
                deadline=self._deadline,
            )
            yield from _batches(frame_decoder.frames(), num_samplings=len(self._samplings))
            video_coverage = frame_decoder.coverage(problems)
        self._summary = Summary(video=video_coverage, audio=audio_coverage)
        _raise_if_all_failed(self._summary)


def _batches(frames: Iterable[TimedFrame], *, num_samplings: int) -> Iterator[Frames]:
    """Stack the frames of each sampling into batches of one size."""
    batches: list[list[TimedFrame]] = [[] for _ in range(num_samplings)]
    for frame in frames:
        for number in frame.samplings:
            batch = batches[number]
            if batch and (
                len(batch) == BLOCK_FRAMES
                or frame.rgb.shape != batch[0].rgb.shape
                or frame.rgb.nbytes * (len(batch) + 1) > BLOCK_BYTES
            ):
                yield _stacked(batch, number)
                batch.clear()
            batch.append(frame)
    for number, batch in enumerate(batches):
        if batch:
            yield _stacked(batch, number)


def _stacked(batch: list[TimedFrame], sampling: int) -> Frames:
    return Frames(
        np.stack([frame.rgb for frame in batch]),  # T of (H, W, 3) -> (T, H, W, 3)
        np.array([frame.pts_seconds for frame in batch]),
        sampling,
    )


def _raise_if_all_failed(summary: Summary) -> None:
    """Raise if errors prevented all decoding; an empty track is not an error."""
    streams = [stream for stream in (summary.video, summary.audio) if stream is not None]
    if summary.partial_reason and not any(stream.seconds for stream in streams):
        raise MediaError(f"nothing could be decoded: {summary.partial_reason}")
