"""extract_features: decode once, encode in batches across videos, write, resume, report."""

from __future__ import annotations

import os
import signal
import threading
import time
from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from pathlib import Path
from types import FrameType
from typing import Any

import numpy as np

from extract.batching import Batcher
from extract.catalog import Item
from extract.encoder import ENCODERS, Encoder, Engine
from extract.media import Limits, Sampling
from extract.modality import MODALITIES, Modality
from extract.pool import WorkerPool
from extract.report import Failure, Progress, Report
from extract.store import FeatureSet, FeatureStore, Record, content_hash
from extract.worker import Decoded, EncoderSpec, Job, RowsOf, Setup, UnitsOf, file_hash

PRESETS = ("paper", "offline")
CLIP_TIMEOUT_SECONDS = 300.0
WORKER_MEMORY_BYTES = 6 << 30
MIN_CLIPS_A_WORKER = 4  # a worker takes seconds to start; it is not worth it for fewer


@dataclass
class Target:
    """One encoder of one modality, and the feature set that it fills."""

    modality: Modality
    encoder: Encoder
    features: FeatureSet

    @property
    def decodes(self) -> bool:
        """Whether it needs the file decoded."""
        return self.encoder.reads in ("frames", "waveform")


@dataclass
class _Clip:
    """What is known of a clip while it is under way."""

    item: Item
    decoded: Decoded | None = None
    rows: dict[int, tuple[np.ndarray, tuple[float, ...]]] = field(default_factory=dict)


def extract_features(
    items: Sequence[Item],
    store: FeatureStore | Path | str,
    *,
    root: Path | None = None,
    modalities: Sequence[str] = ("visual", "acoustic", "textual"),
    preset: str = "paper",
    encoders: Sequence[tuple[str, str]] = (),
    sampling: Sampling | None = None,
    limits: Limits | None = None,
    device: str = "auto",
    engine: Engine = "torch",
    dtype: str = "float16",
    workers: int | None = None,
    retry_failed: bool = False,
    strict: bool = False,
    dry_run: bool = False,
    posters: Path | None = None,
    clip_timeout_seconds: float = CLIP_TIMEOUT_SECONDS,
    memory_limit_bytes: int = WORKER_MEMORY_BYTES,
    progress: Callable[[Progress], None] | None = None,
) -> Report:
    """Extract features of items into a store, and say what came of each.

    What is there already, from the same bytes by the same encoder with the same settings, is kept.
    It may be interrupted at any moment; the same call goes on and ends in the same store.

    Args:
        items: what to extract, as `read_catalog` lists it.
        root: sources are recorded relative to it where they lie inside.
        modalities: names or letters.
        preset: which encoder a modality uses unless `encoders` says otherwise: paper, offline.
        encoders: pairs of a modality and NAME or NAME:WEIGHTS. Several of one modality are filled
            in one pass over the file; the last one becomes the modality's current set.
        sampling: which frames are looked at; 16 over the clip's duration unless told otherwise.
        device: auto, cpu, cuda or cuda:N. On a CPU every worker decodes and encodes; on CUDA the
            workers decode and this process encodes.
        engine: torch, or onnx for encoders of pictures.
        dtype: in which rows are stored.
        workers: how many processes; by default one a core.
        retry_failed: try again what failed before.
        strict: stop at the first failure, by raising.
        dry_run: only say how many clips would be done.
        posters: a folder for one JPEG per clip that is decoded.
        clip_timeout_seconds, memory_limit_bytes: for one clip, for one worker; a clip that goes
            beyond is recorded as failed.
        progress: called a few times a second, from this thread.

    Raises:
        LookupError: an unknown modality, encoder or preset.
        WeightsUnavailable: weights are not here and cannot be fetched; nothing was decoded.
        StoreError: the store cannot be written.
        ValueError: `strict`, and something failed.
    """
    store = store if isinstance(store, FeatureStore) else FeatureStore(store)
    sampling = sampling or Sampling()
    device = resolve_device(device)
    with store.locked():
        targets = _targets(store, modalities, preset, encoders, sampling, dtype)
        run = _Run(items, targets, root, strict, progress)
        run.plan(retry_failed=retry_failed)
        if dry_run:
            return run.report(planned=len(run.todo))
        try:
            with _interruptible(run):
                run.texts_and_items(device)
                setup = Setup(
                    encoders=tuple(EncoderSpec.of(target.encoder) for target in targets),
                    encodes=device == "cpu",
                    engine=engine,
                    sampling=sampling,
                    limits=limits or Limits(),
                    num_threads=1,
                    posters=posters,
                )
                run.clips(setup, device, workers, clip_timeout_seconds, memory_limit_bytes)
        finally:
            for target in targets:
                target.features.finish()
        return run.report()


