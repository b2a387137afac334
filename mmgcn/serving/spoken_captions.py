"""Spoken captions: what is said in the videos of a run, from the store of its features."""

from __future__ import annotations

from extract.store import FeatureStore, StoreError
from mmgcn.run import Run


def spoken_captions(run: Run) -> dict[str, str]:
    """Return what is said in videos by item id, as `mmgcn extract --captions speech` stored it.

    Empty where nothing is, or where the store was moved.
    """
    captions: dict[str, str] = {}
    sources = run.config.get("features", {}).values()
    roots = [
        source["store"] for source in sources if isinstance(source, dict) and "store" in source
    ]
    for root in dict.fromkeys(roots):
        try:
            captions |= FeatureStore(root).spoken_captions()
        except StoreError:
            continue  # it is damaged; `mmgcn extract --verify` says so
    return captions
