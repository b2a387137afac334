"""Cards: what is shown of an item beside its id."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any
from urllib.parse import quote

Card = dict[str, Any]


class Cards:
    """Cards of items: caption, creator, and the addresses of video and poster.

    Captions are text, never markup; they are escaped where they are displayed.

    Args:
        playable: items with a video.
    """

    def __init__(
        self,
        *,
        captions: Mapping[str, str],
        creators: Mapping[str, str],
        playable: Iterable[str],
    ) -> None:
        self.captions, self._creators = captions, creators
        self._playable = frozenset(playable)

    def card(self, item_id: str) -> Card:
        """Return the card of an item; unknown values are None."""
        name = quote(item_id, safe="") if item_id in self._playable else None
        return {
            "item_id": item_id,
            "caption": self.captions.get(item_id),
            "creator": self._creators.get(item_id),
            "video": None if name is None else f"/v1/videos/{name}",
            "poster": None if name is None else f"/v1/posters/{name}",
        }

    def ranked(self, rows: Iterable[Mapping[str, Any]]) -> list[Card]:
        """Return the cards of a ranked list, from rows with item_id, score and rank."""
        return [
            {"item_id": row["item_id"], "score": row["score"], "rank": row["rank"]}
            | self.card(row["item_id"])
            for row in rows
        ]
