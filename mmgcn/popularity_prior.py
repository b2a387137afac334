"""Popularity prior: how often items were interacted with, as a summand of their scores."""

from __future__ import annotations

import numpy as np

from mmgcn.config import SettingError
from mmgcn.data.interactions import Interactions

POPULARITY = "popularity_prior"  # the channel of the prior in embeddings


def log_popularity(train: Interactions, *, window: float = 1.0) -> np.ndarray:
    """Return the log of one plus each item's number of interactions, with mean zero.

    Args:
        window: fraction of the interactions that count, the latest ones.

    Shapes:
        the result: (I,) float32.

    Raises:
        SettingError: a window below 1 for interactions without timestamps.
    """
    item_index = train.item_index
    if window < 1:
        if train.timestamp is None:
            raise SettingError(
                f"popularity_window is {window:g}, but the interactions have no timestamps; "
                "set it to 1"
            )
        first = np.quantile(train.timestamp, 1 - window)
        item_index = item_index[train.timestamp >= first]
    count = np.bincount(item_index, minlength=len(train.items))
    logarithm: np.ndarray = np.log1p(count).astype(np.float32)
    logarithm -= logarithm.mean()
    return logarithm


def add_popularity(
    user: np.ndarray, item_parts: dict[str, np.ndarray], prior: np.ndarray
) -> tuple[np.ndarray, dict[str, np.ndarray]]:
    """Return embeddings with one more column, whose contribution to a score is the item's prior.

    The column is 1 for users. For items it is the prior in a channel of its own, and 0 in the
    others.

    Shapes:
        user: (U, d); item_parts: for each channel (I, d); prior: (I,); the result: (U, d + 1), and
        (I, d + 1) for each channel.
    """
    column = np.zeros((len(prior), 1), dtype=np.float32)
    parts = {name: np.hstack([part, column]) for name, part in item_parts.items()}
    width = user.shape[1]
    parts[POPULARITY] = np.zeros((len(prior), width + 1), dtype=np.float32)
    parts[POPULARITY][:, width] = prior
    return np.hstack([user, np.ones((len(user), 1), dtype=np.float32)]), parts
