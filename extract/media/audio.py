"""AudioDecoder: decode an audio stream to mono blocks at the requested sample rates."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from typing import TYPE_CHECKING

import numpy as np
from av import AudioFrame, AudioResampler

from extract.media.alignment import Alignment
from extract.media.blocks import Waveform
from extract.media.container import DECODING_ERRORS, prepare_decoder
from extract.media.coverage import Coverage, count_occurrences, coverage
from extract.media.limits import Limits, MediaError
from extract.media.media_info import stated_seconds
from extract.media.mono import to_mono
from extract.media.timeline import ENCRYPTED

if TYPE_CHECKING:
    from av.audio.stream import AudioStream
    from av.container import InputContainer
    from av.packet import Packet

BLOCK_SECONDS = 10
# Share of broken packets that is tolerated: the last packet of an MP3 is often not audio.
TOLERATED_SHARE = 0.02
# Everything that changes a sample, for the digest of a feature set.
PROVENANCE = {
    "version": 1,
    "stream": "the default one",
    "mono": "mean of the channels, weighted as ITU-R BS.775 mixes them, without LFE",
    "resampler": "swresample",
    "range": "clipped to [-1, 1]",
}


class AudioDecoder:
    """Decodes one stream, packet by packet, into blocks of audio at each sample rate."""

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
        self._outputs = [_Output(rate) for rate in dict.fromkeys(sample_rate_hz)]
        self._num_packets = self._num_broken = 0
        self._refused: str | None = None
        try:
            prepare_decoder(stream, limits)
        except MediaError as error:
            self._refused = str(error)

    def coverage(self, problems: Sequence[str]) -> Coverage:
        """Return the decoded duration, given the problems while reading the packets."""
        problems = [*problems, self._refused] if self._refused else [*problems]
        if self._num_broken > TOLERATED_SHARE * self._num_packets:
            problems.append(f"damaged {count_occurrences(self._num_broken)}")
        if self._alignment.problem:
            problems.append(self._alignment.problem)
        if not problems and not self._seconds and self._num_packets:
            problems.append("no audio could be decoded")
        expected_seconds = stated_seconds(self._container, self._stream, first_pts=self._first_pts)
        return coverage(self._seconds, expected_seconds, problems)

    def push(self, packet: Packet[AudioStream] | None) -> Iterator[Waveform]:
        """Decode the next packet (None flushes the decoder) and yield the blocks that are full."""
        if self._refused:
            return
        if packet is not None and self._num_packets == 0:
            self._first_pts = packet.pts
        if packet is not None and packet.has_sidedata("encryption_info"):
            self._refused = ENCRYPTED
            return
        self._num_packets += packet is not None
        try:
            for frame in self._stream.codec_context.decode(packet):
                self._check(frame)
                rate, num_silent = frame.sample_rate, self._alignment.gap_samples(frame)
                yield from self._silence(num_silent, rate)
                mono = to_mono(frame)[max(-num_silent, 0) :]
                self._seconds += len(mono) / rate
                yield from self._output(mono, rate)
        except MediaError as error:
            self._refused = str(error)
        except DECODING_ERRORS:
            self._num_broken += 1

    def finish(self) -> Iterator[Waveform]:
        """Flush the decoder and yield the remaining blocks."""
        yield from self.push(None)
        for output in self._outputs:
            yield from output.finish()

    def _output(self, mono: np.ndarray, rate: int) -> Iterator[Waveform]:
        for output in self._outputs if len(mono) else ():
            output.start_seconds = self._alignment.start_seconds
            yield from output.push(mono, rate)

    def _silence(self, num_samples: int, rate: int) -> Iterator[Waveform]:
        """Insert silence, a second at a time, before the first audio or in a gap."""
        is_lead = self._seconds == 0
        for start in range(0, num_samples, rate):
            self._check_duration()
            part = np.zeros(min(rate, num_samples - start), dtype=np.float32)
            if is_lead:
                self._lead_seconds += len(part) / rate
            else:
                self._seconds += len(part) / rate
            yield from self._output(part, rate)

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


class _Output:
    """The audio at one sample rate."""

    def __init__(self, rate: int) -> None:
        self.rate = rate
        self.start_seconds = 0.0
        self._resampler = self._new_resampler()
        self._source_rate: int | None = None
        self._pending: list[np.ndarray] = []
        self._num_pending = self._num_output = 0

    def push(self, mono: np.ndarray, source_rate: int) -> Iterator[Waveform]:
        if self._source_rate not in (None, source_rate):
            self._add(self._resampler.resample(None))
            self._resampler = self._new_resampler()
        self._source_rate = source_rate
        frame = AudioFrame.from_ndarray(mono[None], format="flt", layout="mono")
        frame.sample_rate = source_rate
        self._add(self._resampler.resample(frame))
        yield from self._blocks(at_least=BLOCK_SECONDS * self.rate)

    def finish(self) -> Iterator[Waveform]:
        if self._source_rate is not None:
            self._add(self._resampler.resample(None))
        yield from self._blocks(at_least=1)

    def _new_resampler(self) -> AudioResampler:
        return AudioResampler(format="flt", layout="mono", rate=self.rate)

    def _add(self, frames: Iterable[AudioFrame | None]) -> None:
        for frame in frames:
            if frame is not None:
                self._pending.append(frame.to_ndarray()[0])
                self._num_pending += frame.samples

    def _blocks(self, *, at_least: int) -> Iterator[Waveform]:
        while self._num_pending >= at_least:
            samples = np.concatenate(self._pending)
            block = samples[: BLOCK_SECONDS * self.rate]
            rest = samples[len(block) :]
            self._pending, self._num_pending = [rest], len(rest)
            start_seconds = self.start_seconds + self._num_output / self.rate
            self._num_output += len(block)
            yield Waveform(np.clip(block, -1, 1), self.rate, start_seconds)
