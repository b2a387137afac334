"""ShortLists: lists of a small run, computed faster than a thread could be started."""

from __future__ import annotations

from typing import TypedDict

import numpy as np

from mmgcn.serving.ranking_options import RankingOptions
from mmgcn.serving.recommender import Recommender

MAX_VALUES, MAX_USERS = 2_000_000, 100_000  # of a small run: values of item.npy, users
MAX_K = 100


class Row(TypedDict):
    """A row of a ranked list."""

    item_id: str
    score: float
    rank: int


class ShortLists:
    """Lists of a run's users in less than a millisecond each, for small runs."""

    def __init__(self, recommender: Recommender) -> None:
        self._recommender, run = recommender, recommender.run
        small = run.item.size <= MAX_VALUES and len(run.users) <= MAX_USERS
        users = run.users.ids.to_list() if small else []
        self._user_index = {user: index for index, user in enumerate(users)}
        self._item_ids: list[str] = run.items.ids.to_list() if small else []

    def best(self, user_id: str, options: RankingOptions) -> list[Row] | None:
        """Return the rows of `Recommender.recommend`, or None if this would take longer.

        It does if the run is large, the list is long, the user is not in the run, or options
        other than k and filter_seen are used.
        """
        index = self._user_index.get(user_id)
        plain = RankingOptions(
            k=options.k, filter_seen=options.filter_seen, unknown_users=options.unknown_users
        )
        if index is None or options.k > MAX_K or options != plain:
            return None
        (items,), (scores,) = self._recommender.recommend_by_index(
            np.array([index]), k=options.k, filter_seen=options.filter_seen
        )
        ranked = enumerate(zip(items.tolist(), scores.tolist(), strict=True), start=1)
        return [
            {"item_id": self._item_ids[item], "score": score, "rank": rank}
            for rank, (item, score) in ranked
            if item >= 0
        ]
