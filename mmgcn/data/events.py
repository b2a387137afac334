"""Events: feedback of users on recommended items, in a database. Needs the extra `serve`."""

from __future__ import annotations

import difflib
import math
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import polars as pl
import sqlalchemy as sa

from extract.extras import install_command

# An impression is no sign of preference; a like is a stronger one than a play.
WEIGHTS = {"impression": 0.0, "play": 1.0, "like": 2.0, "skip": -1.0}
CANCELS = {"unlike": "like", "unskip": "skip"}  # all earlier events of that kind
KINDS = (*WEIGHTS, *CANCELS)
# Exactly the text of the index, which is used only then.
IS_PREFERENCE = sa.text("event IN ('like', 'skip', 'unlike', 'unskip')")
FULL_PLAY_SECONDS = 10.0
CONNECT_SECONDS = 3
NETWORK_MILLISECONDS = 10_000

metadata = sa.MetaData()
events = sa.Table(
    "feedback_events",
    metadata,
    sa.Column("id", sa.BigInteger().with_variant(sa.Integer, "sqlite"), primary_key=True),
    sa.Column("user_id", sa.Text, nullable=False),
    sa.Column("item_id", sa.Text, nullable=False),
    sa.Column("event", sa.String(16), nullable=False),
    sa.Column("seconds", sa.Double),
    sa.Column("run", sa.Text),
    sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
    sa.CheckConstraint(sa.column("event").in_(KINDS), name="feedback_events_kind"),
    sa.Index("feedback_events_pair", "user_id", "item_id"),
    # Impressions and plays, which are many, cost it nothing.
    sa.Index(
        "feedback_events_said",
        *("user_id", "item_id", "event"),
        sqlite_where=IS_PREFERENCE,
        postgresql_where=IS_PREFERENCE,
    ),
)


class EventsError(ValueError):
    """Events that cannot be read; the message says why and what to do."""


def make_engine(url: str, **options: Any) -> sa.Engine:
    """Return an engine for sqlite: or postgresql:; it connects when it is first used.

    Raises:
        EventsError: another database, or its driver is not installed.
    """
    try:
        parsed = sa.make_url(url)
    except sa.exc.ArgumentError as error:
        raise EventsError(
            f"'{url}' is not a database URL, such as sqlite:///feedback.db"
        ) from error
    backend = parsed.get_backend_name()
    if parsed.drivername in ("postgresql", "postgres"):
        parsed = parsed.set(drivername="postgresql+psycopg")
        backend = "postgresql"
    if backend not in ("sqlite", "postgresql"):
        raise EventsError(f"'{shown(url)}' is none of sqlite: and postgresql:")
    if backend == "postgresql":
        options.setdefault(
            "connect_args",
            {
                "connect_timeout": CONNECT_SECONDS,
                "tcp_user_timeout": NETWORK_MILLISECONDS,  # a lost host sends nothing
            },
        )
        options.setdefault("pool_pre_ping", True)
    try:
        return sa.create_engine(parsed, **options)
    except ModuleNotFoundError as error:
        raise EventsError(
            f"postgresql: needs {error.name}; install it with: {install_command('postgres')}"
        ) from error


def shown(url: str) -> str:
    """Return a database URL as it may be shown: without its password.

    >>> shown("postgresql://ann:secret@db/feedback")
    'postgresql://ann:***@db/feedback'
    """
    return sa.make_url(url).render_as_string(hide_password=True)


def parse_weights(text: str) -> dict[str, float]:
    """Return the weight of each kind of event, from text such as `play=1,like=3`.

    Kinds that are not named keep their default.

    >>> parse_weights("like=3")["like"], parse_weights("like=3")["skip"]
    (3.0, -1.0)

    Raises:
        EventsError: no such kind of event, one without a weight of its own, or not a number.
    """
    weights = dict(WEIGHTS)
    for pair in filter(None, text.split(",")):
        kind, _, value = (part.strip() for part in pair.partition("="))
        if kind in CANCELS:
            raise EventsError(
                f"'{kind}' has no weight of its own: it cancels earlier events of the "
                f"kind {CANCELS[kind]}; leave it out"
            )
        if kind not in WEIGHTS:
            near = difflib.get_close_matches(kind, WEIGHTS, n=1)
            hint = f"; did you mean {near[0]}?" if near else f"; known: {', '.join(WEIGHTS)}"
            raise EventsError(f"no kind of event is called '{kind}'{hint}")
        try:
            weights[kind] = float(value)
        except ValueError:
            weights[kind] = math.nan
        if not math.isfinite(weights[kind]):
            raise EventsError(f"'{pair}' is not KIND=NUMBER, for example like=2")
    return weights


