"""Events: users' feedback on recommended items, in a database. Needs the extra `serve`."""

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

# An impression is no sign of preference; a like is a stronger sign than a play.
WEIGHTS = {"impression": 0.0, "play": 1.0, "like": 2.0, "skip": -1.0}
CANCELS = {"unlike": "like", "unskip": "skip"}  # kind of event -> kind of earlier ones it cancels
KINDS = (*WEIGHTS, *CANCELS)
# A query uses the partial index only if it has exactly this text.
IS_PREFERENCE = sa.text("event IN ('like', 'skip', 'unlike', 'unskip')")
# A play counts from this share of the video, or from this many seconds of a long one.
MIN_PLAY_SHARE = 0.5
MIN_PLAY_SECONDS = 10.0
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
    sa.Column("share", sa.Double),
    sa.Column("run", sa.Text),
    sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
    sa.CheckConstraint(sa.column("event").in_(KINDS), name="feedback_events_kind"),
    sa.Index("feedback_events_pair", "user_id", "item_id"),
    # A partial index: the many impressions and plays do not enlarge it.
    sa.Index(
        "feedback_events_said",
        *("user_id", "item_id", "event"),
        sqlite_where=IS_PREFERENCE,
        postgresql_where=IS_PREFERENCE,
    ),
)


class EventsError(ValueError):
    """Events that cannot be read; the message says why and what to do."""


