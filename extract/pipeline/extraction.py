"""extract_features: decode once, encode in batches across videos, write, resume, report."""

from __future__ import annotations

import os
from collections import Counter
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import get_args

from extract.catalog import Item
from extract.cluster import Cluster, check_installed
from extract.encoder import Engine, Precision
from extract.media import Limits, Sampling
from extract.pipeline.clips import FINISHING, ClipWriter, Pool
from extract.pipeline.device import frames_at_once, resolve_device
from extract.pipeline.estimate import estimate_caption_seconds, estimate_seconds
from extract.pipeline.interruption import Interruption
from extract.pipeline.ledger import Ledger
from extract.pipeline.messages import EncoderSpec, Job, Setup
from extract.pipeline.plan import make_plan
from extract.pipeline.pool import WorkerPool
from extract.pipeline.progress import Progress, Teller
from extract.pipeline.ray_pool import RayPool
from extract.pipeline.report import Report
from extract.pipeline.target import Choices, choose_targets
from extract.pipeline.undecoded import Undecoded
from extract.store import FeatureStore, file_name

CLIP_TIMEOUT_SECONDS = 120.0
CLIP_MEMORY_BYTES = 4 << 30
WORKER_BYTES = 2 << 30  # what a worker is reckoned to need when their number is chosen
CLIPS_A_WORKER = 2  # a worker takes seconds to start; it is not worth it for one clip


