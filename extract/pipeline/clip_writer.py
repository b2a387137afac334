"""What workers say of clips -> rows in the store."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from typing import Protocol

import numpy as np

from extract.media import MediaError
from extract.pipeline.ledger import Ledger
from extract.pipeline.text_and_items import Undecoded
from extract.workers.batcher import BatchedEncoders
from extract.workers.decoder import file_facts, stat_facts
from extract.workers.messages import Decoded, FileFacts, Job, RowsOf, UnitsOf

FINISHING = "finishing what is under way; Ctrl-C again stops now"

Rows = tuple[np.ndarray, np.ndarray]  # (T, D) and their times (T,)


class Pool(Protocol):
    """Who decodes clips, and mostly encodes them, too."""

    stopping: bool

    def start(self, jobs: list[Job]) -> None:
        """Start on these jobs."""

    def stop(self) -> None:
        """Begin nothing more."""

    def events(self, *, poll: Callable[[], None]) -> Iterator[Decoded | RowsOf | UnitsOf]:
        """Yield what comes of the jobs; every one ends in a `Decoded`."""

    def close(self) -> None:
        """End all workers now."""


@dataclass
class _Clip:
    """What is known of a clip that is under way."""

    job: Job
    decoded: Decoded | None = None
    rows: dict[int, Rows] = field(default_factory=dict)

    @property
    def is_complete(self) -> bool:
        if self.decoded is None:
            return False
        return self.decoded.error is not None or self.rows.keys() >= set(self.job.encoders)


class ClipWriter:
    """Takes what a pool says and writes the clips that are complete.

    Args:
        undecoded: encodes the titles that files hold, beside other work of its own.
        workers_encode: whether rows come from the workers; else units do, to be encoded here.
        batch_frames: how many frames are encoded at once here; None leaves it to the encoder.
    """

    def __init__(
        self,
        ledger: Ledger,
        undecoded: Undecoded,
        *,
        workers_encode: bool,
        batch_frames: int | None = None,
    ) -> None:
        self._ledger, self._undecoded = ledger, undecoded
        self._clips: dict[int, _Clip] = {}
        self._workers_encode, self._batch_frames = workers_encode, batch_frames

    def run(self, pool: Pool, jobs: Sequence[Job]) -> None:
        """Write clips until the pool has no more; text and items are encoded meanwhile."""
        teller = self._ledger.teller
        self._clips = {job.index: _Clip(job) for job in jobs}
        wanted = () if self._workers_encode else {place for job in jobs for place in job.encoders}
        encoders = BatchedEncoders(
            {place: self._undecoded.encoder(place) for place in sorted(wanted)},
            batch_frames=self._batch_frames,
        )
        doing = "loading encoders"

        def tell() -> None:
            teller.now(FINISHING if pool.stopping else doing)

        def poll() -> None:
            self._undecoded.step()
            tell()

        tell()
        for event in pool.events(poll=poll):
            doing = "extracting"
            tell()
            match event:
                case UnitsOf():
                    encoders.add(event)
                case RowsOf():
                    self._add_rows(event)
                case Decoded():
                    clip = self._clips[event.index]
                    clip.decoded = event
                    teller.decode_seconds += event.decode_seconds
                    teller.disk_seconds += event.hash_seconds
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
        self._ledger.teller.encode_seconds += rows.encode_seconds
        self._write_if_complete(rows.index)

    def _write_if_complete(self, index: int) -> None:
        clip = self._clips.get(index)
        if clip is None or not clip.is_complete:
            return
        decoded = clip.decoded
        assert decoded is not None
        facts = decoded.facts or _facts_now(clip.job)
        for place in sorted(self._ledger.todo.get(index, ())):
            target = self._ledger.targets[place]
            if target.encoder.reads == "text":
                self._write_title(place, index, decoded, facts)
            elif target.decodes:
                self._write_rows(place, index, decoded, clip.rows.get(place), facts)
        del self._clips[index]

    def _write_title(self, place: int, index: int, decoded: Decoded, facts: FileFacts) -> None:
        if self._ledger.items[index].caption:
            return  # it has its row, or will get it when the run goes on
        if decoded.error is not None:  # nobody knows whether it holds a title
            self._ledger.write(place, index, None, facts, status="failed", reason=decoded.error)
        elif decoded.title:
            self._undecoded.add_title(place, index, decoded.title, facts)
        else:
            reason = "no caption, no file of one beside it and no title inside"
            self._ledger.write(place, index, None, facts, status="missing", reason=reason)

    def _write_rows(
        self, place: int, index: int, decoded: Decoded, rows: Rows | None, facts: FileFacts
    ) -> None:
        write = self._ledger.write
        if self._ledger.targets[place].encoder.reads == "frames":
            kind, part, is_there = "picture", decoded.picture, decoded.has_picture
        else:
            kind, part, is_there = "sound", decoded.sound, decoded.has_sound
        if decoded.error is not None:
            write(place, index, None, facts, status="failed", reason=decoded.error)
            return
        problem = None if part is None else part.problem
        if rows is None or len(rows[0]) == 0:
            nothing = f"its {kind} is empty" if is_there else f"it has no {kind}"
            write(
                place,
                index,
                None,
                facts,
                status="failed" if problem else "missing",
                reason=problem or nothing,
                covered=part,
            )
            return
        write(
            place,
            index,
            rows[0],
            facts,
            pts_seconds=rows[1],
            status="partial" if problem else "done",
            reason=problem,
            covered=part,
        )


def _facts_now(job: Job) -> FileFacts:
    """What a worker that is no more could not tell."""
    facts = FileFacts()
    with suppress(OSError, MediaError):
        facts = stat_facts(job.path)
        facts = file_facts(job.path)
    return facts
