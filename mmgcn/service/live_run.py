"""LiveRun: the run that is in service."""

from __future__ import annotations

import json
import logging
from datetime import UTC, datetime
from functools import cached_property
from pathlib import Path, PurePath
from typing import Any

import numpy as np
import polars as pl

from mmgcn.display.cards import Cards
from mmgcn.run import RunError
from mmgcn.service.cache import ResponseCache
from mmgcn.service.catalogue import Catalogue, fold
from mmgcn.service.short_lists import ShortLists
from mmgcn.serving.recommender import Recommender
from mmgcn.serving.session import SessionRanker
from mmgcn.serving.spoken_captions import spoken_captions, stores_of

logger = logging.getLogger("mmgcn.service")


class LiveRun:
    """A run that was loaded and queried once, with its response cache."""

    def __init__(self, recommender: Recommender, cards: Cards) -> None:
        self.recommender = recommender
        self.run = recommender.run
        self.name = self.run.path.name
        written = (self.run.path / "config.json").stat().st_mtime_ns
        self.loaded = datetime.now(UTC).isoformat(timespec="seconds")
        self.version = f"{self.name}@{written}"  # differs where a run is rewritten
        self.cache = ResponseCache()
        self.short_lists = ShortLists(recommender)
        self.session_ranker = SessionRanker(recommender)
        cards = cards.with_more_captions(spoken_captions(stores_of(self.run)))
        self.catalogue = Catalogue(self.run, cards)
        self.cards = cards.with_modalities(self.catalogue.by_item())

    @classmethod
    def load(cls, path: Path, cards: Cards) -> LiveRun:
        """Open a run and read each part of it once, so that an incomplete one is refused here.

        Raises:
            RunError: the run does not exist, is incomplete, or is of another version.
        """
        live = cls(Recommender.load(path), cards)
        live._check()
        return live

    @cached_property
    def folded_users(self) -> pl.Series:
        """The users' ids, normalised for search."""
        return pl.Series([fold(user) for user in self.run.users.ids], dtype=pl.String)

    def _check(self) -> None:
        run = self.run
        if len(run.users) == 0 or len(run.items) == 0:
            raise RunError(f"the run at {run.path} has no users or no items; fit again")
        arrays = (run.popularity, *run.parts.values(), *run.present.values(), *run.csr("test"))
        for array in arrays:
            array[:1].sum()
        user, item = run.users.id(0), run.items.id(0)
        self.recommender.recommend([user], k=1)
        self.recommender.similar(item, k=1)
        self.recommender.recommend_history([item], k=1)
        self.recommender.explain(user, item)
        _ = self.facts
        if not np.isfinite(np.asarray(run.item[-1])).all():
            raise RunError(f"the run at {run.path} has vectors that are not finite; fit again")

    def channels_of(self, item_id: str) -> list[str]:
        """Return the channels that an item has of its own.

        Raises:
            UnknownIds: the item is not in the run.
        """
        (row,) = self.run.items.index([item_id])
        return [
            name
            for name, part in self.run.vector_parts.items()
            if self.run.has(name, row) and part[row].any()
        ]

    @property
    def facts(self) -> dict[str, Any]:
        """Description of the run for clients, read again each time: `mmgcn ablate` may add to it.

        Raises:
            RunError: a file of the run is corrupt.
        """
        config = self.run.config
        changed = (self.run.path / "config.json").stat().st_mtime
        return {
            "run": self.name,
            "model": config.get("model"),
            "created": datetime.fromtimestamp(changed, UTC).isoformat(timespec="seconds"),
            "config": public_json(config),
            "metrics": public_json(config.get("valid") or {}),
            "history": public_json(self._evaluation_history()),
            "channels": list(self.run.vector_parts),
            "modalities": list(self.catalogue.modalities),
            "num_users": len(self.run.users),
            "num_items": len(self.run.items),
            "modality_worth": public_json(self._modality_worth()),
        }

    def _modality_worth(self) -> dict[str, Any] | None:
        try:
            return self.run.ablation()
        except RunError as error:
            logger.warning("modality worth is not shown: %s", error)
            return None

    def _evaluation_history(self) -> list[dict[str, Any]]:
        path = self.run.path / "metrics.jsonl"
        if not path.is_file():
            return []
        lines = path.read_text(encoding="utf-8").splitlines()
        try:
            return [json.loads(line) for line in lines if line]
        except ValueError as error:
            raise RunError(f"{path} is corrupt: {error}; fit again") from error


def public_json(value: object) -> Any:
    """Return a JSON value for clients: absolute paths cut to their name, NaN and infinity as None.

    >>> public_json({"store": "/home/ann/features", "loss": float("nan"), "seed": 0})
    {'store': 'features', 'loss': None, 'seed': 0}
    """
    if isinstance(value, dict):
        return {name: public_json(each) for name, each in value.items()}
    if isinstance(value, list):
        return [public_json(each) for each in value]
    if isinstance(value, float) and not np.isfinite(value):
        return None
    if isinstance(value, str) and PurePath(value).is_absolute():
        return PurePath(value).name
    return value
