"""How long an extraction would take, from trying a few clips."""

from __future__ import annotations

import time
from collections.abc import Sequence

from extract.encoder import Encoder
from extract.workers.messages import Decoded, Job, RowsOf, Setup
from extract.workers.pool import WorkerPool

NUM_TRIED = 4
NUM_CAPTIONS_TRIED = 32


def estimate_seconds(jobs: Sequence[Job], setup: Setup, *, num_workers: int) -> float:
    """Decode and encode a few clips, spread over all, and say how long all would take.

    Loading and writing are left out; so is encoding where workers do not encode.
    """
    if not jobs:
        return 0.0
    tried = list(jobs[:: -(-len(jobs) // NUM_TRIED)])
    pool = WorkerPool(setup, num_workers=1)
    spent = 0.0
    try:
        pool.start(tried)
        for event in pool.events(poll=lambda: None):
            if isinstance(event, Decoded):
                spent += event.hash_seconds + event.decode_seconds
            elif isinstance(event, RowsOf):
                spent += event.encode_seconds
    finally:
        pool.close()
    return spent / len(tried) * len(jobs) / num_workers


def estimate_caption_seconds(captions: Sequence[str], encoder: Encoder) -> float:
    """Encode a few captions, spread over all, and say how long all would take.

    Args:
        captions: at least one.
        encoder: loaded.
    """
    tried = list(captions[:: -(-len(captions) // NUM_CAPTIONS_TRIED)])
    units = [unit for text in tried for unit in encoder.prepare(text)]
    encoder.encode(units[:1])  # the first time takes longer than any other
    started = time.perf_counter()
    encoder.encode(units)
    return (time.perf_counter() - started) / len(tried) * len(captions)
