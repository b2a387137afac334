"""Captions, and encoders that read the item itself: encoded by this process, in no worker."""

from __future__ import annotations

import time
from collections.abc import Iterator
from dataclasses import replace

import numpy as np

from extract.encoder import Encoder, Engine, Units
from extract.pipeline.batcher import checked_rows
from extract.pipeline.decoder import file_facts, told
from extract.pipeline.ledger import Ledger
from extract.pipeline.messages import FileFacts
from extract.pipeline.plan import item_hash, text_hash

CAPTION_CHUNK = 512


class OwnEncoders:
    """The encoders that this process runs itself, loaded when they are first needed."""

    def __init__(self, ledger: Ledger, *, device: str, engine: Engine) -> None:
        self._ledger, self.device, self._engine = ledger, device, engine
        self._loaded: set[int] = set()

    def get(self, place: int) -> Encoder:
        """Return the encoder of a target, loaded."""
        encoder = self._ledger.targets[place].encoder
        if place not in self._loaded:
            self._ledger.teller.now(f"loading {encoder.name}")
            encoder.load(self.device, engine=self._engine)
            self._loaded.add(place)
        return encoder


def encode_captions(ledger: Ledger, encoders: OwnEncoders) -> Iterator[None]:
    """Encode the captions that are wanted; yields after every chunk.

    A chunk always holds the same captions, also those that are there already: what an encoder makes
    of one can depend, in the last bits, on what it is batched with. So the rows do not depend on
    where an earlier run was interrupted.
    """
    texts = [(index, item.caption) for index, item in enumerate(ledger.items) if item.caption]
    for place, target in enumerate(ledger.targets):
        if target.encoder.reads != "text":
            continue
        for index, item in enumerate(ledger.items):
            if item.path is None and not item.caption and ledger.wants(index, place):
                ledger.write(
                    place, index, None, FileFacts(), status="missing", reason="it has no caption"
                )
        for start in range(0, len(texts), CAPTION_CHUNK):
            chunk = texts[start : start + CAPTION_CHUNK]
            wanted = [ledger.wants(index, place) for index, _ in chunk]
            if not any(wanted):
                continue
            ledger.teller.now("encoding captions")
            rows = _rows(ledger, encoders, place, [text for _, text in chunk])
            for (index, text), row, is_wanted in zip(chunk, rows, wanted, strict=True):
                if is_wanted:
                    facts = FileFacts(content_hash=text_hash(text))
                    ledger.write(place, index, row[None], facts)
            yield


def encode_title(
    ledger: Ledger,
    encoders: OwnEncoders,
    place: int,
    index: int,
    *,
    title: str,
    facts: FileFacts,
) -> None:
    """Encode the title that a file holds.

    One by one, since it is not known before which files hold one: no chunk would be the same twice.
    """
    ledger.write(place, index, _rows(ledger, encoders, place, [title]), facts)


def encode_items(ledger: Ledger, encoders: OwnEncoders) -> Iterator[None]:
    """Hand items to the encoders that read the item itself; yields after every one."""
    for place, target in enumerate(ledger.targets):
        if target.encoder.reads != "item":
            continue
        for index, item in enumerate(ledger.items):
            if not ledger.wants(index, place):
                continue
            encoder = encoders.get(place)
            ledger.teller.now(f"encoding by {encoder.name}")
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
            if problem is not None:
                ledger.write(place, index, None, facts, status="failed", reason=problem)
            elif len(units) == 0:
                problem = f"{encoder.name} finds nothing in it"
                ledger.write(place, index, None, facts, status="missing", reason=problem)
            else:
                started = time.perf_counter()
                rows = checked_rows(encoder, encoder.encode(units), len(units))
                ledger.teller.encode_seconds += time.perf_counter() - started
                ledger.write(place, index, rows, facts)
            yield


def _rows(ledger: Ledger, encoders: OwnEncoders, place: int, texts: list[str]) -> np.ndarray:
    """Return a row a text, (N, D)."""
    encoder = encoders.get(place)
    started = time.perf_counter()
    units = [unit for text in texts for unit in encoder.prepare(text)]
    rows = checked_rows(encoder, encoder.encode(units), len(texts))
    ledger.teller.encode_seconds += time.perf_counter() - started
    return rows
