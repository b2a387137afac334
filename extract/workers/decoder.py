"""ClipDecoder: one clip -> units for every encoder that wants it, in one pass."""

from __future__ import annotations

import hashlib
import time
from collections.abc import Iterator, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np

from extract.catalog import AnyFile, local_copy
from extract.encoder import Encoder
from extract.media import Frames, Limits, MediaError, Sampling, Waveform, probe, read_media
from extract.workers.messages import Allowed, Decoded, FileFacts, Job, UnitsOf
from extract.workers.poster import write_poster
from extract.workers.windows import WindowCutter

HASH_CHUNK_BYTES = 1 << 20
MAX_GIB = 128  # of a file; a hole of an exabyte takes no room on a disk, and years to hash
SLOW_DISK_BYTES = 10 << 20  # that a disk gives in a second, at the least
SLOW_NETWORK_BYTES = 1 << 20


class PosterError(OSError):
    """A poster cannot be written; no clip is to blame."""


class ClipDecoder:
    """Reads clips for encoders.

    Args:
        encoders: by place; None where there is nothing to decode for.
        posters: where to put one JPEG a clip, if anywhere.
    """

    def __init__(
        self,
        encoders: Sequence[Encoder | None],
        *,
        sampling: Sampling,
        limits: Limits,
        posters: Path | None = None,
    ) -> None:
        self._encoders, self._sampling, self._limits = encoders, sampling, limits
        self._posters = posters

    def read(self, job: Job) -> Iterator[Allowed | UnitsOf | Decoded]:
        """Yield the clip's units as they come, and at the end what came of it.

        Whatever is wrong with the clip is told in the last message; nothing is raised for it.

        Raises:
            PosterError: a poster cannot be written.
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
        except Exception as error:  # noqa: BLE001  (one clip's trouble is not that of the others)
            yield Decoded(job.index, facts, error=told(error), hash_seconds=hash_seconds)

    def _read(
        self, job: Job, path: Path, allowed_seconds: float
    ) -> Iterator[Allowed | UnitsOf | Decoded]:
        wanted = {place: encoder for place in job.encoders if (encoder := self._encoders[place])}
        frames = {i: encoder for i, encoder in wanted.items() if encoder.reads == "frames"}
        sounds = {i: encoder for i, encoder in wanted.items() if encoder.reads == "waveform"}
        if not wanted:
            info = probe(path, self._limits)
            yield Decoded(
                job.index,
                title=info.title,
                has_picture=info.has_video,
                has_sound=info.has_audio,
            )
            return
        cutters = {i: WindowCutter(encoder) for i, encoder in sounds.items()}
        poster = self._posters if frames else None
        with read_media(
            path,
            sampling=self._sampling if frames else None,
            sample_rate_hz=sorted({encoder.sample_rate_hz for encoder in sounds.values()}),
            limits=self._limits,
        ) as blocks:
            stated = min(blocks.info.duration_seconds or 0.0, self._limits.max_duration_seconds)
            yield Allowed(job.index, allowed_seconds + stated)
            for block in blocks:
                if isinstance(block, Waveform):
                    for i, encoder in sounds.items():
                        if encoder.sample_rate_hz == block.sample_rate:
                            for windows in cutters[i].push(block.data, block.start_seconds):
                                yield _units(job, i, encoder, windows)
                    continue
                if poster is not None:
                    _write_poster(poster, job.id, block)
                    poster = None
                for i, encoder in frames.items():
                    yield _units(job, i, encoder, block)
            for i, encoder in sounds.items():
                for windows in cutters[i].finish():
                    yield _units(job, i, encoder, windows)
            yield Decoded(
                job.index,
                title=blocks.info.title,
                picture=blocks.summary.video,
                sound=blocks.summary.audio,
                has_picture=blocks.info.has_video,
                has_sound=blocks.info.has_audio,
            )


def _units(job: Job, place: int, encoder: Encoder, sample: Any) -> UnitsOf:
    units = encoder.prepare(sample)
    num_units = len(sample.pts_seconds)
    if not isinstance(units, np.ndarray) or units.dtype.kind not in "biuf":
        raise TypeError(f"the encoder '{encoder.name}' prepares no array of numbers")
    if len(units) != num_units:
        raise ValueError(f"the encoder '{encoder.name}' prepared {len(units)} of {num_units} units")
    return UnitsOf(job.index, place, units, sample.pts_seconds)


def _write_poster(folder: Path, item_id: str, block: Frames) -> None:
    try:
        folder.mkdir(parents=True, exist_ok=True)
        write_poster(folder, item_id, block.data[len(block) // 2])
    except OSError as error:
        raise PosterError(f"no poster can be written to {folder}: {error.strerror}") from error


def told(error: Exception) -> str:
    """Return what is wrong with a clip, in words for the person who has it."""
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
        OSError: there is none.
    """
    status = path.stat()
    return FileFacts(status.st_size, status.st_mtime_ns)


def file_facts(path: AnyFile) -> FileFacts:
    """Return size, time and BLAKE2b-128 of a file.

    Raises:
        OSError: the file cannot be read.
        MediaError: it is a device or a pipe, which might never end, or larger than any clip.
    """
    if not path.is_file():
        raise MediaError("is no regular file")
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
