"""FeedbackStore: feedback events in a database."""

from __future__ import annotations

import logging
import sqlite3
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

from mmgcn.data.events import (
    CANCELS,
    IS_PREFERENCE,
    WEIGHTS,
    EventsError,
    events,
    make_engine,
    pair_weights,
    shown,
)

logger = logging.getLogger("mmgcn.service")

READING = "mmgcn_reading"  # execution option of a connection that does not wait for writers
MIGRATIONS = Path(__file__).parent / "migrations"
LOCK = 0x6D6D6763  # advisory lock of the migration, for processes that start together
BUSY_SECONDS = 5
MAX_RUNNING, MAX_WAITING = 4, 100  # writing requests, and as many reading ones

T = TypeVar("T")


class FeedbackUnavailable(OSError):
    """The database does not answer; no event was stored."""


@dataclass(frozen=True)
class Preferences:
    """Items that a user likes and skips, by the last event of each item; newest first."""

    liked: list[str]
    skipped: list[str]


class FeedbackStore:
    """Feedback events in a database, whose tables are created or migrated at the first access.

    Args:
        url: sqlite: or postgresql:.

    Raises:
        EventsError: another database, or its driver is not installed.
    """

    def __init__(self, url: str) -> None:
        self.url = url
        if make_engine(url).dialect.name == "sqlite":
            if not sa.make_url(url).database:
                raise EventsError(f"{url} is in memory and would be lost; name a file")
            # One connection per write: a pooled one would still write to a file that was removed.
            self._engine = make_engine(
                url, poolclass=sa.NullPool, connect_args={"timeout": BUSY_SECONDS}
            )
            _make_sqlite_durable(self._engine)
        else:
            self._engine = make_engine(url)
        self._lock = Lock()
        self._writing, self._reading = CapacityLimiter(MAX_RUNNING), CapacityLimiter(MAX_RUNNING)
        self.available = False

    def prepare(self) -> None:
        """Create the tables, or migrate them.

        Raises:
            FeedbackUnavailable: the database cannot be reached, or a newer mmgcn wrote it.
        """
        with self._lock:
            if not self.available:
                self._run(lambda: migrate(self._engine, "head"))
                self.available = True

    async def add(self, rows: Sequence[Mapping[str, Any]], *, run: str) -> None:
        """Store events, all or none, before returning.

        A database that hangs delays only feedback requests.

        Args:
            rows: with user_id, item_id, event and seconds.
            run: name of the run in service.

        Raises:
            FeedbackUnavailable: the database does not answer, or is slower than the events.
        """
        await self._limited(self._writing, lambda: self.write(rows, run))

    def write(self, rows: Sequence[Mapping[str, Any]], run: str) -> None:
        """Store events, all or none, in this thread; see `add`."""
        self.prepare()
        now = datetime.now(UTC)
        dated = [{**row, "run": run, "created_at": now} for row in rows]
        self._run(lambda: self._insert(dated))

    async def preferences(self, user_id: str) -> Preferences:
        """Return the items that a user likes and skips, in one query.

        Raises:
            FeedbackUnavailable: as for `add`.
        """
        return await self._limited(self._reading, lambda: self.read(user_id))

    def read(self, user_id: str) -> Preferences:
        """Return the items that a user likes and skips, in this thread; see `preferences`."""
        self.prepare()
        rows = self._run(lambda: self._rows(last_events(user_id)))
        items: dict[str, dict[str, None]] = {"like": {}, "skip": {}}  # ordered sets
        for item_id, kind in rows:
            if kind in CANCELS:
                items[CANCELS[kind]].pop(item_id, None)
            else:
                items[kind][item_id] = None
        return Preferences([*reversed(items["like"])], [*reversed(items["skip"])])

    async def session(self, user_id: str) -> dict[str, float]:
        """Return the weight of each item that a user gave feedback on, in one query.

        Raises:
            FeedbackUnavailable: as for `add`.
        """
        return await self._limited(self._reading, lambda: self.read_session(user_id))

    def read_session(self, user_id: str) -> dict[str, float]:
        """Return the weights of `session`, in this thread."""
        self.prepare()
        rows = self._run(lambda: self._rows(pair_weights(WEIGHTS, user_id)))
        return {item_id: float(weight) for _, item_id, weight, *_ in rows}

    def close(self) -> None:
        """Close the connections."""
        self._engine.dispose()

    def _insert(self, rows: list[dict[str, Any]]) -> None:
        with self._engine.begin() as connection:
            connection.execute(sa.insert(events), rows)

    def _rows(self, query: sa.Select[Any]) -> list[Any]:
        with self._engine.connect().execution_options(**{READING: True}) as connection:
            return list(connection.execute(query))

    async def _limited(self, limiter: CapacityLimiter, work: Callable[[], T]) -> T:
        if limiter.statistics().tasks_waiting >= MAX_WAITING:
            raise FeedbackUnavailable(f"{shown(self.url)} is slower than the requests")
        return await to_thread.run_sync(work, limiter=limiter)

    def _run(self, work: Callable[[], T]) -> T:
        try:
            return work()
        except (sa.exc.SQLAlchemyError, CommandError, OSError) as error:
            if self.available:
                logger.error("feedback is not stored: %s: %s", shown(self.url), _first_line(error))
            self.available = False  # the tables may be gone, too: check them the next time
            raise FeedbackUnavailable(
                f"{shown(self.url)} does not answer: {_first_line(error)}"
            ) from error


def last_events(user_id: str) -> sa.Select[Any]:
    """Return the query of a user's likes and skips: item and kind, each pair once, latest last.

    Ordered by id, not by time: events of one request have the same time.
    """
    return (
        sa.select(events.c.item_id, events.c.event)
        .where(events.c.user_id == user_id, IS_PREFERENCE)
        .group_by(events.c.item_id, events.c.event)
        .order_by(sa.func.max(events.c.id))
    )


def migrate(engine: sa.Engine, revision: str) -> None:
    """Migrate the tables to a revision; of several processes at once, only one does so.

    Args:
        engine: engine of the database.
        revision: `head`, one before it such as `0001`, `base`, or `-1` for one step back.
    """
    config = Config()
    config.set_main_option("script_location", str(MIGRATIONS).replace("%", "%%"))
    with engine.begin() as connection:
        if connection.dialect.name == "postgresql":
            connection.execute(sa.select(sa.func.pg_advisory_xact_lock(LOCK)))
        config.attributes["connection"] = connection
        back = revision == "base" or revision.startswith("-")
        (command.downgrade if back else command.upgrade)(config, revision)


def _make_sqlite_durable(engine: sa.Engine) -> None:
    """Configure SQLite to sync each write, to allow reads during a write, and to queue writers."""

    @sa.event.listens_for(engine, "connect")
    def _connect(connection: sqlite3.Connection, _: object) -> None:
        connection.isolation_level = None  # transactions begin in `_begin` only
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
