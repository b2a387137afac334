"""A service on videos of the demo, run in a thread of the tests."""

import socket
import threading
from contextlib import contextmanager
from pathlib import Path

import httpx
import numpy as np
import polars as pl
import sqlalchemy as sa
import uvicorn

from extract.workers.sprite import Sprite
from mmgcn.data.events import events, make_engine
from mmgcn.service.app import create_app
from mmgcn.service.settings import Settings
from tests.mmgcn.service.page.actions import until
from tests.runs import write_run_folder

VIDEOS = Path(__file__).parents[4] / "assets" / "videos"
NAMES = ["clip-003", "clip-007", "clip-009", "clip-015", "clip-020", "clip-024", "море", "gone"]
HOSTILE = "<img src=x onerror=\"document.title='owned'\"><script>document.title='owned'</script>"
BOTH_KINDS = ("skip", "unskip")
CAPTIONS = {"clip-003": HOSTILE, "clip-007": "A ball", "море": "The sea"}


class DemoService:
    """A service whose database can go away."""

    def __init__(self, folder: Path) -> None:
        self._database = folder / "database"
        self._database.mkdir()
        self._url = f"sqlite:///{self._database}/feedback.db"
        write_run_folder(folder / "run", NAMES)
        captions = pl.DataFrame({"item_id": list(CAPTIONS), "caption": list(CAPTIONS.values())})
        captions.write_csv(folder / "captions.csv")
        sprite = Sprite()
        sprite.add(np.full((8, 180, 320, 3), 90, np.uint8))
        (folder / "sprites").mkdir()
        sprite.write(folder / "sprites", "clip-007")
        self.settings = Settings(
            run=folder / "run",
            videos=VIDEOS,
            captions=folder / "captions.csv",
            posters=folder / "posters",
            sprites=folder / "sprites",
            feedback=self._url,
            requests_per_second=0,
            reload_seconds=0,
        )
        self.address = ""

    @contextmanager
    def without_database(self):
        away = self._database.rename(self._database.with_name("away"))
        try:
            yield
        finally:
            away.rename(self._database)

    def plays(self, user):
        """Stored plays of a user: (item_id, seconds)."""
        query = sa.select(events).where(events.c.event == "play", events.c.user_id == user)
        return [(row.item_id, row.seconds) for row in self._rows(query)]

    def preferences(self):
        """Stored likes and skips, given and undone, in their order: (item_id, kind)."""
        query = sa.select(events).where(events.c.event.not_in(["impression", "play"]))
        return [(row.item_id, row.event) for row in self._rows(query.order_by(events.c.id))]

    def _rows(self, query):
        engine = make_engine(self._url, poolclass=sa.NullPool)
        with engine.connect() as connection:
            return connection.execute(query).all()

    def send(self, *pairs, user="u0"):
        """Send events past the page, as another tab does: (item_id, kind)."""
        sent = [{"user_id": user, "item_id": item, "event": kind} for item, kind in pairs]
        answer = httpx.post(f"{self.address}v1/feedback", json={"events": sent})
        assert answer.status_code == 201

    def forget(self):
        engine = make_engine(self._url, poolclass=sa.NullPool)
        with engine.begin() as connection:
            connection.execute(sa.delete(events))


@contextmanager
def running(settings):
    """Run a service; yields its address."""
    config = uvicorn.Config(
        create_app(settings), log_level="critical", timeout_graceful_shutdown=1, ws="none"
    )
    server = uvicorn.Server(config)
    with socket.socket() as listening:
        listening.bind(("127.0.0.1", 0))
        thread = threading.Thread(target=server.run, kwargs={"sockets": [listening]})
        thread.start()
        until(lambda: server.started)
        try:
            yield f"http://127.0.0.1:{listening.getsockname()[1]}/"
        finally:
            server.should_exit = True
            thread.join()
