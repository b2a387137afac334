"""ShortLists: the lists of a small run, which take less time than handing them to a thread."""

from __future__ import annotations

from typing import Any

import numpy as np

from mmgcn.serving.recommender import Recommender

MAX_NUMBERS, MAX_USERS = 2_000_000, 100_000  # of a run that is small: its item vectors, its users
MAX_K = 100

Row = dict[str, Any]


class ShortLists:
    """Makes a user's list in less than a millisecond, or says that it would take longer."""

    def __init__(self, recommender: Recommender) -> None:
        self._recommender, run = recommender, recommender.run
        small = run.item.size <= MAX_NUMBERS and len(run.users) <= MAX_USERS
        users = run.users.ids.to_list() if small else []
        self._user_rows = {user: row for row, user in enumerate(users)}
        self._item_ids: list[str] = run.items.ids.to_list() if small else []

    def best(self, user_id: str, *, k: int, filter_seen: bool) -> list[Row] | None:
        """Return what `Recommender.recommend` does, as rows with item_id, score and rank.

        None where the run is large, the list long, or the user not in the run.
        """
        row = self._user_rows.get(user_id)
        if row is None or k > MAX_K:
            return None
        (items,), (scores,) = self._recommender.recommend_rows(
            np.array([row]), k=k, filter_seen=filter_seen
        )
        ranked = enumerate(zip(items.tolist(), scores.tolist(), strict=True), start=1)
        return [
            {"item_id": self._item_ids[item], "score": score, "rank": rank}
            for rank, (item, score) in ranked
            if item >= 0
        ]
