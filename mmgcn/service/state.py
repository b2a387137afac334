"""State shared by all requests."""

from __future__ import annotations

import logging
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Self

from mmgcn.display.cards import Cards
from mmgcn.display.posters import Posters, default_folder
from mmgcn.display.sprites import find_sprites
from mmgcn.display.videos import Videos
from mmgcn.service.feedback import FeedbackStore, FeedbackUnavailable
from mmgcn.service.live_run import LiveRun
from mmgcn.service.map_process import MapProcess
from mmgcn.service.metrics import Metrics
from mmgcn.service.other_runs import OtherRuns
from mmgcn.service.poster_queue import PosterQueue
from mmgcn.service.reload_log import ReloadLog
from mmgcn.service.settings import Settings
from mmgcn.serving.item_table import ItemTable

logger = logging.getLogger("mmgcn.service")


@dataclass(frozen=True)
class Refusal:
    """A run that was not put into service."""

    run: str
    detail: str
    at: str


@dataclass(eq=False)
class State:
    """State shared by all requests. Only `live` and `refusal` are ever replaced.

    A request reads `live` once and uses that run until its response is sent.
    """

    settings: Settings
    live: LiveRun
    videos: Videos
    cards: Cards
    posters: PosterQueue
    feedback: FeedbackStore | None
    metrics: Metrics
    other_runs: OtherRuns
    sprites: Mapping[str, Path] = field(default_factory=dict)
    reload_log: ReloadLog = field(default_factory=ReloadLog)
    map_process: MapProcess = field(default_factory=MapProcess)
    refusal: Refusal | None = None
    """The run that was refused last, None since a run was loaded."""

    @classmethod
    def load(cls, settings: Settings) -> Self:
        """Return the state that the settings describe.

        Raises:
            RunError, CatalogueError, TableError, EventsError, NotADirectoryError: a part does not
                exist or is incomplete.
        """
        videos = Videos() if settings.videos is None else Videos.read(settings.videos)
        for note in videos.notes:
            logger.warning("%s", note)
        table = ItemTable() if settings.captions is None else ItemTable.read(settings.captions)
        creators = table.rows.select("item_id", "creator").drop_nulls()
        posters = Posters(settings.posters or default_folder(videos.root or Path.cwd()))
        sprites = {} if settings.sprites is None else find_sprites(settings.sprites, videos.paths)
        cards = Cards(
            captions={**videos.captions, **table.captions(table.rows["item_id"])},
            creators=dict(creators.iter_rows()),
            playable=videos.paths,
            root_path=settings.root_path,
            sprites=sprites,
            colour=posters.colour,
        )
        live = LiveRun.load(settings.run, cards)
        return cls(
            settings,
            live,
            videos,
            cards,
            PosterQueue(posters),
            _feedback(settings.feedback),
            Metrics(),
            OtherRuns(settings.run.parent),
            sprites,
        )


def _feedback(url: str | None) -> FeedbackStore | None:
    """Return the feedback store, even if the database does not answer yet."""
    if url is None:
        return None
    store = FeedbackStore(url)
    try:
        store.prepare()
    except FeedbackUnavailable as error:
        logger.error("feedback is not stored: %s", error)
    return store
