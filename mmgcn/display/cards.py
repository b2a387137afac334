"""Cards: the data that are displayed of an item."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from copy import copy
from typing import Any, Self
from urllib.parse import quote

Card = dict[str, Any]
RANKED = ("item_id", "score", "rank", "rank_before", "because")  # of a row of a ranked list


class Cards:
    """Cards of items: caption, creator, and the addresses of video and poster.

    Captions are text, never markup; they are escaped where they are displayed.

    Args:
        playable: items with a video.
        root_path: prefix of addresses.
        modalities: modalities of each item; None without a run.
        sprites: items with a sprite.
        colour: returns the mean colour of an item's poster, if it is known.
    """

    def __init__(
        self,
        *,
        captions: Mapping[str, str],
        creators: Mapping[str, str],
        playable: Iterable[str],
        modalities: Mapping[str, Sequence[str]] | None = None,
        root_path: str = "",
        sprites: Iterable[str] = (),
        colour: Callable[[str], str | None] = lambda _: None,
    ) -> None:
        self.captions, self.creators = captions, creators
        self._playable, self._sprites = frozenset(playable), frozenset(sprites)
        self._modalities, self._root_path, self._colour = modalities, root_path, colour

    def with_modalities(self, modalities: Mapping[str, Sequence[str]]) -> Self:
        """Return the same cards with the modalities of each item."""
        other = copy(self)
        other._modalities = modalities
        return other

    def with_more_captions(self, captions: Mapping[str, str]) -> Self:
        """Return the same cards, with these captions for items without one."""
        other = copy(self)
        other.captions = {**captions, **self.captions}
        return other

    def card(self, item_id: str) -> Card:
        """Return the card of an item; unknown values are None."""
        name = segment(item_id)
        has_video, has_sprite = item_id in self._playable, item_id in self._sprites
        card: Card = {
            "item_id": item_id,
            "caption": self.captions.get(item_id),
            "creator": self.creators.get(item_id),
            "video": f"{self._root_path}/v1/videos/{name}" if has_video else None,
            "poster": f"{self._root_path}/v1/posters/{name}" if has_video else None,
            "colour": self._colour(item_id) if has_video else None,
            "sprite": f"{self._root_path}/v1/sprites/{name}" if has_sprite else None,
        }
        if self._modalities is not None:
            card["modalities"] = list(self._modalities.get(item_id, ()))
        return card

    def ranked(self, rows: Iterable[Mapping[str, Any]]) -> list[Card]:
        """Return the cards of a ranked list, from rows with item_id, score and rank."""
        return [
            {name: row[name] for name in RANKED if name in row} | self.card(row["item_id"])
            for row in rows
        ]


def segment(item_id: str) -> str:
    """Return an id as a segment of a URL's path, percent-encoded.

    `.` and `..` are encoded twice: clients and proxies remove such segments, encoded or not.

    >>> segment("a/b"), segment("..")
    ('a%2Fb', '%252E%252E')
    """
    if item_id in (".", ".."):
        return "%252E" * len(item_id)
    return quote(item_id, safe="")
