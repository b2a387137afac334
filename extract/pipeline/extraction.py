"""extract_features: decode once, encode in batches across videos, write, resume, report."""

from __future__ import annotations

import os
from collections import Counter
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from extract.catalogue import Item
from extract.cluster import check_installed
from extract.cluster.pool import RayPool
from extract.config import ExtractConfig
from extract.extras import require
from extract.pipeline.clip_writer import FINISHING, ClipWriter, Pool
from extract.pipeline.estimate import estimate_caption_seconds, estimate_seconds
from extract.pipeline.interruption import Interruption
from extract.pipeline.ledger import Ledger
from extract.pipeline.plan import make_plan
from extract.pipeline.progress import Progress, ProgressReporter
from extract.pipeline.report import Report
from extract.pipeline.speech import speech_target, with_speech, without_caption
from extract.pipeline.target import Target, choose_targets, refuse_decoded_modalities
from extract.pipeline.text_and_items import TextAndItemEncoder
from extract.store import FeatureStore, file_name
from extract.workers.device import resolve_device
from extract.workers.messages import EncoderSpec, FileFacts, Job, Setup
from extract.workers.pool import WorkerPool

WORKER_BYTES = 2 << 30  # memory of a worker, for the default number of workers
CLIPS_PER_WORKER = 2  # a worker takes seconds to start, too long for one clip


def extract_features(
    items: Iterable[Item],
    store: FeatureStore | Path | str,
    config: ExtractConfig | None = None,
    *,
    root: Path | None = None,
    shard: str | None = None,
    dry_run: bool = False,
    estimate: bool = False,
    progress: Callable[[Progress], None] | None = None,
) -> Report:
    """Extract features of items into a store, and report the status of each.

    Stored rows of the same bytes by the same encoder with the same settings are kept. The run may
    be killed at any moment; the same call resumes it and produces the same store. In the main
    thread, Ctrl-C ends it after the current clips, and sets `interrupted` in the report; a second
    Ctrl-C raises KeyboardInterrupt.

    Args:
        items: items to extract, for example from `read_catalogue`; ids are unique.
        config: the settings; None uses the defaults.
        root: sources inside this folder are recorded relative to it.
        shard: name of this run if other runs fill the same store at the same time with other items.
            Their records are read as one; a run without `shard` over all items then finds all of
            them done, sorts the records and makes the sets the current ones.
        dry_run: only report how many items would be extracted; nothing is written.
        estimate: in a dry run, extract a few clips to estimate how long all of them would take.
        progress: called a few times a second, from this thread.

    Raises:
        LookupError: an unknown modality, encoder or preset.
        WeightsUnavailable: weights are not on this machine and cannot be fetched; nothing was
            decoded.
        StoreError: the store cannot be written, or another run is writing it.
        StoppedAtFailure: `strict`, and a clip failed.
        WorkerError: an encoder cannot be loaded, or failed.
        ClusterError: nothing answers at the cluster's address, or the workers do not fit on it.
        ImportError: `cluster` without Ray, or `posters` or `sprites` without OpenCV.
        ValueError: two items have the same id, a modality is decoded from files but no item has
            one, the device does not exist, or this processor cannot compute in the precision.
    """
    config = config or ExtractConfig()
    if config.cluster is not None:
        check_installed()
    if config.posters is not None or config.sprites is not None:
        require("cv2", purpose="posters", extra="posters")
    items = tuple(items)
    _check_ids(items)
    device = resolve_device(config.device)
    if shard is not None and (not shard or file_name(shard) != shard):
        raise ValueError(f"shard is '{shard}'; lower-case letters, digits and - are expected")
    store = store if isinstance(store, FeatureStore) else FeatureStore(store)
    reporter = ProgressReporter(progress)
    if items and all(item.path is None for item in items):
        refuse_decoded_modalities(config, num_items=len(items))
    targets = choose_targets(config)
    speech = None if config.speech is None else speech_target(config)
    run = _Run(config, device, reporter, root, shard)
    if dry_run:
        report = Report()
        if speech is not None:
            report.add(run.planned(without_caption(items), [speech], store.captions, estimate))
            items = with_speech(items, speech.features)
        report.add(run.planned(items, targets, store, estimate))
        return report
    if config.cluster is None:  # the machines of a cluster have other processors
        for target in (*targets, *([speech] if speech else [])):
            target.encoder.check(device, engine=config.engine)
    with store.locked(shard) as notes, Interruption() as interruption:
        report = Report(notes=list(notes))
        if speech is not None and (bare := without_caption(items)):
            report.add(run.extracted(bare, [speech], store.captions, interruption))
            items = with_speech(items, speech.features)
        report.add(run.extracted(items, targets, store, interruption))
        if not interruption.requested and shard is None:
            for folder in (config.posters, config.sprites):
                if folder is not None:
                    for leftover in Path(folder).glob(".*.jpg.*.tmp"):  # of a killed worker
                        leftover.unlink(missing_ok=True)
        return report