def extract_features(
    items: Iterable[Item],
    store: FeatureStore | Path | str,
    *,
    root: Path | None = None,
    modalities: Sequence[str] = ("visual", "acoustic", "textual"),
    preset: str = "paper",
    encoders: Choices = (),
    sampling: Sampling | None = None,
    limits: Limits | None = None,
    device: str = "auto",
    engine: Engine = "torch",
    precision: Precision = "float32",
    dtype: str = "float16",
    workers: int | None = None,
    cluster: Cluster | None = None,
    shard: str | None = None,
    retry_failed: bool = False,
    strict: bool = False,
    dry_run: bool = False,
    estimate: bool = False,
    verify: bool = False,
    posters: Path | str | None = None,
    clip_timeout_seconds: float = CLIP_TIMEOUT_SECONDS,
    clip_memory_bytes: int = CLIP_MEMORY_BYTES,
    progress: Callable[[Progress], None] | None = None,
) -> Report:
    """Extract features of items into a store, and say what came of each.

    What is there already, from the same bytes by the same encoder with the same settings, is kept.
    The run may be killed at any moment; the same call goes on and ends in the same store. In the
    main thread, Ctrl-C ends it after the clips under way and is told in the report; a second one
    raises KeyboardInterrupt.

    Args:
        items: what to extract, as `read_catalog` lists it; ids are unique.
        root: sources are recorded relative to it where they lie inside.
        modalities: names or letters.
        preset: which encoder a modality uses unless `encoders` says otherwise: paper, offline.
        encoders: by modality, NAME or NAME:WEIGHTS. As pairs, several of one modality are filled
            in one pass over the file; the last one becomes the modality's current set.
        sampling: which frames are looked at; 16 over the clip's duration unless told otherwise.
        device: auto, cpu, cuda or cuda:N. On a CPU every worker decodes and encodes; on CUDA the
            workers decode and this process encodes.
        engine: torch, or onnx for encoders of pictures.
        precision: in which numbers encoders of pictures compute: float32; bfloat16, several times
            sooner on processors with AMX; int8, sooner with VNNI too. The report says how near the
            rows are to those of float32.
        dtype: in which rows are stored, float16 or float32.
        workers: how many processes; by default one a core, fewer for few clips or little memory.
            On a cluster, how many actors for each encoder.
        cluster: the Ray that decodes and encodes; None does it in processes of this machine. The
            bytes in the store are the same. Captions are encoded, and the store written, here.
        shard: names this run where others fill the same store side by side with other items. What
            they wrote is read as one; a run without `shard` over all items then finds all done,
            sorts the records and makes the sets the current ones.
        retry_failed: do again what failed before.
        strict: stop at the first failure.
        dry_run: only say how many clips would be done; nothing is written.
        estimate: in a dry run, try a few clips to say how long all would take.
        verify: compare what is there with its hash, and do again what is corrupt.
        posters: a folder for one JPEG of each clip whose frames are decoded.
        clip_timeout_seconds: how long one clip may be decoded, beside its own duration.
        clip_memory_bytes: how much memory a worker may take beside what it starts with.
        progress: called a few times a second, from this thread.

    Raises:
        LookupError: an unknown modality, encoder or preset.
        WeightsUnavailable: weights are not here and cannot be fetched; nothing was decoded.
        StoreError: the store cannot be written, or another run writes it.
        StoppedAtFailure: `strict`, and a clip failed.
        WorkerError: an encoder cannot be loaded, or failed.
        ClusterError: nobody answers at the cluster's address, or the workers do not fit on it.
        ImportError: `cluster`, and Ray is not installed.
        ValueError: options that make no sense, two items of one id, or a precision that this
            processor cannot compute in.
    """
    if cluster is not None:
        check_installed()
    items = tuple(items)
    _check(items, engine=engine, dtype=dtype, workers=workers, device=device)
    _check_bounds(clip_timeout_seconds, clip_memory_bytes)
    if shard is not None and (not shard or file_name(shard) != shard):
        raise ValueError(f"shard is '{shard}'; small letters, digits and - are expected")
    store = store if isinstance(store, FeatureStore) else FeatureStore(store)
    sampling = sampling or Sampling()
    teller = Teller(progress)
    targets = choose_targets(
        modalities,
        preset=preset,
        encoders=encoders,
        sampling=sampling,
        dtype=dtype,
        precision=precision,
        tell=teller.now,
    )
    settings = _Settings(
        device=device,
        engine=engine,
        sampling=sampling,
        limits=limits or Limits(),
        workers=workers,
        cluster=cluster,
        posters=None if posters is None else Path(posters),
        clip_timeout_seconds=clip_timeout_seconds,
        clip_memory_bytes=clip_memory_bytes,
    )
    if dry_run:
        for target in targets:
            target.features = store.find(target.modality.name, target.manifest)
        plan = make_plan(items, targets, root=root, retry_failed=retry_failed, verify=verify)
        ledger = Ledger(items, targets, plan, teller, root=root, strict=strict)
        made = ledger.report(planned=True)
        if estimate:
            teller.now("trying a few clips")
            made.estimated_seconds = _estimate(ledger, settings)
        return made
    if cluster is None:  # whose workers have processors of their own
        resolved = resolve_device(device)
        for target in targets:
            target.encoder.check(resolved, engine=engine)
    with store.locked(shard) as notes, Interruption() as interruption:
        for target in targets:
            target.open(store, shard)
        teller.now("looking at what is there")

        def go_on(num_looked: int) -> bool:
            teller.tell(f"looking at what is there: {num_looked:,} of {len(items):,}")
            return not interruption.asked

        plan = make_plan(
            items, targets, root=root, retry_failed=retry_failed, verify=verify, go_on=go_on
        )
        ledger = Ledger(items, targets, plan, teller, root=root, strict=strict)
        try:
            ledger.open()
            if ledger.todo and not interruption.asked:
                _fill(ledger, settings, interruption)
        finally:
            ledger.close()
        if not interruption.asked and shard is None:
            for target in targets:
                target.make_current(store)
            if settings.posters is not None:
                for leftover in settings.posters.glob(".*.jpg.*.tmp"):  # of a worker that died
                    leftover.unlink(missing_ok=True)
        made = ledger.report(interrupted=interruption.asked)
        made.notes += notes
        return made