def resolve_device(device: str) -> str:
    """Return the device that `auto` means here, or the given one if there is such a device.

    Raises:
        ValueError: there is not.
    """
    if device == "cpu":
        return device
    import torch

    if device == "auto":
        return "cuda" if torch.cuda.is_available() else "cpu"
    if not device.startswith("cuda"):
        raise ValueError(f"device is '{device}'; known: auto, cpu, cuda, cuda:N")
    if not torch.cuda.is_available():
        raise ValueError(f"device is '{device}', but torch sees no GPU here; use --device cpu")
    return device


def _targets(
    store: FeatureStore,
    modalities: Sequence[str],
    preset: str,
    encoders: Sequence[tuple[str, str]],
    sampling: Sampling,
    dtype: str,
) -> list[Target]:
    """The encoders of the modalities, their weights found, and the sets that they fill."""
    chosen: dict[str, list[str]] = {}
    for name, encoder in encoders:
        chosen.setdefault(MODALITIES.get(name).name, []).append(encoder)
    members = list({member.name: member for member in map(MODALITIES.get, modalities)}.values())
    unused = set(chosen) - {modality.name for modality in members}
    if unused:
        raise ValueError(
            f"an encoder is named for {', '.join(sorted(unused))}, which --modality leaves out"
        )
    pairs = []
    for modality in members:
        for words in chosen.get(modality.name) or [_of_preset(modality, preset)]:
            name, _, weights = words.partition(":")
            pairs.append((modality, ENCODERS.get(name)(weights or None)))
    # All weights are found, or missed, before anything is written.
    manifests = [_manifest(modality, made, sampling, dtype) for modality, made in pairs]
    return [
        Target(modality, made, store.create(modality.name, manifest, versions=_versions()))
        for (modality, made), manifest in zip(pairs, manifests, strict=True)
    ]


def _of_preset(modality: Modality, preset: str) -> str:
    if preset not in modality.presets:
        known = ", ".join(modality.presets) or "none"
        raise LookupError(
            f"modality '{modality.name}' has no preset '{preset}'; it has: {known}"
            f" (or name an encoder: --encoder {modality.name}=NAME)"
        )
    return modality.presets[preset]


def _manifest(
    modality: Modality, encoder: Encoder, sampling: Sampling, dtype: str
) -> dict[str, Any]:
    from extract.media import picture, sound

    manifest: dict[str, Any] = {
        "encoder": encoder.name,
        "provenance": encoder.provenance,
        "dim": encoder.dim,
        "reads": encoder.reads,
        "pooling": modality.pooling,
        "dtype": dtype,
    }
    if encoder.reads == "frames":
        manifest |= {"sampling": sampling.provenance, "decoding": picture.PROVENANCE}
    if encoder.reads == "waveform":
        manifest |= {"decoding": sound.PROVENANCE}
    return manifest


def _versions() -> dict[str, str]:
    from importlib.metadata import version

    return {name: version(name) for name in ("mmgcn", "av", "numpy")}


