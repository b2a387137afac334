"""One pass over a file: its frames and its sound, in blocks."""

from __future__ import annotations

from collections.abc import Generator, Iterator, Sequence
from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path
from typing import Any, Self

import numpy as np

from extract.media.blocks import Frames, Waveform
from extract.media.container import (
    DECODING_ERRORS,
    Source,
    media_info,
    picture_stream,
    reason,
    sound_stream,
)
from extract.media.limits import Deadline, Limits, MediaError
from extract.media.picture import PictureConverter
from extract.media.sampling import Sampling
from extract.media.sound import SoundConverter

BLOCK_FRAMES = 32


@dataclass(frozen=True)
class Coverage:
    """How much of a file's picture, or of its sound, was there to read."""

    seconds: float
    expected_seconds: float | None
    problem: str | None = None


@dataclass(frozen=True)
class Summary:
    """What came of reading a file. `picture` or `sound` is None where it was not asked for or
    where the file has none."""

    picture: Coverage | None
    sound: Coverage | None

    @property
    def partial_reason(self) -> str | None:
        """Why less came out than the file promised, or None."""
        parts = (("picture", self.picture), ("sound", self.sound))
        problems = [
            f"{name}: {part.problem}" for name, part in parts if part is not None and part.problem
        ]
        return "; ".join(problems) or None


def read_media(
    path: str | Path,
    *,
    sampling: Sampling | None,
    sample_rate_hz: Sequence[int] = (),
    limits: Limits | None = None,
) -> MediaReader:
    """Return an iterator over a file's blocks of frames and of sound."""
    return MediaReader(
        Path(path), sampling=sampling, sample_rate_hz=sample_rate_hz, limits=limits or Limits()
    )


class MediaReader(Iterator[Frames | Waveform]):
    """The blocks of one file."""

    def __init__(
        self,
        path: Path,
        *,
        sampling: Sampling | None,
        sample_rate_hz: Sequence[int],
        limits: Limits,
    ) -> None:
        self._source = Source(path, limits)
        self._sampling, self._rates, self._limits = sampling, sample_rate_hz, limits
        self._deadline = Deadline(limits.max_seconds)
        self._summary: Summary | None = None
        try:
            self._container = self._source.open()
            self.info = media_info(self._container)
        except BaseException:
            self._source.close()
            raise
        self._blocks = self._read()

    def __next__(self) -> Frames | Waveform:
        try:
            return next(self._blocks)
        except MediaError:
            raise
        except DECODING_ERRORS as error:
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
        """What came of it; there once the iterator has ended."""
        if self._summary is None:
            raise ValueError("the summary is there once every block has been taken")
        return self._summary

    def _read(self) -> Generator[Frames | Waveform, None, None]:
        picture = picture_stream(self._container) if self._sampling else None
        sound = sound_stream(self._container) if self._rates else None
        converter = SoundConverter(self._rates)
        pts: list[int | None] = []
        keys: list[bool] = []
        if picture is not None or sound is not None:
            for packet in _packets(self._container, [s for s in (picture, sound) if s]):
                self._deadline.check()
                for frame in _decode(packet):
                    if packet.stream is picture:
                        pts.append(frame.pts)
                        keys.append(bool(frame.key_frame))
                    else:
                        yield from converter.push(frame)
            yield from converter.finish()
        self._container.close()
        seconds = 0.0
        if picture is not None:
            container = self._source.open()
            stream = picture_stream(container)
            assert stream is not None
            time_base = stream.time_base or Fraction(1)
            ticks = np.array([-1 if p is None else p for p in pts], dtype=np.int64)
            if (ticks < 0).any() or (np.diff(ticks) <= 0).any():
                ticks, time_base = np.arange(len(pts)), 1 / Fraction(stream.guessed_rate or 25)
            assert self._sampling is not None
            chosen = self._sampling.choose(ticks, time_base=time_base, is_keyframe=np.array(keys))
            wanted = dict.fromkeys(chosen.tolist())
            pictures = PictureConverter()
            rgb: list[np.ndarray] = []
            times: list[float] = []
            index = 0
            for packet in _packets(container, [stream]):
                self._deadline.check()
                for frame in _decode(packet):
                    if index in wanted:
                        rgb.append(pictures.rgb(frame))
                        times.append(float((ticks[index] - ticks[0]) * time_base))
                        if len(rgb) == BLOCK_FRAMES:
                            yield Frames(np.stack(rgb), np.array(times))
                            rgb, times = [], []
                    index += 1
            if rgb:
                yield Frames(np.stack(rgb), np.array(times))
            container.close()
            if len(ticks):
                seconds = (
                    float((ticks[-1] - ticks[0]) * time_base) * len(ticks) / max(len(ticks) - 1, 1)
                )
        expected = self.info.duration_seconds
        self._summary = Summary(
            Coverage(seconds, expected) if picture is not None else None,
            Coverage(converter.seconds, expected) if sound is not None else None,
        )
        self._source.close()


def _packets(container: Any, streams: list[Any]) -> Iterator[Any]:
    failures = 0
    while failures < 100:
        try:
            for packet in container.demux(streams):
                failures = 0
                yield packet
            return
        except DECODING_ERRORS:
            failures += 1


def _decode(packet: Any) -> list[Any]:
    try:
        return list(packet.decode())
    except DECODING_ERRORS:
        return []
