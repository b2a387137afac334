"""FeedbackStore: events in a database. What it takes is stored when it returns."""

from __future__ import annotations

import logging
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from threading import Lock
from typing import Any, TypeVar

import sqlalchemy as sa
from alembic import command
from alembic.config import Config
from alembic.util import CommandError
from anyio import CapacityLimiter, to_thread

from mmgcn.data.events import SAID, TAKES_BACK, EventsError, events, make_engine, shown

logger = logging.getLogger("mmgcn.service")

READING = "mmgcn_reading"  # an option of a connection that need not wait for writers
MIGRATIONS = Path(__file__).parent / "migrations"
LOCK = 0x6D6D6763  # of the migration, for processes that start together
BUSY_SECONDS = 5
NUM_AT_ONCE, MAX_WAITING = 4, 100  # requests that write at a time, and that wait to; or read

T = TypeVar("T")


class FeedbackUnavailable(OSError):
    """The database does not answer; nothing was stored."""


@dataclass(frozen=True)
class Preferences:
    """What a user likes and what they skip: their last word on each item, the latest first."""

    liked: list[str]
    skipped: list[str]


class FeedbackStore:
    """A database of events, its tables made and brought up to date when it is first reached.

    Args:
        url: sqlite: or postgresql:.

    Raises:
        EventsError: another database, or its driver is not installed.
    """

    def __init__(self, url: str) -> None:
        self.url = url
        if make_engine(url).dialect.name == "sqlite":
            if not sa.make_url(url).database:
                raise EventsError(f"{url} is in memory and forgets; name a file")
            # A connection for each write: one that was kept would go on writing into a file that
            # somebody has removed.
            self._engine = make_engine(
                url, poolclass=sa.NullPool, connect_args={"timeout": BUSY_SECONDS}
            )
            _keep_sqlite_safe(self._engine)
        else:
            self._engine = make_engine(url)
        self._lock = Lock()
        self._writing, self._reading = CapacityLimiter(NUM_AT_ONCE), CapacityLimiter(NUM_AT_ONCE)
        self.available = False

    def prepare(self) -> None:
        """Make the tables, or bring them up to date.

        Raises:
            FeedbackUnavailable: the database cannot be reached, or a newer mmgcn wrote it.
        """
        with self._lock:
            if not self.available:
                self._reached(lambda: migrate(self._engine, "head"))
                self.available = True

    async def add(self, rows: Sequence[Mapping[str, Any]], *, run: str) -> None:
        """Store events, all or none. A database that hangs keeps nobody waiting but feedback.

        Args:
            rows: with user_id, item_id, event and seconds.
            run: the run that was in service.

        Raises:
            FeedbackUnavailable: the database does not answer, or not as quickly as events come.
        """
        await self._in_turn(self._writing, lambda: self.write(rows, run))

    def write(self, rows: Sequence[Mapping[str, Any]], run: str) -> None:
        """Store events, all or none, in this thread; see `add`."""
        self.prepare()
        now = datetime.now(UTC)
        dated = [{**row, "run": run, "created_at": now} for row in rows]
        self._reached(lambda: self._insert(dated))

    async def said(self, user_id: str) -> Preferences:
        """Return what a user likes and skips, in one query.

        Raises:
            FeedbackUnavailable: as for `add`.
        """
        return await self._in_turn(self._reading, lambda: self.read(user_id))

    def read(self, user_id: str) -> Preferences:
        """Return what a user likes and skips, in this thread; see `said`."""
        self.prepare()
        rows = self._reached(lambda: self._words(user_id))
        said: dict[str, dict[str, None]] = {"like": {}, "skip": {}}
        for item_id, kind in rows:
            if kind in TAKES_BACK:
                said[TAKES_BACK[kind]].pop(item_id, None)
            else:
                said[kind][item_id] = None
        return Preferences([*reversed(said["like"])], [*reversed(said["skip"])])

    def close(self) -> None:
        """Let the connections go."""
        self._engine.dispose()

    def _insert(self, rows: list[dict[str, Any]]) -> None:
        with self._engine.begin() as connection:
            connection.execute(sa.insert(events), rows)

    def _words(self, user_id: str) -> list[tuple[str, str]]:
        with self._engine.connect().execution_options(**{READING: True}) as connection:
            return [(item_id, kind) for item_id, kind in connection.execute(last_words(user_id))]

    async def _in_turn(self, limiter: CapacityLimiter, work: Callable[[], T]) -> T:
        if limiter.statistics().tasks_waiting >= MAX_WAITING:
            raise FeedbackUnavailable(f"{shown(self.url)} does not keep up")
        return await to_thread.run_sync(work, limiter=limiter)

    def _reached(self, work: Callable[[], T]) -> T:
        try:
            return work()
        except (sa.exc.SQLAlchemyError, CommandError, OSError) as error:
            if self.available:
                logger.error("feedback is not taken: %s: %s", shown(self.url), _first_line(error))
            self.available = False  # its tables may be gone as well: look again the next time
            raise FeedbackUnavailable(
                f"{shown(self.url)} does not answer: {_first_line(error)}"
            ) from error


def last_words(user_id: str) -> sa.Select[Any]:
    """Ask for item and kind of what a user said of items, each pair once, the last one last.

    Ids tell the order, not clocks: events that were sent together have one time.
    """
    return (
        sa.select(events.c.item_id, events.c.event)
        .where(events.c.user_id == user_id, SAID)
        .group_by(events.c.item_id, events.c.event)
        .order_by(sa.func.max(events.c.id))
    )


def migrate(engine: sa.Engine, revision: str) -> None:
    """Bring the tables to a revision; of several at once, one does the work.

    Args:
        engine: of the database.
        revision: `head` or one on the way there, such as `0001`; `base`, or `-1` for a step back.
    """
    config = Config()
    config.set_main_option("script_location", str(MIGRATIONS).replace("%", "%%"))
    with engine.begin() as connection:
        if connection.dialect.name == "postgresql":
            connection.execute(sa.select(sa.func.pg_advisory_xact_lock(LOCK)))
        config.attributes["connection"] = connection
        back = revision == "base" or revision.startswith("-")
        (command.downgrade if back else command.upgrade)(config, revision)


def _keep_sqlite_safe(engine: sa.Engine) -> None:
    """Let SQLite write before it says so, let readers read meanwhile, and let a writer wait."""

    @sa.event.listens_for(engine, "connect")
    def _connect(connection: Any, _: Any) -> None:
        connection.isolation_level = None  # the driver begins nothing by itself
        cursor = connection.cursor()
        cursor.execute("PRAGMA journal_mode=WAL")
        cursor.execute("PRAGMA synchronous=FULL")
        cursor.close()

    @sa.event.listens_for(engine, "begin")
    def _begin(connection: sa.Connection) -> None:
        reading = connection.get_execution_options().get(READING)
        connection.exec_driver_sql("BEGIN" if reading else "BEGIN IMMEDIATE")


def _first_line(error: BaseException) -> str:
    return str(getattr(error, "orig", None) or error).strip().splitlines()[0]