def read_events(url: str, weights: Mapping[str, float] | None = None) -> pl.DataFrame:
    """Return the weight of each pair of a user and an item.

    The weight of a pair is the sum of the weights of its events. That of a play is
    w * min(seconds / 10, 1), or w without seconds.

    An unlike cancels every like of that pair that was stored before it, an unskip every skip; their
    weight is 0 then. Later ones count: like, like, unlike, like is one like.

    Returns:
        A table of user_id, item_id, weight and timestamp, one row per pair, the earliest first.
        timestamp is that of its first event with a weight above 0, in seconds since 1970, and null
        where there is none.

    Raises:
        EventsError: the database cannot be read, or contains no events.
    """
    weights = WEIGHTS if weights is None else weights
    _check_there(url)
    seconds, kind = events.c.seconds, events.c.event
    share = sa.case((seconds < FULL_PLAY_SECONDS, seconds / FULL_PLAY_SECONDS), else_=1.0)
    flat = {name: value for name, value in weights.items() if name != "play"}
    weight = sa.case(
        (kind == "play", share * weights["play"]),
        *((kind == name, sa.literal(value, sa.Double)) for name, value in flat.items()),
        else_=0.0,
    )
    cancelled = _cancellations()
    same = (events.c[name] == cancelled.c[name] for name in ("user_id", "item_id", "event"))
    weight = sa.case((events.c.id < cancelled.c.id, 0.0), else_=weight)
    first = sa.func.min(sa.case((weight > 0, events.c.created_at)))
    query = (
        sa.select(events.c.user_id, events.c.item_id, sa.func.sum(weight), first)
        .outerjoin_from(events, cancelled, sa.and_(*same))
        .group_by(events.c.user_id, events.c.item_id)
        .order_by(sa.func.min(events.c.created_at), events.c.user_id, events.c.item_id)
    )
    with _explained(url), make_engine(url, poolclass=sa.NullPool).connect() as connection:
        if not sa.inspect(connection).has_table(events.name):
            raise EventsError(
                f"{shown(url)} has no table {events.name}; `mmgcn serve --feedback {shown(url)}` "
                "creates it"
            )
        rows = [
            (user, item, float(weight), None if when is None else _seconds(when))
            for user, item, weight, when in connection.execute(query)
        ]
    if not rows:
        raise EventsError(f"{shown(url)} contains no events yet")
    schema = {
        "user_id": pl.String,
        "item_id": pl.String,
        "weight": pl.Float64,
        "timestamp": pl.Float64,
    }
    return pl.DataFrame(rows, schema=schema, orient="row")


def _cancellations() -> sa.Subquery:
    """Return user_id, item_id, kind of event, and the id before which events of it are cancelled.

    The order is that of ids, not of times: events that were sent together have the same time.
    """
    kind = sa.case(CANCELS, value=events.c.event).label("event")
    return (
        sa.select(events.c.user_id, events.c.item_id, kind, sa.func.max(events.c.id).label("id"))
        .where(events.c.event.in_(CANCELS))
        .group_by(events.c.user_id, events.c.item_id, events.c.event)
        .subquery()
    )


def _check_there(url: str) -> None:
    """Refuse a file that does not exist: SQLite would create it."""
    parsed = sa.make_url(url) if "://" in url else None
    if parsed is None or parsed.get_backend_name() != "sqlite" or not parsed.database:
        return
    if not Path(parsed.database).is_file():
        raise EventsError(
            f"no database at {parsed.database}; `mmgcn serve --feedback {url}` creates it"
        )


@contextmanager
def _explained(url: str) -> Iterator[None]:
    try:
        yield
    except sa.exc.SQLAlchemyError as error:
        first = str(getattr(error, "orig", None) or error).strip().splitlines()[0]
        raise EventsError(f"{shown(url)} cannot be read: {first}") from error


def _seconds(moment: datetime) -> float:
    """Return seconds since 1970; SQLite keeps no time zone, and what we write there is UTC."""
    return (moment if moment.tzinfo else moment.replace(tzinfo=UTC)).timestamp()
