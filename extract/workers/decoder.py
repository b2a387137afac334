"""ClipDecoder: decodes a clip in one pass into units for all of its encoders."""

from __future__ import annotations

import hashlib
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace
from functools import partial
from pathlib import Path

import numpy as np

from extract.catalogue import AnyFile, local_copy
from extract.encoder import Encoder, Windows
from extract.media import Frames, Limits, MediaError, Sampling, Waveform, probe, read_media
from extract.workers.messages import Allowed, Decoded, FileFacts, Job, UnitsOf
from extract.workers.poster import write_poster
from extract.workers.sprite import Sprite
from extract.workers.windows import FrameWindowCutter, WindowCutter, sampling_of

IMAGES = ("frames", "video")  # inputs from the video stream
HASH_CHUNK_BYTES = 1 << 20
MAX_GIB = (
    128  # maximum size of a file; a sparse file of an exabyte takes no space, but years to hash
)
SLOW_DISK_BYTES = 10 << 20  # per second, from a slow disk
SLOW_NETWORK_BYTES = 1 << 20


class PosterError(OSError):
    """A poster or a sprite cannot be written; the clip is not the cause."""


class ClipDecoder:
    """Decodes clips into the units of encoders.

    Args:
        encoders: encoder of each slot; None if it reads no decoded samples.
        posters: folder for one JPEG of each clip, if any.
        sprites: folder for one JPEG of eight frames of each clip, if any.
    """

    def __init__(
        self,
        encoders: Sequence[Encoder | None],
        *,
        sampling: Sampling,
        limits: Limits,
        posters: Path | None = None,
        sprites: Path | None = None,
    ) -> None:
        self._encoders, self._sampling, self._limits = encoders, sampling, limits
        self._posters, self._sprites = posters, sprites

    def read(self, job: Job) -> Iterator[Allowed | UnitsOf | Decoded]:
        """Yield the clip's units while it is decoded, and a `Decoded` at the end.

        An error of the clip is part of that last message; it is not raised.

        Raises:
            PosterError: a poster or a sprite cannot be written.
        """
        facts = FileFacts()
        hash_seconds = 0.0
        try:
            facts = stat_facts(job.path)
            to_hash_seconds = facts.size_bytes / (
                SLOW_DISK_BYTES if isinstance(job.path, Path) else SLOW_NETWORK_BYTES
            )
            yield Allowed(job.index, to_hash_seconds)
            started = time.perf_counter()
            with local_copy(job.path) as path:
                facts = replace(facts, content_hash=file_facts(path).content_hash)
                hash_seconds = time.perf_counter() - started
                for message in self._read(job, path, to_hash_seconds):
                    if isinstance(message, Decoded):
                        message = replace(message, facts=facts, hash_seconds=hash_seconds)
                    yield message
        except PosterError:
            raise
        except Exception as error:  # noqa: BLE001  (a broken clip must not end the others)
            yield Decoded(job.index, facts, error=reason_of(error), hash_seconds=hash_seconds)

    def _read(
        self, job: Job, path: Path, allowed_seconds: float
    ) -> Iterator[Allowed | UnitsOf | Decoded]:
        encoders = {slot: encoder for slot in job.encoders if (encoder := self._encoders[slot])}
        images = {i: encoder for i, encoder in encoders.items() if encoder.reads in IMAGES}
        audio = {i: encoder for i, encoder in encoders.items() if encoder.reads == "waveform"}
        if not encoders:
            info = probe(path, self._limits)
            yield Decoded(
                job.index,
                title=info.title,
                has_video=info.has_video,
                has_audio=info.has_audio,
            )
            return
        cutters = {i: WindowCutter(encoder) for i, encoder in audio.items()}
        video = {i: FrameWindowCutter(e) for i, e in images.items() if e.reads == "video"}
        samplings = {i: sampling_of(encoder, self._sampling) for i, encoder in images.items()}
        rules = list(dict.fromkeys(samplings.values()))
        shown = rules.index(self._sampling) if self._sampling in rules else 0
        poster = self._posters if images else None
        sprite = Sprite() if images and self._sprites is not None else None
        with read_media(
            path,
            sampling=rules,
            sample_rate_hz=sorted({encoder.sample_rate_hz for encoder in audio.values()}),
            limits=self._limits,
        ) as blocks:
            stated = min(blocks.info.duration_seconds or 0.0, self._limits.max_duration_seconds)
            yield Allowed(job.index, allowed_seconds + stated)
            for block in blocks:
                if isinstance(block, Waveform):
                    for i, encoder in audio.items():
                        if encoder.sample_rate_hz == block.sample_rate:
                            for windows in cutters[i].push(block.data, block.start_seconds):
                                yield _units(job, i, encoder, windows)
                    continue
                is_shown = block.sampling == shown
                if poster is not None and is_shown:
                    middle = block.data[len(block) // 2]
                    _write_image(poster, partial(write_poster, poster, job.id, middle))
                    poster = None
                if sprite is not None and is_shown:
                    sprite.add(block.data)
                for i, encoder in images.items():
                    if samplings[i] != rules[block.sampling]:
                        continue
                    if i not in video:
                        yield _units(job, i, encoder, block)
                        continue
                    prepared = _prepared(encoder, block)
                    for window, times in video[i].push(prepared, block.pts_seconds):
                        yield UnitsOf(job.index, i, window, times)
            if sprite is not None and self._sprites is not None:
                _write_image(self._sprites, partial(sprite.write, self._sprites, job.id))
            for i, encoder in audio.items():
                for windows in cutters[i].finish():
                    yield _units(job, i, encoder, windows)
            coverage = blocks.summary.video
            for i, frame_cutter in video.items():
                for window, times in frame_cutter.finish(coverage.seconds if coverage else 0.0):
                    yield UnitsOf(job.index, i, window, times)
            yield Decoded(
                job.index,
                title=blocks.info.title,
                video=coverage,
                audio=blocks.summary.audio,
                has_video=blocks.info.has_video,
                has_audio=blocks.info.has_audio,
            )


def _units(job: Job, slot: int, encoder: Encoder, sample: Frames | Windows) -> UnitsOf:
    return UnitsOf(job.index, slot, _prepared(encoder, sample), sample.pts_seconds)


def _prepared(encoder: Encoder, sample: Frames | Windows) -> np.ndarray:
    units = encoder.prepare(sample)
    num_units = len(sample.pts_seconds)
    if not isinstance(units, np.ndarray) or units.dtype.kind not in "biuf":
        raise TypeError(f"the encoder '{encoder.name}' does not prepare an array of numbers")
    if len(units) != num_units:
        raise ValueError(
            f"the encoder '{encoder.name}' prepared {len(units)} units for {num_units}"
        )
    return units


def _write_image(folder: Path, write: Callable[[], None]) -> None:
    try:
        folder.mkdir(parents=True, exist_ok=True)
        write()
    except OSError as error:
        raise PosterError(f"no image can be written to {folder}: {error.strerror}") from error


def reason_of(error: Exception) -> str:
    """Return the reason why a clip could not be read, for the user."""
    if isinstance(error, MediaError):
        return str(error)
    if isinstance(error, MemoryError):
        return "needed more memory than it may have"
    if isinstance(error, OSError):
        return f"cannot be read: {error.strerror or error}"
    return f"{type(error).__name__}: {error}"


def stat_facts(path: AnyFile) -> FileFacts:
    """Return size and time of a file, without its hash.

    Raises:
        OSError: the file does not exist.
    """
    status = path.stat()
    return FileFacts(status.st_size, status.st_mtime_ns)


def file_facts(path: AnyFile) -> FileFacts:
    """Return size, time and BLAKE2b-128 of a file.

    Raises:
        OSError: the file cannot be read.
        MediaError: it is a device or a pipe, which might never end, or larger than 128 GiB.
    """
    if not path.is_file():
        raise MediaError("is not a regular file")
    facts = stat_facts(path)
    if facts.size_bytes > MAX_GIB << 30:
        raise MediaError(
            f"is {facts.size_bytes / 2**30:,.0f} GiB, and larger than the limit of {MAX_GIB} GiB"
        )
    digest = hashlib.blake2b(digest_size=16)
    with path.open("rb") as file:
        while chunk := file.read(HASH_CHUNK_BYTES):
            digest.update(chunk)
    return replace(facts, content_hash=digest.hexdigest())
