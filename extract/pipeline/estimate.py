"""How long an extraction would take, from trying a few clips."""

from __future__ import annotations

from collections.abc import Sequence

from extract.pipeline.messages import Decoded, Job, RowsOf, Setup
from extract.pipeline.pool import WorkerPool

NUM_TRIED = 4


def estimate_seconds(
    jobs: Sequence[Job], setup: Setup, *, num_workers: int, clip_timeout_seconds: float
) -> float:
    """Decode and encode a few clips, spread over all, and say how long all would take.

    Captions, loading and writing are left out; so is encoding where workers do not encode.
    """
    if not jobs:
        return 0.0
    tried = list(jobs[:: -(-len(jobs) // NUM_TRIED)])
    pool = WorkerPool(setup, num_workers=1, clip_timeout_seconds=clip_timeout_seconds)
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
