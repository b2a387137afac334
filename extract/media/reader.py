"""One pass over a file: its sound and its frames, in blocks."""

from __future__ import annotations

from collections.abc import Generator, Iterable, Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, Self

import numpy as np

from extract.media import webp
from extract.media.audio import AudioDecoder
from extract.media.blocks import Frames, Waveform
from extract.media.container import (
    DECODING_ERRORS,
    Source,
    audio_stream,
    media_info,
    reason,
    video_stream,
)
from extract.media.coverage import Summary
from extract.media.frame_decoder import FrameDecoder, TimedFrame
from extract.media.frame_sampling import Sampling
from extract.media.limits import Deadline, Limits, MediaError
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
    sampling: Sampling | None,
    sample_rate_hz: Sequence[int] = (),
    limits: Limits | None = None,
) -> MediaReader:
    """Return an iterator over a file's blocks of sound and frames, in one demultiplexing pass.

    Sound comes first, its rates in turn, each in order of time; then the frames, in order of time.
    A block of sound has at most 10 seconds; a block of frames at most 32, fewer if they are large,
    and all of one size. So memory does not grow with the length of the file.

        with read_media(path, sampling=Sampling(), sample_rate_hz=[16_000]) as blocks:
            for block in blocks:
                ...
        blocks.summary

    Args:
        path: a clip, a picture or a sound file; only this file is opened.
        sampling: which frames to take; None for no frames.
        sample_rate_hz: the rates at which to give the sound; none for no sound.

    Raises:
        MediaError: it is no such file, or nothing that was asked for and is there can be decoded.
    """
    return MediaReader(
        Path(path), sampling=sampling, sample_rate_hz=sample_rate_hz, limits=limits or Limits()
    )


class MediaReader(Iterator[Frames | Waveform]):
    """The blocks of one file; made by `read_media`."""

    def __init__(
        self,
        path: Path,
        *,
        sampling: Sampling | None,
        sample_rate_hz: Sequence[int],
        limits: Limits,
    ) -> None:
        self._sampling, self._rates, self._limits = sampling, sample_rate_hz, limits
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
        """Close the file; blocks not yet taken are lost."""
        self._blocks.close()
        self._container.close()
        self._source.close()

    @property
    def summary(self) -> Summary:
        """What came of it. There once the last block has been taken."""
        if self._summary is None:
            raise ValueError("the summary is there once every block has been taken")
        return self._summary

    def _read(self) -> Generator[Frames | Waveform, None, None]:
        sound = audio_stream(self._container) if self._rates else None
        picture = video_stream(self._container) if self._sampling is not None else None
        packets: Demuxer | Animation = Demuxer(
            self._container,
            [stream for stream in (sound, picture) if stream is not None],
            limits=self._limits,
            deadline=self._deadline,
        )
        animation = None
        if picture is not None and self._container.format.name == "webp_pipe":
            animation = Animation.of(self._source.file, self._limits, self._deadline)
            packets = animation or packets
        heard = seen = None
        hearing = None
        if sound is not None:
            hearing = AudioDecoder(
                self._container, sound, sample_rate_hz=self._rates, limits=self._limits
            )
        timeline = None
        if picture is not None:
            time_base = None if animation is None else webp.TIME_BASE
            timeline = Timeline(picture, self._limits, time_base=time_base)
        packet: Packet[Any]
        for packet in packets:
            if hearing is not None and packet.stream is sound:
                yield from hearing.push(packet)
            elif timeline is not None:
                timeline.add(packet)
        problems = list(packets.problems)
        if is_truncated(self._source.file, self._container.format.name):
            problems.append("cut off before its end")
        if hearing is not None:
            yield from hearing.finish()
            heard = hearing.coverage(problems)
        if timeline is not None and self._sampling is not None:
            seeing = FrameDecoder(
                self._source,
                self._container,
                timeline,
                animation=animation,
                sampling=self._sampling,
                deadline=self._deadline,
            )
            yield from _blocks(seeing.pictures())
            seen = seeing.coverage(problems)
        self._summary = Summary(video=seen, audio=heard)
        _raise_if_all_failed(self._summary)


def _blocks(pictures: Iterable[TimedFrame]) -> Iterator[Frames]:
    """Stack pictures into blocks of one size."""
    block: list[TimedFrame] = []
    for picture in pictures:
        if block and (
            len(block) == BLOCK_FRAMES
            or picture.rgb.shape != block[0].rgb.shape
            or picture.rgb.nbytes * (len(block) + 1) > BLOCK_BYTES
        ):
            yield _stacked(block)
            block = []
        block.append(picture)
    if block:
        yield _stacked(block)


def _stacked(block: list[TimedFrame]) -> Frames:
    return Frames(
        np.stack([picture.rgb for picture in block]),  # T of (H, W, 3) -> (T, H, W, 3)
        np.array([picture.pts_seconds for picture in block]),
    )


def _raise_if_all_failed(summary: Summary) -> None:
    """Raise if nothing came out and something went wrong; a track without sound is no error."""
    parts = [part for part in (summary.video, summary.audio) if part is not None]
    if summary.partial_reason and not any(part.seconds for part in parts):
        raise MediaError(f"nothing could be decoded: {summary.partial_reason}")