@dataclass(frozen=True)
class _Settings:
    """How the work is to be done."""

    device: str
    engine: Engine
    sampling: Sampling
    limits: Limits
    workers: int | None
    cluster: Cluster | None
    posters: Path | None
    clip_timeout_seconds: float
    clip_memory_bytes: int

    def setup(self, ledger: Ledger, device: str) -> Setup:
        """What the workers are told: among it the encoders that decode and have work."""
        wanted = {place for places in ledger.todo.values() for place in places}
        return Setup(
            encoders=tuple(
                EncoderSpec.of(target.encoder) if place in wanted and target.decodes else None
                for place, target in enumerate(ledger.targets)
            ),
            encodes=device == "cpu",
            engine=self.engine,
            sampling=self.sampling,
            limits=self.limits,
            clip_memory_bytes=self.clip_memory_bytes,
            posters=self.posters,
        )

    def pool(self, ledger: Ledger, setup: Setup, num_jobs: int) -> Pool:
        """Who decodes: processes of this machine, or a cluster."""
        if self.cluster is None:
            return WorkerPool(
                setup,
                num_workers=self.num_workers(num_jobs),
                clip_timeout_seconds=self.clip_timeout_seconds,
            )
        return RayPool(
            setup,
            [target.encoder for target in ledger.targets],
            cluster=self.cluster,
            workers=self.workers,
            clip_timeout_seconds=self.clip_timeout_seconds,
        )

    def num_workers(self, num_jobs: int) -> int:
        """As many as asked for; else one a core, fewer for little work or little memory."""
        if self.workers is not None:
            return self.workers
        cores = getattr(os, "sched_getaffinity", lambda _: range(os.cpu_count() or 1))(0)
        memory_bytes = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES")
        most = min(len(cores), memory_bytes // WORKER_BYTES, -(-num_jobs // CLIPS_A_WORKER))
        return max(1, most)


def _fill(ledger: Ledger, settings: _Settings, interruption: Interruption) -> None:
    """Do what the ledger wants."""
    device = resolve_device(settings.device)
    # On a cluster it is always others who encode.
    setup = settings.setup(ledger, "cpu" if settings.cluster is not None else device)
    jobs = _jobs(ledger)
    pool = settings.pool(ledger, setup, len(jobs))
    undecoded = Undecoded(ledger, device=device, engine=settings.engine)

    def stop() -> None:
        pool.stop()
        undecoded.stop()

    try:
        interruption.on_ask(stop)
        pool.start(jobs)
        batch_frames = None if setup.encodes else frames_at_once(device)
        writer = ClipWriter(
            ledger, undecoded, workers_encode=setup.encodes, batch_frames=batch_frames
        )
        writer.run(pool, jobs)
        while undecoded.step(wait_seconds=0.1):
            ledger.teller.now(FINISHING if interruption.asked else "encoding captions")
    finally:
        pool.close()
        undecoded.close()
        ledger.teller.now("done")


def _estimate(ledger: Ledger, settings: _Settings) -> float:
    jobs, device = _jobs(ledger), resolve_device(settings.device)
    seconds = estimate_seconds(
        jobs,
        replace(settings.setup(ledger, device), posters=None),
        num_workers=settings.num_workers(len(jobs)),
        clip_timeout_seconds=settings.clip_timeout_seconds,
    )
    for place, target in enumerate(ledger.targets):
        wanted = [ledger.items[i].caption for i, places in ledger.todo.items() if place in places]
        captions = [caption for caption in wanted if caption]
        if captions and target.encoder.reads == "text":
            target.encoder.load(device, engine=settings.engine)
            seconds += estimate_caption_seconds(captions, target.encoder)
    return seconds


def _jobs(ledger: Ledger) -> list[Job]:
    """What workers are to read: clips to decode, and files whose title is the only caption."""
    jobs = []
    for index, wanted in ledger.todo.items():
        item, encoders = ledger.items[index], [ledger.targets[place].encoder for place in wanted]
        places = tuple(sorted(place for place in wanted if ledger.targets[place].decodes))
        wants_title = not item.caption and any(encoder.reads == "text" for encoder in encoders)
        if item.path is not None and (places or wants_title):
            jobs.append(Job(index, item.id, item.path, places))
    return jobs


def _check(
    items: Sequence[Item], *, engine: str, dtype: str, workers: int | None, device: str
) -> None:
    repeated = [item_id for item_id, n in Counter(item.id for item in items).items() if n > 1]
    if repeated:
        raise ValueError(f"{len(repeated)} ids belong to several items, such as '{repeated[0]}'")
    for name, value, known in (
        ("engine", engine, get_args(Engine)),
        ("dtype", dtype, ("float16", "float32")),
    ):
        if value not in known:
            raise ValueError(f"{name} is '{value}'; known: {', '.join(known)}")
    kind, _, index = device.partition(":")
    if device not in ("auto", "cpu", "cuda") and not (kind == "cuda" and index.isdecimal()):
        raise ValueError(f"device is '{device}'; known: auto, cpu, cuda, cuda:N")
    if kind == "cuda":
        resolve_device(device)
    if workers is not None and workers < 1:
        raise ValueError(f"workers is {workers}; at least 1 is needed")


def _check_bounds(clip_timeout_seconds: float, clip_memory_bytes: int) -> None:
    """Refuse limits that every clip would fail at."""
    for name, value in (
        ("clip_timeout_seconds", clip_timeout_seconds),
        ("clip_memory_bytes", clip_memory_bytes),
    ):
        if not value > 0:  # nor is what is no number
            raise ValueError(f"{name} is {value}; it must be positive")
