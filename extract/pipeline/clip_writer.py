"""ClipWriter: writes the results of a pool of workers as rows of clips."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from typing import Protocol

import numpy as np

from extract.media import MediaError
from extract.pipeline.ledger import Ledger
from extract.pipeline.text_and_items import TextAndItemEncoder
from extract.workers.batcher import BatchedEncoders
from extract.workers.decoder import file_facts, stat_facts
from extract.workers.messages import Decoded, FileFacts, Job, RowsOf, UnitsOf

FINISHING = "finishing the current clips; Ctrl-C again stops now"

Rows = tuple[np.ndarray, np.ndarray]  # (T, D) and their times (T,) or (T, 2)


class Pool(Protocol):
    """Decodes clips, and encodes them unless this process does."""

    stopping: bool

    def start(self, jobs: list[Job]) -> None:
        """Start these jobs."""

    def stop(self) -> None:
        """Start no further clip."""

    def events(self, *, poll: Callable[[], None]) -> Iterator[Decoded | RowsOf | UnitsOf]:
        """Yield the results of the jobs; every job ends in a `Decoded`."""

    def close(self) -> None:
        """End all workers now."""


@dataclass
class _Clip:
    """A clip with incomplete results."""

    job: Job
    decoded: Decoded | None = None
    rows: dict[int, Rows] = field(default_factory=dict)

    @property
    def is_complete(self) -> bool:
        if self.decoded is None:
            return False
        return self.decoded.error is not None or self.rows.keys() >= set(self.job.encoders)


class ClipWriter:
    """Receives the results of a pool and writes the clips that are complete.

    Args:
        text_and_items: encodes the titles of files, among others.
        workers_encode: whether workers send rows, or units, which are encoded in this process.
        device: device of the encoders in this process.
    """

    def __init__(
        self,
        ledger: Ledger,
        text_and_items: TextAndItemEncoder,
        *,
        workers_encode: bool,
        device: str = "cpu",
    ) -> None:
        self._ledger, self._text_and_items = ledger, text_and_items
        self._clips: dict[int, _Clip] = {}
        self._workers_encode, self._device = workers_encode, device

    def run(self, pool: Pool, jobs: Sequence[Job]) -> None:
        """Write clips until the pool has no more, and encode text and items meanwhile."""
        reporter = self._ledger.reporter
        self._clips = {job.index: _Clip(job) for job in jobs}
        slots = () if self._workers_encode else {slot for job in jobs for slot in job.encoders}
        encoders = BatchedEncoders(
            {slot: self._text_and_items.encoder(slot) for slot in sorted(slots)},
            device=self._device,
        )
        doing = "loading encoders"

        def report_progress() -> None:
            reporter.start(FINISHING if pool.stopping else doing)

        def poll() -> None:
            self._text_and_items.step()
            report_progress()

        report_progress()
        for event in pool.events(poll=poll):
            doing = "extracting"
            report_progress()
            match event:
                case UnitsOf():
                    encoders.add(event)
                case RowsOf():
                    self._add_rows(event)
                case Decoded():
                    clip = self._clips[event.index]
                    clip.decoded = event
                    reporter.decode_seconds += event.decode_seconds
                    reporter.disk_seconds += event.hash_seconds
                    encoders.end(event.index, clip.job.encoders, failed=event.error is not None)
            for rows in encoders.ready():
                self._add_rows(rows)
            self._write_if_complete(event.index)
        encoders.flush()
        for rows in encoders.ready():
            self._add_rows(rows)

    def _add_rows(self, rows: RowsOf) -> None:
        self._clips[rows.index].rows[rows.encoder] = rows.rows, rows.pts_seconds
        self._ledger.note_cosine(rows.encoder, rows.cosine)
        self._ledger.reporter.encode_seconds += rows.encode_seconds
        self._write_if_complete(rows.index)

    def _write_if_complete(self, index: int) -> None:
        clip = self._clips.get(index)
        if clip is None or not clip.is_complete:
            return
        decoded = clip.decoded
        assert decoded is not None
        facts = decoded.facts or _facts_now(clip.job)
        for slot in sorted(self._ledger.todo.get(index, ())):
            target = self._ledger.targets[slot]
            if target.encoder.reads == "text":
                self._write_title(slot, index, decoded, facts)
            elif target.decodes:
                self._write_rows(slot, index, decoded, clip.rows.get(slot), facts)
        del self._clips[index]

    def _write_title(self, slot: int, index: int, decoded: Decoded, facts: FileFacts) -> None:
        if self._ledger.items[index].caption:
            return  # encoded as a caption
        if decoded.error is not None:  # whether it has a title is unknown
            self._ledger.write(slot, index, None, facts, status="failed", reason=decoded.error)
        elif decoded.title:
            self._text_and_items.add_title(slot, index, decoded.title, facts)
        else:
            reason = "no caption, no caption file beside it and no title inside"
            self._ledger.write(slot, index, None, facts, status="missing", reason=reason)

    def _write_rows(
        self, slot: int, index: int, decoded: Decoded, rows: Rows | None, facts: FileFacts
    ) -> None:
        write = self._ledger.write
        if self._ledger.targets[slot].encoder.reads in ("frames", "video"):
            stream, coverage, has_stream = "video", decoded.video, decoded.has_video
        else:
            stream, coverage, has_stream = "audio", decoded.audio, decoded.has_audio
        if decoded.error is not None:
            write(slot, index, None, facts, status="failed", reason=decoded.error)
            return
        problem = None if coverage is None else coverage.problem
        if rows is None or len(rows[0]) == 0:
            absence = f"its {stream} is empty" if has_stream else f"it has no {stream}"
            write(
                slot,
                index,
                None,
                facts,
                status="failed" if problem else "missing",
                reason=problem or absence,
                covered=coverage,
            )
            return
        segments = self._ledger.targets[slot].encoder.segments(*rows)
        if segments is not None and (decoded.title or not segments):
            reason = "it has a title, which is its caption" if decoded.title else "nothing is said"
            write(slot, index, None, facts, status="missing", reason=reason, covered=coverage)
            return
        write(
            slot,
            index,
            rows[0],
            facts,
            pts_seconds=rows[1],
            status="partial" if problem else "done",
            reason=problem,
            covered=coverage,
            segments=segments or (),
        )


def _facts_now(job: Job) -> FileFacts:
    """Return the facts of a file whose worker died."""
    facts = FileFacts()
    with suppress(OSError, MediaError):
        facts = stat_facts(job.path)
        facts = file_facts(job.path)
    return facts
