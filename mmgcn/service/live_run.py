"""LiveRun: the run that is in service."""

from __future__ import annotations

import json
import logging
from datetime import UTC, datetime
from pathlib import Path, PurePath
from typing import Any

import numpy as np

from mmgcn.run import RunError
from mmgcn.service.cache import ResponseCache
from mmgcn.service.short_lists import ShortLists
from mmgcn.serving.recommender import Recommender

logger = logging.getLogger("mmgcn.service")


class LiveRun:
    """A run that is loaded whole and has answered once, with the answers that it gave."""

    def __init__(self, recommender: Recommender) -> None:
        self.recommender = recommender
        self.run = recommender.run
        self.name = self.run.path.resolve().name
        self.cache = ResponseCache()
        self.short_lists = ShortLists(recommender)

    @classmethod
    def load(cls, path: Path) -> LiveRun:
        """Open a run and ask it everything once, so that what is not whole is refused here.

        Raises:
            RunError: there is none, it is not whole, or another version wrote it.
        """
        # The folder that a link leads to now: what the link leads to later is another run.
        made = cls(Recommender.load(path.resolve() if path.is_dir() else path))
        made._warm()
        return made

    def _warm(self) -> None:
        run = self.run
        if len(run.users) == 0 or len(run.items) == 0:
            raise RunError(f"the run at {run.path} has no users or no items; fit again")
        for array in (run.popularity, *run.parts.values(), *run.csr("test")):
            array[:1].sum()
        user, item = run.users.id(0), run.items.id(0)
        self.recommender.recommend([user], k=1)
        self.recommender.similar(item, k=1)
        self.recommender.recommend_history([item], k=1)
        self.recommender.explain(user, item)
        _ = self.facts
        if not np.isfinite(np.asarray(run.item[-1])).all():
            raise RunError(f"the run at {run.path} holds numbers that are not finite; fit again")

    def channels_of(self, item_id: str) -> list[str]:
        """Return the channels in which an item is not blank.

        Raises:
            UnknownIds: no such item.
        """
        (row,) = self.run.items.index([item_id])
        return [name for name, part in self.run.parts.items() if part[row].any()]

    @property
    def facts(self) -> dict[str, Any]:
        """What there is to say of the run, read anew: `mmgcn ablate` may add to it.

        Raises:
            RunError: a file of it is corrupt.
        """
        config = self.run.config
        changed = (self.run.path / "config.json").stat().st_mtime
        return {
            "run": self.name,
            "model": config.get("model"),
            "created": datetime.fromtimestamp(changed, UTC).isoformat(timespec="seconds"),
            "config": tellable(config),
            "metrics": tellable(config.get("valid") or {}),
            "history": tellable(self._looks()),
            "channels": list(self.run.parts),
            "num_users": len(self.run.users),
            "num_items": len(self.run.items),
            "modality_worth": tellable(self._worth()),
        }

    def _worth(self) -> dict[str, Any] | None:
        try:
            return self.run.ablation()
        except RunError as error:
            logger.warning("what modalities are worth is not shown: %s", error)
            return None

    def _looks(self) -> list[dict[str, Any]]:
        path = self.run.path / "metrics.jsonl"
        if not path.is_file():
            return []
        lines = path.read_text(encoding="utf-8").splitlines()
        try:
            return [json.loads(line) for line in lines if line]
        except ValueError as error:
            raise RunError(f"{path} is corrupt: {error}; fit again") from error


def tellable(value: Any) -> Any:
    """Return a value as a client may have it, in JSON.

    Absolute paths are cut to their last part: a client has no use for the folders of the machine
    that trained. Figures that are no numbers, which JSON has no word for, are None.

    >>> tellable({"store": "/home/ann/features", "loss": float("nan"), "seed": 0})
    {'store': 'features', 'loss': None, 'seed': 0}
    """
    if isinstance(value, dict):
        return {name: tellable(held) for name, held in value.items()}
    if isinstance(value, list):
        return [tellable(held) for held in value]
    if isinstance(value, float) and not np.isfinite(value):
        return None
    if isinstance(value, str) and PurePath(value).is_absolute():
        return PurePath(value).name
    return value
