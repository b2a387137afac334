"""From decoded sound of any shape to mono at the rates that were asked for."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from functools import lru_cache
from typing import TYPE_CHECKING

import numpy as np
from av import AudioFrame, AudioResampler
from av.audio.frame import format_dtypes

from extract.media.alignment import Alignment
from extract.media.blocks import Waveform
from extract.media.container import DECODING_ERRORS, prepare_decoder, stated_seconds
from extract.media.coverage import Coverage, coverage, in_places
from extract.media.limits import Limits, MediaError

if TYPE_CHECKING:
    from av.audio.stream import AudioStream
    from av.container import InputContainer
    from av.packet import Packet

BLOCK_SECONDS = 10
# The last packet of an MP3 is often not sound at all.
TOLERATED_SHARE = 0.02
# Everything here that changes a sample, for the digest of a feature set.
PROVENANCE = {
    "version": 1,
    "stream": "the default one",
    "mono": "mean of the channels, weighted as ITU-R BS.775 mixes them, without LFE",
    "resampler": "swresample",
    "range": "clipped to [-1, 1]",
}
# Share of each speaker in the mono sum, before they are scaled to add up to one (ITU-R BS.775:
# the sides 3 dB and the surrounds 6 dB below the centre, the low-frequency effects left out).
WEIGHTS = {
    **dict.fromkeys(("FC", "BC"), 1.0),
    **dict.fromkeys(("FL", "FR", "FLC", "FRC", "DL", "DR"), 0.5**0.5),
    **dict.fromkeys(("BL", "BR", "SL", "SR"), 0.5),
    **dict.fromkeys(("LFE", "LFE2"), 0.0),
}
FULL_SCALE = {"u1": 128.0, "i2": 2.0**15, "i4": 2.0**31, "i8": 2.0**63, "f4": 1.0, "f8": 1.0}


def to_mono(frame: AudioFrame) -> np.ndarray:
    """Return the weighted mean of the channels, (S,) float32; no sum can be louder than 1."""
    shares = _shares(tuple(channel.name for channel in frame.layout.channels))
    # Not frame.to_ndarray(): of eight channels and more, PyAV 18.1 takes what lies behind the last
    # one for others (AudioFrame.planes counts pointers up to a null), which may be anywhere.
    held = frame.planes[: len(shares) if frame.format.is_planar else 1]
    planes = [memoryview(plane) for plane in held]
    num_samples = frame.samples * len(shares) // len(planes)
    dtype = format_dtypes[frame.format.name]
    samples = np.stack([np.frombuffer(plane, dtype, num_samples) for plane in planes])  # (C, S)
    if not frame.format.is_planar:  # (1, S * C) -> (C, S)
        samples = samples.reshape(-1, len(shares)).T
    scale = FULL_SCALE[samples.dtype.str[1:]]
    samples = samples.astype(np.float32) / np.float32(scale)
    if scale == FULL_SCALE["u1"]:  # unsigned: silence lies at 128
        samples -= 1
    mono: np.ndarray = shares @ samples  # (C,) @ (C, S) -> (S,)
    if not np.isfinite(mono).all():
        np.nan_to_num(mono, copy=False, nan=0.0, posinf=1.0, neginf=-1.0)
    return mono


@lru_cache
def _shares(channels: tuple[str, ...]) -> np.ndarray:
    """Return the share of each channel, (C,) float32, adding up to one."""
    weights = np.array([WEIGHTS.get(name, 1.0) for name in channels], dtype=np.float32)
    if not weights.any():
        weights[:] = 1
    shares: np.ndarray = weights / weights.sum()
    return shares


class AudioDecoder:
    """Decodes one stream, packet by packet, and gives its sound in blocks at each rate."""

    def __init__(
        self,
        container: InputContainer,
        stream: AudioStream,
        *,
        sample_rate_hz: Sequence[int],
        limits: Limits,
    ) -> None:
        self._seconds = self._lead_seconds = 0.0
        self._first_pts: int | None = None
        self._alignment = Alignment(container)
        self._container, self._stream, self._limits = container, stream, limits
        self._tracks = [_Track(rate) for rate in dict.fromkeys(sample_rate_hz)]
        self._num_packets = self._num_broken = 0
        self._refused: str | None = None
        try:
            prepare_decoder(stream, limits)
        except MediaError as error:
            self._refused = str(error)

    def coverage(self, problems: Sequence[str]) -> Coverage:
        """Return how much came out, given what went wrong in reading the packets."""
        problems = [*problems, self._refused] if self._refused else [*problems]
        if self._num_broken > TOLERATED_SHARE * self._num_packets:
            problems.append(f"damaged {in_places(self._num_broken)}")
        if self._alignment.problem:
            problems.append(self._alignment.problem)
        if not problems and not self._seconds and self._num_packets:
            problems.append("no sound came out of the decoder")
        expected_seconds = stated_seconds(self._container, self._stream, first_pts=self._first_pts)
        return coverage(self._seconds, expected_seconds, problems)

    def push(self, packet: Packet[AudioStream] | None) -> Iterator[Waveform]:
        """Decode the next packet, or with None the end; yield the blocks that are full."""
        if self._refused:
            return
        if packet is not None and self._num_packets == 0:
            self._first_pts = packet.pts
        self._num_packets += packet is not None
        try:
            for frame in self._stream.codec_context.decode(packet):
                self._check(frame)
                rate, num_silent = frame.sample_rate, self._alignment.place(frame)
                yield from self._silence(num_silent, rate)
                mono = to_mono(frame)[max(-num_silent, 0) :]
                self._seconds += len(mono) / rate
                yield from self._give(mono, rate)
        except MediaError as error:
            self._refused = str(error)
        except DECODING_ERRORS:
            self._num_broken += 1

    def finish(self) -> Iterator[Waveform]:
        """Yield what is left."""
        yield from self.push(None)
        for track in self._tracks:
            yield from track.finish()

    def _give(self, mono: np.ndarray, rate: int) -> Iterator[Waveform]:
        for track in self._tracks if len(mono) else ():
            track.start_seconds = self._alignment.start_seconds
            yield from track.push(mono, rate)

    def _silence(self, num_samples: int, rate: int) -> Iterator[Waveform]:
        """Give silence, a second at a time, before the first sound or between two."""
        is_lead = self._seconds == 0
        for start in range(0, num_samples, rate):
            self._check_duration()
            part = np.zeros(min(rate, num_samples - start), dtype=np.float32)
            if is_lead:
                self._lead_seconds += len(part) / rate
            else:
                self._seconds += len(part) / rate
            yield from self._give(part, rate)

    def _check_duration(self) -> None:
        longest = self._limits.max_duration_seconds
        if self._lead_seconds + self._seconds > longest:
            raise MediaError(f"only the first {longest:g} s were read")

    def _check(self, frame: AudioFrame) -> None:
        limits, num_channels = self._limits, len(frame.layout.channels)
        self._check_duration()
        if num_channels > limits.max_channels or frame.sample_rate > limits.max_sample_rate_hz:
            raise MediaError(
                f"{num_channels} channels at {frame.sample_rate:,} Hz are more than the limit of "
                f"{limits.max_channels} at {limits.max_sample_rate_hz:,} Hz"
            )


class _Track:
    """The sound at one rate."""

    def __init__(self, rate: int) -> None:
        self.rate = rate
        self.start_seconds = 0.0
        self._resampler = self._new_resampler()
        self._source_rate: int | None = None
        self._waiting: list[np.ndarray] = []
        self._num_waiting = self._num_given = 0

    def push(self, mono: np.ndarray, source_rate: int) -> Iterator[Waveform]:
        if self._source_rate not in (None, source_rate):
            self._take(self._resampler.resample(None))
            self._resampler = self._new_resampler()
        self._source_rate = source_rate
        frame = AudioFrame.from_ndarray(mono[None], format="flt", layout="mono")
        frame.sample_rate = source_rate
        self._take(self._resampler.resample(frame))
        yield from self._blocks(at_least=BLOCK_SECONDS * self.rate)

    def finish(self) -> Iterator[Waveform]:
        if self._source_rate is not None:
            self._take(self._resampler.resample(None))
        yield from self._blocks(at_least=1)

    def _new_resampler(self) -> AudioResampler:
        return AudioResampler(format="flt", layout="mono", rate=self.rate)

    def _take(self, frames: Iterable[AudioFrame | None]) -> None:
        for frame in frames:
            if frame is not None:
                self._waiting.append(frame.to_ndarray()[0])
                self._num_waiting += frame.samples

    def _blocks(self, *, at_least: int) -> Iterator[Waveform]:
        while self._num_waiting >= at_least:
            samples = np.concatenate(self._waiting)
            block = samples[: BLOCK_SECONDS * self.rate]
            rest = samples[len(block) :]
            self._waiting, self._num_waiting = [rest], len(rest)
            start_seconds = self.start_seconds + self._num_given / self.rate
            self._num_given += len(block)
            yield Waveform(np.clip(block, -1, 1), self.rate, start_seconds)
