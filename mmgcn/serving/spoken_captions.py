"""Spoken captions: the transcripts of videos, from feature stores."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path

from extract.store import FeatureStore, StoreError
from mmgcn.run import Run


def stores_of(run: Run) -> list[str]:
    """Return the folders of the feature stores that a run was trained on."""
    sources = run.config.get("features", {}).values()
    roots = [each["store"] for each in sources if isinstance(each, dict) and "store" in each]
    return list(dict.fromkeys(roots))


def spoken_captions(
    stores: Iterable[Path | str], item_ids: Iterable[str] | None = None
) -> dict[str, str]:
    """Return the transcripts of `mmgcn extract --captions speech`, by item id.

    Empty if there are none, or if a store was moved.

    Args:
        stores: folders of feature stores.
        item_ids: items to return; None for all.
    """
    requested = None if item_ids is None else list(item_ids)
    captions: dict[str, str] = {}
    for root in stores:
        try:
            captions |= FeatureStore(root).spoken_captions(requested)
        except StoreError:
            continue  # a damaged store, which `mmgcn extract --verify` reports
    return captions