@dataclass(frozen=True)
class _Run:
    """One call of `extract_features`: its settings, for one or more stores."""

    config: ExtractConfig
    device: str
    reporter: ProgressReporter
    root: Path | None
    shard: str | None

    def planned(
        self, items: Sequence[Item], targets: Sequence[Target], store: FeatureStore, estimate: bool
    ) -> Report:
        """Return how many items would be extracted."""
        for target in targets:
            target.features = store.find(target.modality.name, target.manifest)
        ledger = self._ledger(items, targets)
        report = ledger.report(planned=True)
        if estimate:
            self.reporter.start("extracting a sample of clips")
            report.estimated_seconds = _estimate(ledger, self.config, self.device)
        return report

    def extracted(
        self,
        items: Sequence[Item],
        targets: Sequence[Target],
        store: FeatureStore,
        interruption: Interruption,
    ) -> Report:
        """Extract the items that the targets' sets lack, and make the sets current."""
        for target in targets:
            target.open(store, shard=self.shard, layout=self.config.layout)
        self.reporter.start("comparing with the store")

        def should_continue(num_compared: int) -> bool:
            self.reporter.update(f"comparing with the store: {num_compared:,} of {len(items):,}")
            return not interruption.requested

        ledger = self._ledger(items, targets, should_continue)
        try:
            ledger.open()
            if ledger.todo and not interruption.requested:
                _fill(ledger, self.config, self.device, interruption)
        finally:
            ledger.close()
        notes: list[str] = []
        if not interruption.requested and self.shard is None:
            last = {
                target.modality.name: target for target in targets
            }  # the last of several encoders
            for target in last.values():
                note = target.update_current(store, allow_fewer=self.config.make_current)
                notes += [note] if note else []
        report = ledger.report(interrupted=interruption.requested)
        report.notes += notes
        return report

    def _ledger(
        self,
        items: Sequence[Item],
        targets: Sequence[Target],
        should_continue: Callable[[int], bool] = lambda _: True,
    ) -> Ledger:
        config = self.config
        plan = make_plan(
            items,
            targets,
            root=self.root,
            retry_failed=config.retry_failed,
            verify=config.verify,
            image_folders=[Path(folder) for folder in (config.posters, config.sprites) if folder],
            should_continue=should_continue,
        )
        return Ledger(items, targets, plan, self.reporter, root=self.root, strict=config.strict)


def _setup(ledger: Ledger, config: ExtractConfig, device: str) -> Setup:
    """Return the setup of the workers, with the encoders of decoded samples that have work."""
    needed = {slot for slots in ledger.todo.values() for slot in slots}
    return Setup(
        encoders=tuple(
            EncoderSpec.of(target.encoder) if slot in needed and target.decodes else None
            for slot, target in enumerate(ledger.targets)
        ),
        encodes=device == "cpu" or config.cluster is not None,  # a cluster always encodes
        config=config,
    )


def _num_workers(config: ExtractConfig, num_jobs: int) -> int:
    """Return the requested number, or one per core, fewer for little work or little memory."""
    if config.workers is not None:
        return config.workers
    cores = getattr(os, "sched_getaffinity", lambda _: range(os.cpu_count() or 1))(0)
    memory_bytes = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES")
    most = min(len(cores), memory_bytes // WORKER_BYTES, -(-num_jobs // CLIPS_PER_WORKER))
    return max(1, most)


def _fill(ledger: Ledger, config: ExtractConfig, device: str, interruption: Interruption) -> None:
    """Extract the items that are left in the ledger."""
    _mark_without_file(ledger)
    setup = _setup(ledger, config, device)
    jobs = _jobs(ledger)
    pool: Pool
    if config.cluster is None:
        pool = WorkerPool(setup, num_workers=_num_workers(config, len(jobs)))
    else:
        pool = RayPool(setup, [target.encoder for target in ledger.targets])
    text_and_items = TextAndItemEncoder(ledger, device=device, engine=config.engine)

    def stop() -> None:
        pool.stop()
        text_and_items.stop()

    try:
        interruption.on_request(stop)
        pool.start(jobs)
        writer = ClipWriter(ledger, text_and_items, workers_encode=setup.encodes, device=device)
        writer.run(pool, jobs)
        while text_and_items.step(wait_seconds=0.1):
            ledger.reporter.start(FINISHING if interruption.requested else "encoding captions")
    finally:
        pool.close()
        text_and_items.close()
        ledger.reporter.start("done")


def _estimate(ledger: Ledger, config: ExtractConfig, device: str) -> float:
    jobs = _jobs(ledger)
    config = replace(config, posters=None, sprites=None, cluster=None)
    seconds = estimate_seconds(
        jobs, _setup(ledger, config, device), num_workers=_num_workers(config, len(jobs))
    )
    for slot, target in enumerate(ledger.targets):
        items = [ledger.items[index] for index, slots in ledger.todo.items() if slot in slots]
        captions = [item.caption for item in items if item.caption]
        if captions and target.encoder.reads == "text":
            target.encoder.load(device, engine=config.engine)
            seconds += estimate_caption_seconds(captions, target.encoder)
    return seconds


def _jobs(ledger: Ledger) -> list[Job]:
    """Return the jobs of workers: clips to decode, and files whose title is the only caption."""
    jobs = []
    for index, needed in ledger.todo.items():
        item, encoders = ledger.items[index], [ledger.targets[slot].encoder for slot in needed]
        slots = tuple(sorted(slot for slot in needed if ledger.targets[slot].decodes))
        needs_title = not item.caption and any(encoder.reads == "text" for encoder in encoders)
        if item.path is not None and (slots or needs_title):
            jobs.append(Job(index, item.id, item.path, slots))
    return jobs


def _mark_without_file(ledger: Ledger) -> None:
    """Record items without a file as missing in the modalities that are decoded from files."""
    for index in [index for index in ledger.todo if ledger.items[index].path is None]:
        for slot, target in enumerate(ledger.targets):
            if target.decodes and ledger.needs(index, slot):
                reason = "it has no file"
                ledger.write(slot, index, None, FileFacts(), status="missing", reason=reason)


def _check_ids(items: Sequence[Item]) -> None:
    repeated = [item_id for item_id, n in Counter(item.id for item in items).items() if n > 1]
    if repeated:
        raise ValueError(f"{len(repeated)} ids belong to several items, such as '{repeated[0]}'")
