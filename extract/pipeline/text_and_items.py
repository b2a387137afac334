"""Encoding of captions, titles and items in this process, while the workers decode."""

from __future__ import annotations

import ctypes
import threading
import time
from collections import deque
from collections.abc import Callable, Sequence
from concurrent.futures import Future, ThreadPoolExecutor, wait
from dataclasses import dataclass, replace

import numpy as np

from extract.config import Engine
from extract.encoder import Encoder, Units
from extract.pipeline.ledger import Ledger
from extract.pipeline.plan import item_hash, text_hash
from extract.workers.batcher import checked_rows
from extract.workers.decoder import file_facts, reason_of
from extract.workers.messages import FileFacts

CAPTION_CHUNK = 512
ITEM_CHUNK = 32


@dataclass(frozen=True)
class _Outcome:
    """Rows of one item, or the reason why it has none."""

    index: int
    facts: FileFacts
    rows: np.ndarray | None
    problem: str | None = None


@dataclass(frozen=True)
class _Task:
    """A task of the thread, for one target."""

    slot: int
    encode: Callable[[], list[_Outcome]]


class TextAndItemEncoder:
    """Encodes text and items in a thread, so that workers do not wait for it.

    `step` writes finished rows and starts the next task; only encoding happens in the thread.
    """

    def __init__(self, ledger: Ledger, *, device: str, engine: Engine) -> None:
        self._ledger, self._device, self._engine = ledger, device, engine
        self._loaded: set[int] = set()
        self._tasks: deque[_Task] = deque()
        self._running: tuple[_Task, Future[tuple[list[_Outcome], float]]] | None = None
        self._stopping = False
        self._idents: list[int] = []  # of the thread, once it has started
        self._thread = ThreadPoolExecutor(
            1,
            thread_name_prefix="captions",
            initializer=lambda: self._idents.append(threading.get_ident()),
        )
        for slot, target in enumerate(ledger.targets):
            if target.encoder.reads == "text":
                self._add_captions(slot)
            elif target.encoder.reads == "item":
                self._add_items(slot)

    def add_title(self, slot: int, index: int, title: str, facts: FileFacts) -> None:
        """Encode the title of a file, alone.

        Which files have a title is not known in advance, so a chunk of titles would not be the same
        in a resumed run.
        """
        self._tasks.append(_Task(slot, lambda: self._texts(slot, [(index, title)], [facts])))

    def step(self, *, wait_seconds: float = 0.0) -> bool:
        """Write finished rows and start the next task. Returns False once nothing is left.

        Args:
            wait_seconds: maximum time to wait for rows.
        """
        if self._running is not None:
            task, future = self._running
            wait([future], wait_seconds)
            if not future.done():
                return True
            self._running = None
            outcomes, seconds = future.result()
            self._ledger.reporter.encode_seconds += seconds
            for outcome in outcomes:
                self._write(task.slot, outcome)
        if self._tasks and not self._stopping:
            task = self._tasks.popleft()
            self._running = task, self._thread.submit(_timed, task.encode)
        return self._running is not None

    def stop(self) -> None:
        """Start no further task; the rows of the running one are still written by `step`."""
        self._stopping = True  # nothing else here: this runs in a signal handler

    def close(self) -> None:
        """Cancel the running task."""
        if self._running is not None:
            # Its rows are not needed, and a chunk of long captions takes a minute.
            for ident in self._idents:
                _interrupt(ident)
        self._thread.shutdown()

    def encoder(self, slot: int) -> Encoder:
        """Return the encoder of a target; the first call loads it."""
        encoder = self._ledger.targets[slot].encoder
        if slot not in self._loaded:
            encoder.load(self._device, engine=self._engine)
            self._loaded.add(slot)
        return encoder

    def _add_captions(self, slot: int) -> None:
        """Add the tasks of captions, in chunks.

        A chunk always contains the same captions, including those that are already stored: the last
        bits of a row can depend on what else is in its batch, and rows must not depend on where an
        earlier run was interrupted.
        """
        items = self._ledger.items
        texts = [(index, item.caption) for index, item in enumerate(items) if item.caption]
        for start in range(0, len(texts), CAPTION_CHUNK):
            chunk = texts[start : start + CAPTION_CHUNK]
            if any(self._ledger.needs(index, slot) for index, _ in chunk):
                facts = [FileFacts(content_hash=text_hash(text)) for _, text in chunk]
                self._tasks.append(
                    _Task(slot, lambda c=chunk, f=facts: self._texts(slot, c, f))  # type: ignore[misc]
                )
        bare = [i for i, item in enumerate(items) if item.path is None and not item.caption]
        for index in bare:
            if self._ledger.needs(index, slot):
                reason = "it has no caption"
                self._ledger.write(slot, index, None, FileFacts(), status="missing", reason=reason)

    def _add_items(self, slot: int) -> None:
        indices = [index for index in self._ledger.todo if self._ledger.needs(index, slot)]
        for start in range(0, len(indices), ITEM_CHUNK):
            chunk = indices[start : start + ITEM_CHUNK]
            self._tasks.append(
                _Task(slot, lambda c=chunk: [self._item(slot, index) for index in c])  # type: ignore[misc]
            )

    # --- in the thread ---

    def _texts(
        self, slot: int, texts: Sequence[tuple[int, str]], facts: Sequence[FileFacts]
    ) -> list[_Outcome]:
        encoder = self.encoder(slot)
        units = [unit for _, text in texts for unit in encoder.prepare(text)]
        rows = checked_rows(encoder, encoder.encode(units), len(texts))  # (N, D)
        return [
            _Outcome(index, item_facts, row[None])  # (D,) -> (1, D)
            for (index, _), item_facts, row in zip(texts, facts, rows, strict=True)
        ]

    def _item(self, slot: int, index: int) -> _Outcome:
        encoder, item = self.encoder(slot), self._ledger.items[index]
        facts = FileFacts()
        units: Units = ()
        problem: str | None = None
        try:
            if item.path is not None:
                facts = file_facts(item.path)
            units = encoder.prepare(item)
        except (ValueError, LookupError, OSError) as error:
            problem = reason_of(error)
        facts = replace(facts, content_hash=item_hash(facts, item.caption))
        num_units = len(units)
        rows = checked_rows(encoder, encoder.encode(units), num_units) if num_units else None
        return _Outcome(index, facts, rows, problem)

    # --- in the thread that calls ---

    def _write(self, slot: int, outcome: _Outcome) -> None:
        index, facts = outcome.index, outcome.facts
        if not self._ledger.needs(index, slot):
            return  # already stored; it was encoded only to complete its chunk
        write = self._ledger.write
        if outcome.problem is not None:
            write(slot, index, None, facts, status="failed", reason=outcome.problem)
        elif outcome.rows is None:
            reason = f"{self._ledger.targets[slot].encoder.name} returns no row for it"
            write(slot, index, None, facts, status="missing", reason=reason)
        else:
            write(slot, index, outcome.rows, facts)


def _interrupt(ident: int) -> None:
    """Raise KeyboardInterrupt in a thread, as Ctrl-C does in the main one."""
    ctypes.pythonapi.PyThreadState_SetAsyncExc(
        ctypes.c_ulong(ident), ctypes.py_object(KeyboardInterrupt)
    )


def _timed(encode: Callable[[], list[_Outcome]]) -> tuple[list[_Outcome], float]:
    started = time.perf_counter()
    outcomes = encode()
    return outcomes, time.perf_counter() - started
