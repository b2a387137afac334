"""Estimates of the duration of an extraction, from a sample of clips and captions."""

from __future__ import annotations

import time
from collections.abc import Sequence

from extract.encoder import Encoder
from extract.workers.messages import Decoded, Job, RowsOf, Setup
from extract.workers.pool import WorkerPool

NUM_SAMPLED = 4
NUM_SAMPLED_CAPTIONS = 32


def estimate_seconds(jobs: Sequence[Job], setup: Setup, *, num_workers: int) -> float:
    """Estimate the seconds that all clips would take, from a few that are evenly spaced.

    Loading and writing are not included, nor is encoding if workers do not encode.
    """
    if not jobs:
        return 0.0
    sample = list(jobs[:: -(-len(jobs) // NUM_SAMPLED)])
    pool = WorkerPool(setup, num_workers=1)
    spent = 0.0
    try:
        pool.start(sample)
        for event in pool.events(poll=lambda: None):
            if isinstance(event, Decoded):
                spent += event.hash_seconds + event.decode_seconds
            elif isinstance(event, RowsOf):
                spent += event.encode_seconds
    finally:
        pool.close()
    return spent / len(sample) * len(jobs) / num_workers


def estimate_caption_seconds(captions: Sequence[str], encoder: Encoder) -> float:
    """Estimate the seconds that all captions would take, from a few that are evenly spaced.

    Args:
        captions: captions, at least one.
        encoder: loaded encoder.
    """
    sample = list(captions[:: -(-len(captions) // NUM_SAMPLED_CAPTIONS)])
    units = [unit for text in sample for unit in encoder.prepare(text)]
    encoder.encode(units[:1])  # the first call is slower than all others
    started = time.perf_counter()
    encoder.encode(units)
    return (time.perf_counter() - started) / len(sample) * len(captions)
