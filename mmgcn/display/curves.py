"""Training curves, shared by the page and reports."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any


def member_starts(config: Mapping[str, Any], last_epoch: int) -> list[int]:
    """Return the first epoch of each ensemble member that was trained, from 1.

    Members are trained one after the other, each for an equal share of the epochs. A new member
    lowers the metrics of the ensemble at first, which is not a failure of the training.

    Args:
        config: of a run.
        last_epoch: of the training, which may have ended early.

    >>> member_starts({"settings": {"ensemble_size": 3, "epochs": 15}}, 15)
    [1, 6, 11]
    >>> member_starts({"settings": {"epochs": 15}}, 15)
    [1]
    """
    settings = config.get("settings") or {}
    num_members, epochs = settings.get("ensemble_size", 1), settings.get("epochs", last_epoch)
    if not (isinstance(num_members, int) and isinstance(epochs, int)):
        return [1]
    starts = [member * epochs // num_members + 1 for member in range(num_members)]
    return [start for start in starts if start <= max(last_epoch, 1)]