class _Run:
    """One extraction under way."""

    def __init__(
        self,
        items: Sequence[Item],
        targets: list[Target],
        root: Path | None,
        strict: bool,
        progress: Callable[[Progress], None] | None,
    ) -> None:
        self.items, self.targets, self.root, self.strict = items, targets, root, strict
        self.todo: dict[int, tuple[int, ...]] = {}  # item -> targets that want it
        self.skipped = Counter[int]()
        self.interrupted = False
        self._pool: WorkerPool | None = None
        self._progress = progress
        self._started = time.perf_counter()
        self._failed: set[str] = set()
        self._num_done = self._num_total = self._num_rows = 0
        self._spent = {"decode": 0.0, "encode": 0.0, "write": 0.0}

    # --- what is to be done ---

    def plan(self, *, retry_failed: bool) -> None:
        """Find the items that some target does not have, or has from other bytes."""
        for index, item in enumerate(self.items):
            wanted = []
            for place, target in enumerate(self.targets):
                if self._is_current(item, target, retry_failed):
                    self.skipped[place] += 1
                else:
                    wanted.append(place)
            if wanted:
                self.todo[index] = tuple(wanted)
        self._num_total = len(self.todo)

    def _is_current(self, item: Item, target: Target, retry_failed: bool) -> bool:
        record = target.features.records.get(item.id)
        if record is None or not target.features.is_whole(record):
            return False
        if record.status == "failed" and retry_failed:
            return False
        if target.encoder.reads == "text" and item.caption is not None:
            return record.content_hash == _text_hash(item.caption)
        if item.path is None:
            return False
        try:
            status = item.path.stat()
        except OSError:
            return False
        if (record.size_bytes, record.mtime_ns) == (status.st_size, status.st_mtime_ns):
            return record.source == self._source(item)
        try:
            same = record.content_hash == file_hash(item.path)
        except OSError:
            return False
        if same:  # touched or moved, not changed
            target.features.touch(replace(record, **self._where(item)))
        return same

    def _source(self, item: Item) -> str:
        if item.path is None:
            return ""
        if self.root is not None and item.path.is_relative_to(self.root):
            return item.path.relative_to(self.root).as_posix()
        return item.path.as_posix()

    def _where(self, item: Item) -> dict[str, Any]:
        where: dict[str, Any] = {"source": self._source(item)}
        try:
            status = item.path.stat() if item.path else None
        except OSError:
            status = None
        if status is not None:
            where |= {"size_bytes": status.st_size, "mtime_ns": status.st_mtime_ns}
        return where

    # --- captions, and encoders that read the item itself: here, no worker needed ---

    def texts_and_items(self, device: str) -> None:
        """Encode what needs no file decoded."""
        for place, target in enumerate(self.targets):
            if target.decodes:
                continue
            reads_text = target.encoder.reads == "text"
            own = [
                index
                for index, wanted in self.todo.items()
                if place in wanted and not (reads_text and self.items[index].caption is None)
            ]
            self._encode_here(place, [(i, self.items[i].caption) for i in own], device)
            for index in own:
                self._wanted_no_more(index, place)

    def _encode_here(
        self, place: int, clips: Sequence[tuple[int, str | None]], device: str
    ) -> None:
        """Encode captions (or items) in large batches and store them."""
        if not clips:
            return
        target = self.targets[place]
        target.encoder.load(device)
        batcher = Batcher(target.encoder)
        texts = dict(clips)
        for index, text in clips:
            item = self.items[index]
            units = target.encoder.prepare(text if target.encoder.reads == "text" else item)
            batcher.add(index, units, np.zeros(len(units)))
            batcher.close(index)
            self._store_ready(place, batcher, texts)
        batcher.flush()
        self._store_ready(place, batcher, texts)

    def _store_ready(self, place: int, batcher: Batcher, texts: Mapping[int, str | None]) -> None:
        for index, rows, _ in batcher.ready():
            text = texts[index]
            digest = _text_hash(text) if text is not None else ""
            path = self.items[index].path
            if self.items[index].caption is None and path is not None:
                digest = file_hash(path, missing="")
            self._write(place, index, rows, content_hash=digest)

    def _wanted_no_more(self, index: int, place: int) -> None:
        left = tuple(p for p in self.todo[index] if p != place)
        if left:
            self.todo[index] = left
        else:
            del self.todo[index]
            self._num_done += 1

    # --- what must be decoded ---

    def clips(
        self,
        setup: Setup,
        device: str,
        workers: int | None,
        clip_timeout_seconds: float,
        memory_limit_bytes: int,
    ) -> None:
        """Decode and encode the clips that are left."""
        if not self.todo:
            return
        jobs = [
            Job(index, self.items[index], tuple(p for p in wanted if self.targets[p].decodes))
            for index, wanted in self.todo.items()
        ]
        if not setup.encodes:
            for target in self.targets:
                if target.decodes:
                    target.encoder.load(device, engine=setup.engine)
        most = workers or os.cpu_count() or 1
        self._pool = WorkerPool(
            setup,
            num_workers=max(1, min(most, -(-len(jobs) // MIN_CLIPS_A_WORKER))),
            clip_timeout_seconds=clip_timeout_seconds,
            memory_limit_bytes=memory_limit_bytes,
        )
        titles: dict[int, list[tuple[int, str | None]]] = {}
        try:
            for index in self._decoded(jobs, setup.encodes, titles):
                self._num_done += 1
                if self.strict and self.items[index].id in self._failed:
                    failure = self.report().failures[-1]
                    raise ValueError(f"{failure.path}: {failure.reason}; stopped by --strict")
        finally:
            self._pool.close()
            for place, clips in titles.items():
                self._encode_here(place, clips, device)
            self._say()

    def _decoded(
        self, jobs: list[Job], workers_encode: bool, titles: dict[int, list[tuple[int, str | None]]]
    ) -> Iterator[int]:
        """Take what the workers say; yields a clip when it is stored in all its modalities."""
        assert self._pool is not None
        clips = {job.index: _Clip(self.items[job.index]) for job in jobs}
        batchers = (
            {}
            if workers_encode
            else {
                place: Batcher(target.encoder)
                for place, target in enumerate(self.targets)
                if target.decodes
            }
        )
        for event in self._pool.run(jobs, poll=self._say):
            clip = clips[event.index]
            if isinstance(event, UnitsOf):
                batchers[event.encoder].add(event.index, event.units, event.pts_seconds)
            elif isinstance(event, RowsOf):
                clip.rows[event.encoder] = (event.rows, event.pts_seconds)
                self._spent["encode"] += event.seconds_spent
            else:
                clip.decoded = event
                self._spent["decode"] += event.seconds_spent
                for place, batcher in batchers.items():
                    if event.error is not None:
                        batcher.drop(event.index)
                    elif place in self.todo[event.index]:
                        batcher.close(event.index)
            yield from self._take(clips, batchers, titles, event.index)
        for batcher in batchers.values():
            batcher.flush()
        yield from self._take(clips, batchers, titles, None)

    def _take(
        self,
        clips: dict[int, _Clip],
        batchers: Mapping[int, Batcher],
        titles: dict[int, list[tuple[int, str | None]]],
        index: int | None,
    ) -> Iterator[int]:
        """Store every clip that has become complete."""
        touched = set() if index is None else {index}
        for place, batcher in batchers.items():
            for ready, rows, pts_seconds in batcher.ready():
                clips[ready].rows[place] = (rows, pts_seconds)
                touched.add(ready)
            self._spent["encode"] += batcher.seconds
            batcher.seconds = 0.0
        for ready in sorted(touched & clips.keys()):
            clip, wanted = clips[ready], self.todo[ready]
            decoded = clip.decoded
            if decoded is None:
                continue
            needs = {place for place in wanted if self.targets[place].decodes}
            if decoded.error is None and not needs <= clip.rows.keys():
                continue
            del clips[ready]
            for place in wanted:
                self._settle(place, ready, clip, decoded, titles)
            yield ready

    def _settle(
        self,
        place: int,
        index: int,
        clip: _Clip,
        decoded: Decoded,
        titles: dict[int, list[tuple[int, str | None]]],
    ) -> None:
        """Store one clip in one modality."""
        target = self.targets[place]
        digest = decoded.content_hash
        if not target.decodes:  # a caption that was to be read inside the file
            if decoded.title:
                titles.setdefault(place, []).append((index, decoded.title))
            else:
                reason = "no caption, no file beside it and no title inside"
                self._write(place, index, None, status="missing", reason=reason, digest=digest)
            return
        kind = "picture" if target.encoder.reads == "frames" else "sound"
        if decoded.error is not None:
            self._write(place, index, None, status="failed", reason=decoded.error, digest=digest)
            return
        has = decoded.has_picture if kind == "picture" else decoded.has_sound
        rows, pts_seconds = clip.rows[place]
        part = getattr(decoded.summary, kind, None)
        length: dict[str, Any] = {
            "seconds": None if part is None else round(part.seconds, 6),
            "expected_seconds": None if part is None else part.expected_seconds,
        }
        problem = None if part is None else part.problem
        if len(rows) == 0:
            status, reason = ("failed", problem or f"no {kind} could be decoded")
            if not has:
                status, reason = ("missing", f"it has no {kind}")
            self._write(place, index, None, status=status, reason=reason, digest=digest, **length)
            return
        self._write(
            place,
            index,
            rows,
            status="partial" if problem else "done",
            reason=problem,
            digest=digest,
            pts_seconds=pts_seconds,
            **length,
        )

    def _write(
        self,
        place: int,
        index: int,
        rows: np.ndarray | None,
        *,
        digest: str = "",
        content_hash: str = "",
        **fields: Any,
    ) -> None:
        item, features = self.items[index], self.targets[place].features
        started = time.perf_counter()
        record = Record(
            id=item.id, content_hash=content_hash or digest, **self._where(item), **fields
        )
        try:
            features.write(record, rows)
        except ValueError as error:  # rows that cannot be stored, such as non-finite ones
            record = replace(record, status="failed", reason=str(error), pts_seconds=())
            features.write(record, None)
        self._spent["write"] += time.perf_counter() - started
        self._num_rows += 0 if rows is None else len(rows)
        if record.status == "failed":
            self._failed.add(item.id)

    # --- what is said ---

    def stop(self) -> bool:
        """Finish what is in flight and start nothing new. False if that was asked for before."""
        if self.interrupted:
            return False
        self.interrupted = True
        if self._pool is not None:
            self._pool.stopping = True
        return True

    def _say(self) -> None:
        if self._progress is not None:
            self._progress(
                Progress(
                    num_done=self._num_done,
                    num_total=self._num_total,
                    num_failed=len(self._failed),
                    seconds=time.perf_counter() - self._started,
                    num_encoder_rows=self._num_rows,
                    decode_seconds=self._spent["decode"],
                    encode_seconds=self._spent["encode"],
                    write_seconds=self._spent["write"],
                )
            )

    def report(self, planned: int | None = None) -> Report:
        """Say what the store holds of these items now."""
        made = Report(interrupted=self.interrupted, planned=planned)
        made.seconds = time.perf_counter() - self._started
        for place, target in enumerate(self.targets):
            name = target.modality.name
            if name in made.counts:  # a second encoder of the modality
                name = f"{name}/{target.encoder.name}"
            counts = made.counts[name] = Counter({"skipped": self.skipped[place]})
            made.sets[name] = target.features.path
            for item in self.items:
                record = target.features.records.get(item.id)
                if record is None:
                    counts["not done"] += 1
                    continue
                counts[record.status] += 1
                told = Failure(item.id, name, str(item.path or ""), record.reason or "")
                if record.status == "failed":
                    made.failures.append(told)
                elif record.status == "partial":
                    made.partial.append(told)
        return made


@contextmanager
def _interruptible(run: _Run) -> Iterator[None]:
    """Ctrl-C once: finish what is in flight. Twice: stop now."""
    if threading.current_thread() is not threading.main_thread():
        yield
        return

    def asked(_number: int, _frame: FrameType | None) -> None:
        if not run.stop():
            raise KeyboardInterrupt

    before = signal.signal(signal.SIGINT, asked)
    try:
        yield
    finally:
        signal.signal(signal.SIGINT, before)


def _text_hash(text: str) -> str:
    return content_hash(text.encode("utf-8", "surrogatepass"))
