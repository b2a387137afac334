"""State: what every request shares."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Self

from mmgcn.service.cards import Cards
from mmgcn.service.live_run import LiveRun
from mmgcn.service.settings import Settings
from mmgcn.service.videos import Videos


@dataclass(eq=False)
class State:
    """What every request shares. `live` alone is ever replaced, whole, by a newer run.

    A request takes `live` once and is answered by that run to its end.
    """

    settings: Settings
    live: LiveRun
    videos: Videos
    cards: Cards

    @classmethod
    def load(cls, settings: Settings) -> Self:
        """Read everything that the settings name.

        Raises:
            RunError, CatalogError, CaptionError: something is not there or not whole.
        """
        videos = Videos.read(settings.videos, settings.captions)
        cards = Cards(captions=videos.captions, creators={}, playable=videos.paths)
        return cls(settings, LiveRun.load(settings.run), videos, cards)
