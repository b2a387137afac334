"""From decoded sound of any shape to mono at the rates that were asked for."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import numpy as np
from av import AudioFrame, AudioResampler

from extract.media.blocks import Waveform

BLOCK_SECONDS = 10
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
    channels = len(frame.layout.channels)
    samples = frame.to_ndarray()  # (C, S), or (1, S * C) where the channels are interleaved
    if not frame.format.is_planar:
        samples = samples.reshape(-1, channels).T
    scale = FULL_SCALE[samples.dtype.str[1:]]
    samples = samples.astype(np.float32) / np.float32(scale)
    if scale == 128.0:  # unsigned: silence lies at 128
        samples -= 1
    names = [channel.name for channel in frame.layout.channels]
    weights = np.array([WEIGHTS.get(name, 1.0) for name in names], dtype=np.float32)
    if not weights.any():
        weights[:] = 1
    mono: np.ndarray = (weights / weights.sum()) @ samples  # (C,) @ (C, S) -> (S,)
    np.nan_to_num(mono, copy=False, nan=0.0, posinf=1.0, neginf=-1.0)
    return mono


class SoundConverter:
    """Collects decoded sound and gives blocks at each rate."""

    def __init__(self, sample_rate_hz: Sequence[int]) -> None:
        self.seconds = 0.0
        self._tracks = [_Track(rate) for rate in dict.fromkeys(sample_rate_hz)]

    def push(self, frame: AudioFrame) -> Iterator[Waveform]:
        """Take one decoded frame; yield the blocks that are full."""
        self.seconds += frame.samples / frame.sample_rate
        mono = AudioFrame.from_ndarray(to_mono(frame)[None], format="flt", layout="mono")
        mono.sample_rate = frame.sample_rate
        for track in self._tracks:
            yield from track.push(mono)

    def finish(self) -> Iterator[Waveform]:
        """Yield what is left."""
        for track in self._tracks:
            yield from track.finish()


class _Track:
    """The sound at one rate."""

    def __init__(self, rate: int) -> None:
        self.rate = rate
        self._resampler = AudioResampler(format="flt", layout="mono", rate=rate)
        self._source_rate: int | None = None
        self._waiting: list[np.ndarray] = []
        self._num_waiting = 0
        self._num_given = 0

    def push(self, mono: AudioFrame) -> Iterator[Waveform]:
        if self._source_rate not in (None, mono.sample_rate):
            self._take(self._resampler.resample(None))
            self._resampler = AudioResampler(format="flt", layout="mono", rate=self.rate)
        self._source_rate = mono.sample_rate
        self._take(self._resampler.resample(mono))
        yield from self._blocks(at_least=BLOCK_SECONDS * self.rate)

    def finish(self) -> Iterator[Waveform]:
        if self._source_rate is not None:
            self._take(self._resampler.resample(None))
        yield from self._blocks(at_least=1)

    def _take(self, frames: list[AudioFrame]) -> None:
        for frame in frames:
            if frame is not None:
                samples = frame.to_ndarray()[0]
                self._waiting.append(samples)
                self._num_waiting += len(samples)

    def _blocks(self, *, at_least: int) -> Iterator[Waveform]:
        while self._num_waiting >= at_least:
            samples = np.concatenate(self._waiting)
            block = samples[: BLOCK_SECONDS * self.rate]
            rest = samples[len(block) :]
            self._waiting, self._num_waiting = [rest], len(rest)
            start_seconds = self._num_given / self.rate
            self._num_given += len(block)
            yield Waveform(np.clip(block, -1, 1), self.rate, start_seconds)