def make_engine(
    url: str,
    *,
    poolclass: type[sa.Pool] | None = None,
    connect_args: Mapping[str, object] | None = None,
) -> sa.Engine:
    """Return an engine for sqlite: or postgresql:, which connects on first use.

    Raises:
        EventsError: the URL is malformed or of another database, or its driver is not installed.
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
        raise EventsError(f"'{shown(url)}' is not one of sqlite: and postgresql:")
    if backend == "postgresql" and connect_args is None:
        connect_args = {
            "connect_timeout": CONNECT_SECONDS,
            "tcp_user_timeout": NETWORK_MILLISECONDS,  # a lost host sends nothing
        }
    try:
        return sa.create_engine(
            parsed,
            poolclass=poolclass,
            connect_args=dict(connect_args or {}),
            pool_pre_ping=backend == "postgresql",
        )
    except ModuleNotFoundError as error:
        raise EventsError(
            f"postgresql: needs {error.name}; install it with: {install_command('postgres')}"
        ) from error


def shown(url: str) -> str:
    """Return a database URL without its password, for messages.

    >>> shown("postgresql://ann:secret@db/feedback")
    'postgresql://ann:***@db/feedback'
    """
    return sa.make_url(url).render_as_string(hide_password=True)


def parse_weights(text: str) -> dict[str, float]:
    """Return the weight of each kind of event, from text such as `play=1,like=3`.

    Kinds that are not named have their default weight.

    >>> parse_weights("like=3")["like"], parse_weights("like=3")["skip"]
    (3.0, -1.0)

    Raises:
        EventsError: a kind is unknown or has no weight of its own, or a weight is not a number.
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
            nearest = difflib.get_close_matches(kind, WEIGHTS, n=1)
            hint = f"; did you mean {nearest[0]}?" if nearest else f"; known: {', '.join(WEIGHTS)}"
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

    The weight of a pair is the sum of the weights of its events. A play counts if half of the
    video or ten seconds were played, or if the event has neither share nor seconds; other plays
    have weight 0.

    An unlike cancels all likes of the pair that were stored before it, an unskip all skips; these
    have weight 0. Later ones count: like, like, unlike, like is one like.

    Args:
        weights: weight of each kind of event; by default WEIGHTS.

    Returns:
        A table of user_id, item_id, weight, timestamp and skipped, one row per pair, earliest
        first. timestamp is the time of the first event with a positive weight, in seconds since
        1970, or null. skipped is whether the pair has a skip that was not cancelled, and no
        positive weight.

    Raises:
        EventsError: the database cannot be read, or contains no events.
    """
    weights = WEIGHTS if weights is None else weights
    _check_exists(url)
    with _explained(url), make_engine(url, poolclass=sa.NullPool).connect() as connection:
        if not sa.inspect(connection).has_table(events.name):
            raise EventsError(
                f"{shown(url)} has no table {events.name}; `mmgcn serve --feedback {shown(url)}` "
                "creates it"
            )
        columns = sa.inspect(connection).get_columns(events.name)
        has_share = any(column["name"] == "share" for column in columns)
        query = pair_weights(weights, has_share=has_share)
        rows = [
            (
                *(user, item, float(weight)),
                None if when is None else _seconds(when),
                bool(num_skips) and weight <= 0,
            )
            for user, item, weight, when, num_skips in connection.execute(query)
        ]
    if not rows:
        raise EventsError(f"{shown(url)} contains no events yet")
    schema = {
        "user_id": pl.String,
        "item_id": pl.String,
        "weight": pl.Float64,
        "timestamp": pl.Float64,
        "skipped": pl.Boolean,
    }
    return pl.DataFrame(rows, schema=schema, orient="row")


def pair_weights(
    weights: Mapping[str, float], user_id: str | None = None, *, has_share: bool = True
) -> sa.Select[Any]:
    """Return the query of user, item, weight, time of the first positive event, number of skips.

    One row per pair of a user and an item, earliest first; see `read_events`.

    Args:
        weights: weight of each kind of event.
        user_id: user to restrict the query to; None for all.
        has_share: False for tables of an older version, without the column `share`.
    """
    seconds, kind = events.c.seconds, events.c.event
    share = events.c.share if has_share else sa.cast(sa.null(), sa.Double)
    is_short = sa.or_(seconds.is_not(None), share.is_not(None))
    is_short &= sa.func.coalesce(seconds, 0.0) < MIN_PLAY_SECONDS
    is_short &= sa.func.coalesce(share, 0.0) < MIN_PLAY_SHARE
    cancelled = _cancellations()
    weight = sa.case(
        (events.c.id < cancelled.c.id, 0.0),
        (sa.and_(kind == "play", is_short), 0.0),
        *((kind == name, sa.literal(value, sa.Double)) for name, value in weights.items()),
        else_=0.0,
    )
    is_skip = sa.and_(
        kind == "skip", sa.or_(cancelled.c.id.is_(None), events.c.id > cancelled.c.id)
    )
    same = (events.c[name] == cancelled.c[name] for name in ("user_id", "item_id", "event"))
    query = (
        sa.select(
            events.c.user_id,
            events.c.item_id,
            sa.func.sum(weight),
            sa.func.min(sa.case((weight > 0, events.c.created_at))),
            sa.func.sum(sa.case((is_skip, 1), else_=0)),
        )
        .outerjoin_from(events, cancelled, sa.and_(*same))
        .group_by(events.c.user_id, events.c.item_id)
        .order_by(sa.func.min(events.c.created_at), events.c.user_id, events.c.item_id)
    )
    return query if user_id is None else query.where(events.c.user_id == user_id)


def _cancellations() -> sa.Subquery:
    """Return user_id, item_id, kind of event, and the id before which such events are cancelled.

    Events are ordered by id, not by time: events that were sent together have the same time.
    """
    kind = sa.case(CANCELS, value=events.c.event).label("event")
    return (
        sa.select(events.c.user_id, events.c.item_id, kind, sa.func.max(events.c.id).label("id"))
        .where(events.c.event.in_(CANCELS))
        .group_by(events.c.user_id, events.c.item_id, events.c.event)
        .subquery()
    )


def _check_exists(url: str) -> None:
    """Refuse a file that does not exist, which SQLite would create."""
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
    """Return seconds since 1970. SQLite stores no time zone; times are written in UTC."""
    return (moment if moment.tzinfo else moment.replace(tzinfo=UTC)).timestamp()
