"""Captions, titles, and items as a whole: encoded by this process, beside the workers."""

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
from extract.workers.decoder import file_facts, told
from extract.workers.messages import FileFacts

CAPTION_CHUNK = 512
ITEM_CHUNK = 32


@dataclass(frozen=True)
class _Outcome:
    """What came of one item."""

    index: int
    facts: FileFacts
    rows: np.ndarray | None
    problem: str | None = None


@dataclass(frozen=True)
class _Task:
    """What the thread is to do for one target."""

    place: int
    encode: Callable[[], list[_Outcome]]


class Undecoded:
    """Encodes what needs no file decoded, in a thread, so that the workers never wait for it.

    `step` writes what is ready and starts what is next; everything but encoding happens in the
    thread that calls it.
    """

    def __init__(self, ledger: Ledger, *, device: str, engine: Engine) -> None:
        self._ledger, self._device, self._engine = ledger, device, engine
        self._loaded: set[int] = set()
        self._tasks: deque[_Task] = deque()
        self._running: tuple[_Task, Future[tuple[list[_Outcome], float]]] | None = None
        self._stopping = False
        self._idents: list[int] = []  # of the thread, once it has begun
        self._thread = ThreadPoolExecutor(
            1,
            thread_name_prefix="captions",
            initializer=lambda: self._idents.append(threading.get_ident()),
        )
        for place, target in enumerate(ledger.targets):
            if target.encoder.reads == "text":
                self._add_captions(place)
            elif target.encoder.reads == "item":
                self._add_items(place)

    def add_title(self, place: int, index: int, title: str, facts: FileFacts) -> None:
        """Encode the title that a file holds.

        By itself, since it is not known before which files hold one: no chunk would be the same
        twice.
        """
        self._tasks.append(_Task(place, lambda: self._texts(place, [(index, title)], [facts])))

    def step(self, *, wait_seconds: float = 0.0) -> bool:
        """Write what is ready and start what is next. False once nothing is left.

        Args:
            wait_seconds: how long to wait for something to become ready.
        """
        if self._running is not None:
            task, future = self._running
            wait([future], wait_seconds)
            if not future.done():
                return True
            self._running = None
            outcomes, seconds = future.result()
            self._ledger.teller.encode_seconds += seconds
            for outcome in outcomes:
                self._write(task.place, outcome)
        if self._tasks and not self._stopping:
            task = self._tasks.popleft()
            self._running = task, self._thread.submit(_timed, task.encode)
        return self._running is not None

    def stop(self) -> None:
        """Start nothing more; what runs is still written by `step`."""
        self._stopping = True  # no more than that: a signal may come between any two lines

    def close(self) -> None:
        """End what runs, and forget it."""
        if self._running is not None:
            # Nobody wants its rows any more, and a chunk of long captions takes a minute.
            for ident in self._idents:
                _interrupt(ident)
        self._thread.shutdown()

    def encoder(self, place: int) -> Encoder:
        """Return the encoder of a target, loaded when it is first asked for."""
        encoder = self._ledger.targets[place].encoder
        if place not in self._loaded:
            encoder.load(self._device, engine=self._engine)
            self._loaded.add(place)
        return encoder

    def _add_captions(self, place: int) -> None:
        """Plan the captions that are wanted, in chunks.

        A chunk always holds the same captions, also those that are there already: what an encoder
        makes of one can depend, in the last bits, on what it is batched with. So the rows do not
        depend on where an earlier run was interrupted.
        """
        items = self._ledger.items
        texts = [(index, item.caption) for index, item in enumerate(items) if item.caption]
        for start in range(0, len(texts), CAPTION_CHUNK):
            chunk = texts[start : start + CAPTION_CHUNK]
            if any(self._ledger.wants(index, place) for index, _ in chunk):
                facts = [FileFacts(content_hash=text_hash(text)) for _, text in chunk]
                self._tasks.append(
                    _Task(place, lambda c=chunk, f=facts: self._texts(place, c, f))  # type: ignore[misc]
                )
        bare = [i for i, item in enumerate(items) if item.path is None and not item.caption]
        for index in bare:
            if self._ledger.wants(index, place):
                reason = "it has no caption"
                self._ledger.write(place, index, None, FileFacts(), status="missing", reason=reason)

    def _add_items(self, place: int) -> None:
        wanted = [index for index in self._ledger.todo if self._ledger.wants(index, place)]
        for start in range(0, len(wanted), ITEM_CHUNK):
            chunk = wanted[start : start + ITEM_CHUNK]
            self._tasks.append(
                _Task(place, lambda c=chunk: [self._item(place, index) for index in c])  # type: ignore[misc]
            )

    # --- in the thread ---

    def _texts(
        self, place: int, texts: Sequence[tuple[int, str]], facts: Sequence[FileFacts]
    ) -> list[_Outcome]:
        encoder = self.encoder(place)
        units = [unit for _, text in texts for unit in encoder.prepare(text)]
        rows = checked_rows(encoder, encoder.encode(units), len(texts))  # (N, D)
        return [
            _Outcome(index, its, row[None])  # (D,) -> (1, D)
            for (index, _), its, row in zip(texts, facts, rows, strict=True)
        ]

    def _item(self, place: int, index: int) -> _Outcome:
        encoder, item = self.encoder(place), self._ledger.items[index]
        facts = FileFacts()
        units: Units = ()
        problem: str | None = None
        try:
            if item.path is not None:
                facts = file_facts(item.path)
            units = encoder.prepare(item)
        except (ValueError, LookupError, OSError) as error:
            problem = told(error)
        facts = replace(facts, content_hash=item_hash(facts, item.caption))
        num_units = len(units)
        rows = checked_rows(encoder, encoder.encode(units), num_units) if num_units else None
        return _Outcome(index, facts, rows, problem)

    # --- in the thread that calls ---

    def _write(self, place: int, outcome: _Outcome) -> None:
        index, facts = outcome.index, outcome.facts
        if not self._ledger.wants(index, place):
            return  # it was there already and only filled its chunk
        write = self._ledger.write
        if outcome.problem is not None:
            write(place, index, None, facts, status="failed", reason=outcome.problem)
        elif outcome.rows is None:
            reason = f"{self._ledger.targets[place].encoder.name} finds nothing in it"
            write(place, index, None, facts, status="missing", reason=reason)
        else:
            write(place, index, outcome.rows, facts)


def _interrupt(ident: int) -> None:
    """Raise KeyboardInterrupt in a thread, as Ctrl-C does in the main one."""
    ctypes.pythonapi.PyThreadState_SetAsyncExc(
        ctypes.c_ulong(ident), ctypes.py_object(KeyboardInterrupt)
    )


def _timed(encode: Callable[[], list[_Outcome]]) -> tuple[list[_Outcome], float]:
    started = time.perf_counter()
    outcomes = encode()
    return outcomes, time.perf_counter() - started
