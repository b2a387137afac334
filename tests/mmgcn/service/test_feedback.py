"""Feedback on SQLite and on Postgres: exactly the acknowledged events are stored."""

import threading
from concurrent.futures import FIRST_COMPLETED, ThreadPoolExecutor, wait
from datetime import UTC, datetime
from typing import get_args

import numpy as np
import pytest
import sqlalchemy as sa
from alembic.autogenerate import compare_metadata
from alembic.migration import MigrationContext

from mmgcn.data.events import (
    KINDS,
    WEIGHTS,
    EventsError,
    events,
    make_engine,
    metadata,
    read_events,
    shown,
)
from mmgcn.service.feedback import FeedbackStore, FeedbackUnavailable, last_events, migrate
from mmgcn.service.feedback_schemas import EventKind
from tests.databases import postgres_url

LIKE = {"user_id": "ann", "item_id": "b", "event": "like", "seconds": None}
PLAY = {"user_id": "émile ☂", "item_id": "d/e", "event": "play", "seconds": 7.5}


@pytest.fixture(scope="session")
def postgres():
    with postgres_url() as url:
        yield url


@pytest.fixture(params=["sqlite", "postgres"])
def url(request, tmp_path):
    """An empty database of each kind."""
    if request.param == "sqlite":
        yield f"sqlite:///{tmp_path}/feedback.db"
        return
    url = request.getfixturevalue("postgres")
    yield url
    engine = make_engine(url)
    with engine.begin() as connection:
        connection.execute(sa.text("drop table if exists feedback_events, feedback_version"))
    engine.dispose()


def stored(url, *, without=""):
    """Every event; without a column that an older version lacks."""
    engine = make_engine(url, poolclass=sa.NullPool)
    columns = [column for column in events.columns if column.name != without]
    with engine.connect() as connection:
        return [dict(row._mapping) for row in connection.execute(sa.select(*columns))]


def test_acknowledged_events_are_stored(serve, url):
    client = serve(feedback=url)
    answer = client.post("/v1/feedback", json={"events": [LIKE, PLAY]})
    assert (answer.status_code, answer.json()) == (201, {"stored": 2})
    rows = stored(url)
    assert [{name: row[name] for name in LIKE} for row in rows] == [LIKE, PLAY]
    assert {row["run"] for row in rows} == {"first"}
    assert client.get("/readyz").json()["feedback"] == "on"


def test_every_kind_of_the_document_is_stored(serve, url):
    client = serve(feedback=url)
    assert get_args(EventKind) == KINDS
    sent = [LIKE | {"event": kind} for kind in KINDS]
    assert client.post("/v1/feedback", json={"events": sent}).status_code == 201
    assert [row["event"] for row in stored(url)] == list(KINDS)
    counts = client.get("/metrics").text
    assert 'mmgcn_feedback_events_total{event="unlike"} 1.0' in counts


def test_events_of_one_request_count_in_their_order(serve, url):
    client = serve(feedback=url)
    for item, kinds in {"a": ("like", "unlike"), "b": ("unlike", "like")}.items():
        sent = [LIKE | {"item_id": item, "event": kind} for kind in kinds]
        assert client.post("/v1/feedback", json={"events": sent}).status_code == 201
    assert read_events(url).select("item_id", "weight").rows() == [("a", 0), ("b", 2)]


def random_events(url):
    """Store events of four users and five items in any order, and return them."""
    rng = np.random.default_rng(0)
    engine = make_engine(url, poolclass=sa.NullPool)
    migrate(engine, "head")
    rows = [
        {
            "user_id": f"u{rng.integers(4)}",
            "item_id": f"i{rng.integers(5)}",
            "event": str(rng.choice(KINDS)),
            "seconds": None,
            "created_at": datetime.fromtimestamp(second, UTC),
        }
        for second in range(400)
    ]
    with engine.begin() as connection:
        connection.execute(sa.insert(events), rows)
    return rows


def test_events_are_read_as_by_a_loop_over_them(url):
    rows = random_events(url)
    counting = {}  # of each pair, (kind, time) of what was not taken back
    for time, row in enumerate(rows):
        kept = counting.setdefault((row["user_id"], row["item_id"]), [])
        kept.append((row["event"], time))
        if row["event"].startswith("un"):
            kept[:] = [(kind, when) for kind, when in kept if f"un{kind}" != row["event"]]
    expected = {
        pair: (
            sum(WEIGHTS.get(kind, 0) for kind, _ in kept),
            min((when for kind, when in kept if kind in ("play", "like")), default=None),
        )
        for pair, kept in counting.items()
    }
    read = {(user, item): (weight, time) for user, item, weight, time, _ in read_events(url).rows()}
    assert read == expected


def test_preferences_are_those_of_a_loop_over_the_events(serve, url):
    expected = {f"u{user}": {"like": [], "skip": []} for user in range(5)}  # u4 has none
    for row in random_events(url):
        kind = row["event"].removeprefix("un")
        if kind in ("like", "skip"):
            items = expected[row["user_id"]][kind]
            if row["item_id"] in items:
                items.remove(row["item_id"])
            if kind == row["event"]:
                items.insert(0, row["item_id"])
    client = serve(feedback=url)
    for user, words in expected.items():
        answer = client.get(f"/v1/feedback/{user}")
        body = {"user_id": user, "liked": words["like"], "skipped": words["skip"], "next": None}
        assert (answer.status_code, answer.json()) == (200, body)
        found = {"like": [], "skip": []}
        page = {"next": ""}
        while page["next"] is not None:
            options = {"limit": 1} | ({"cursor": page["next"]} if page["next"] else {})
            page = client.get(f"/v1/feedback/{user}", params=options).json()
            assert len(page["liked"]) <= 1
            found["like"] += page["liked"]
            found["skip"] += page["skipped"]
        assert found == words


def test_pages_of_preferences_are_those_of_one_state(serve, url):
    client = serve(feedback=url)
    likes = [LIKE | {"item_id": item} for item in ("a", "b", "c")]
    assert client.post("/v1/feedback", json={"events": likes}).status_code == 201
    first = client.get("/v1/feedback/ann?limit=2").json()
    assert (first["liked"], first["skipped"]) == (["c", "b"], [])
    following = {"limit": 2, "cursor": first["next"]}
    assert client.get("/v1/feedback/ann", params=following).json()["liked"] == ["a"]
    client.post("/v1/feedback", json={"events": [LIKE | {"event": "skip"}]})
    answer = client.get("/v1/feedback/ann", params=following)
    assert (answer.status_code, answer.json()["code"]) == (410, "cursor_expired")


def test_preferences_are_found_by_an_index(url):
    random_events(url)
    engine = make_engine(url, poolclass=sa.NullPool)
    query = str(last_events("u0").compile(engine, compile_kwargs={"literal_binds": True}))
    with engine.connect() as connection:
        explain = "EXPLAIN QUERY PLAN "
        if engine.dialect.name == "postgresql":  # which looks through a small table as a whole
            connection.execute(sa.text("SET enable_seqscan = off"))
            explain = "EXPLAIN "
        plan = connection.execute(sa.text(explain + query)).all()
    assert "feedback_events_said" in str(plan)


def test_readers_do_not_wait_for_writers(serve, tmp_path):
    url = f"sqlite:///{tmp_path}/feedback.db"
    client = serve(feedback=url)
    assert client.post("/v1/feedback", json={"events": [LIKE]}).status_code == 201
    with make_engine(url, poolclass=sa.NullPool).connect() as writing:
        writing.exec_driver_sql("BEGIN IMMEDIATE")
        assert client.get("/v1/feedback/ann").json()["liked"] == ["b"]


def test_feedback_to_one_worker_is_visible_to_the_others(serve, url):
    first, second = serve(feedback=url), serve(feedback=url)
    for kind, liked in (("like", ["b"]), ("unlike", []), ("like", ["b"])):
        sent = {"events": [LIKE | {"event": kind}]}
        assert first.post("/v1/feedback", json=sent).status_code == 201
        for client in (first, second):
            assert client.get("/v1/feedback/ann").json()["liked"] == liked


def test_a_list_excludes_skipped_items_on_request(serve, url):
    first, second = serve(feedback=url), serve(feedback=url)

    def lists(**options):
        options = {"k": 3, "filter_skipped": True, **options}
        answers = [client.get("/v1/recommend/ann", params=options) for client in (first, second)]
        one, another = ([card["item_id"] for card in answer.json()["items"]] for answer in answers)
        assert one == another
        return one

    def say(kind, *items):
        sent = {"events": [LIKE | {"item_id": item, "event": kind} for item in items]}
        assert first.post("/v1/feedback", json=sent).status_code == 201

    assert lists() == ["b", "d/e", "mörk 100%"]
    say("skip", "d/e")
    assert lists() == ["b", "mörk 100%"]
    assert lists(k=1) == ["b"]
    assert lists(filter_skipped=False) == ["b", "d/e", "mörk 100%"]
    assert "d/e" not in lists(diversity=0.5)
    say("skip", "b")
    assert lists(filter_seen=False) == ["a", "c", "mörk 100%"]
    say("unskip", "b", "d/e")
    insert(url, "skip", item="of another run")
    assert lists() == ["b", "d/e", "mörk 100%"]


def test_a_list_is_ranked_with_the_session_on_request(serve, url):
    client = serve(feedback=url)

    def ranked(**options):
        answer = client.get("/v1/recommend/bob", params={"k": 5, "session": True, **options})
        assert answer.status_code == 200
        assert answer.headers["cache-control"] == "no-store"
        return answer.json()

    before = ranked()
    plain = client.get("/v1/recommend/bob?k=5").json()
    assert before["session"] == {"items": [], "is_reranked": False}
    assert [card["item_id"] for card in before["items"]] == [
        card["item_id"] for card in plain["items"]
    ]
    assert all(card["rank"] == card["rank_before"] for card in before["items"])
    first = ranked(k=2)
    sent = {"events": [{"user_id": "bob", "item_id": "c", "event": "like"}]}
    assert client.post("/v1/feedback", json=sent).status_code == 201
    after = ranked()
    assert after["session"] == {"items": ["c"], "is_reranked": True}
    rose = {card["item_id"]: card for card in after["items"] if card["rank"] < card["rank_before"]}
    assert rose["d/e"]["because"] == "c"
    assert "because" not in plain["items"][0]
    why = client.get("/v1/explain?user_id=bob&item_id=d/e&session=true").json()
    assert why["score"] == pytest.approx(rose["d/e"]["score"], rel=1e-5)
    assert "c" not in [card["item_id"] for card in ranked(filter_liked=True)["items"]]
    answer = client.get(
        "/v1/recommend/bob", params={"k": 2, "session": True, "cursor": first["next"]}
    )
    assert (answer.status_code, answer.json()["code"]) == (410, "cursor_expired")
    new = {"events": [{"user_id": "new", "item_id": "c", "event": "like"}]}
    assert client.get("/v1/recommend/new?session=true").status_code == 404
    assert client.post("/v1/feedback", json=new).status_code == 201
    found = client.get("/v1/recommend/new?session=true&filter_liked=true&k=1").json()
    assert (found["session"]["items"], len(found["items"])) == (["c"], 1)


def test_a_like_is_withdrawn_with_delete(serve, url):
    client = serve(feedback=url)
    assert client.post("/v1/feedback", json={"events": [LIKE]}).status_code == 201
    params = {"user_id": "ann", "item_id": "b", "event": "like"}
    for _ in range(2):
        answer = client.delete("/v1/feedback", params=params)
        assert (answer.status_code, answer.json()) == (200, {"stored": 1})
        assert client.get("/v1/feedback/ann").json()["liked"] == []
    assert [row["event"] for row in stored(url)] == ["like", "unlike", "unlike"]
    answer = client.delete("/v1/feedback", params=params | {"event": "play"})
    assert answer.json()["detail"] == "event is 'play'; expected 'like' or 'skip'"
    answer = client.delete("/v1/feedback", params=params | {"item_id": "zz"})
    assert (answer.status_code, answer.json()["code"]) == (404, "unknown_item")


def test_concurrent_events_are_all_stored(serve, url):
    client = serve(feedback=url)
    with ThreadPoolExecutor(8) as pool:
        answers = list(
            pool.map(lambda _: client.post("/v1/feedback", json={"events": [LIKE]}), range(24))
        )
    assert {answer.status_code for answer in answers} == {201}
    assert len(stored(url)) == 24


@pytest.mark.parametrize(
    ("change", "field"),
    [
        ({"event": "love"}, "events.1.event"),
        ({"seconds": -1}, "events.1.seconds"),
        ({"seconds": "long"}, "events.1.seconds"),
        ({"user_id": ""}, "events.1.user_id"),
        ({"user_id": "a\x00"}, "events.1.user_id"),
        ({"user_id": "x" * 600}, "events.1.user_id"),
        ({"item_id": 7}, "events.1.item_id"),
    ],
)
def test_a_malformed_event_is_named_and_none_is_stored(serve, tmp_path, change, field):
    url = f"sqlite:///{tmp_path}/feedback.db"
    answer = serve(feedback=url).post("/v1/feedback", json={"events": [LIKE, LIKE | change]})
    assert answer.status_code == 422
    assert answer.json()["field"] == field
    assert stored(url) == []


def test_a_lone_surrogate_is_refused(serve, tmp_path):
    body = b'{"events": [{"user_id": "\\ud800", "item_id": "a", "event": "like"}]}'
    answer = serve(feedback=f"sqlite:///{tmp_path}/feedback.db").post(
        "/v1/feedback", content=body, headers={"content-type": "application/json"}
    )
    assert answer.status_code == 422


def test_an_unknown_item_is_404_and_none_is_stored(serve, tmp_path):
    url = f"sqlite:///{tmp_path}/feedback.db"
    client = serve(feedback=url)
    answer = client.post("/v1/feedback", json={"events": [LIKE, LIKE | {"item_id": "mork 100"}]})
    assert answer.status_code == 404
    assert answer.json()["nearest"] == ["mörk 100%"]
    assert stored(url) == []


def test_without_a_database_feedback_is_503_and_lists_are_served(serve, tmp_path):
    for url in (None, f"sqlite:///{tmp_path}/none/feedback.db", "postgresql://127.0.0.1:1/none"):
        client = serve(feedback=url)
        answer = client.post("/v1/feedback", json={"events": [LIKE]})
        assert answer.status_code == 503
        assert "feedback" in answer.json()["detail"]
        for path in ("/v1/feedback/ann", "/v1/recommend/ann?filter_skipped=true"):
            answer = client.get(path)
            assert answer.status_code == 503
            assert "feedback" in answer.json()["detail"]
        assert client.get("/v1/recommend/ann").status_code == 200
        assert client.get("/readyz").json()["feedback"] == ("unavailable" if url else "off")


def test_a_hanging_database_delays_only_feedback(serve, tmp_path, monkeypatch):
    monkeypatch.setattr("mmgcn.service.feedback.MAX_WAITING", 2)
    client = serve(feedback=f"sqlite:///{tmp_path}/feedback.db")
    answers_again = threading.Event()
    monkeypatch.setattr(FeedbackStore, "write", lambda *_: answers_again.wait())
    with ThreadPoolExecutor(20) as pool:

        def send(_):
            return client.post("/v1/feedback", json={"events": [LIKE]}).status_code

        waiting = [pool.submit(send, number) for number in range(20)]
        done, _ = wait(waiting, return_when=FIRST_COMPLETED)
        assert done.pop().result() == 503
        for path in ("/v1/recommend/ann", "/v1/items", "/v1/users/ann", "/v1/feedback/ann"):
            assert client.get(path).status_code == 200
        answers_again.set()
        statuses = [answer.result() for answer in waiting]
    assert statuses.count(201) >= 4
    assert set(statuses) == {201, 503}


def test_a_database_that_comes_back_is_used_again(serve, tmp_path, caplog):
    file = tmp_path / "feedback.db"
    client = serve(feedback=f"sqlite:///{file}")
    assert client.post("/v1/feedback", json={"events": [LIKE]}).status_code == 201
    for part in tmp_path.glob("feedback.db*"):
        part.unlink()
    file.mkdir()
    answer = client.post("/v1/feedback", json={"events": [LIKE]})
    assert (answer.status_code, answer.headers["retry-after"]) == (503, "5")
    assert "feedback is not stored" in caplog.text
    file.rmdir()
    assert client.post("/v1/feedback", json={"events": [LIKE]}).status_code == 201
    assert len(stored(f"sqlite:///{file}")) == 1


@pytest.mark.parametrize("url", ["postgres"], indirect=True)
def test_broken_connections_are_replaced(serve, url):
    client = serve(feedback=url)
    assert client.post("/v1/feedback", json={"events": [LIKE]}).status_code == 201
    engine = make_engine(url, poolclass=sa.NullPool)
    with engine.connect() as connection:
        connection.execute(
            sa.text(
                "select pg_terminate_backend(pid) from pg_stat_activity "
                "where pid <> pg_backend_pid() and backend_type = 'client backend'"
            )
        )
    assert client.post("/v1/feedback", json={"events": [LIKE]}).status_code == 201
    assert len(stored(url)) == 2


def test_events_acknowledged_after_the_file_was_removed_are_stored(serve, tmp_path):
    file = tmp_path / "feedback.db"
    client = serve(feedback=f"sqlite:///{file}")
    for part in tmp_path.glob("feedback.db*"):
        part.unlink()
    statuses = [client.post("/v1/feedback", json={"events": [LIKE]}).status_code for _ in range(3)]
    assert len(stored(f"sqlite:///{file}")) == statuses.count(201) > 0


def test_the_migrations_create_the_tables_of_the_code(url):
    engine = make_engine(url, poolclass=sa.NullPool)
    migrate(engine, "head")
    migrate(engine, "head")  # a second time does nothing
    with engine.connect() as connection:
        context = MigrationContext.configure(
            connection,
            opts={
                "include_name": lambda name, kind, _: kind != "table" or name == events.name,
                "compare_type": True,
            },
        )
        assert compare_metadata(context, metadata) == []
        tables = sa.inspect(connection)
        columns = {column["name"]: column["nullable"] for column in tables.get_columns(events.name)}
        assert columns == {column.name: bool(column.nullable) for column in events.columns}
        (check,) = tables.get_check_constraints(events.name)
        assert check["name"] == "feedback_events_kind"
    love = sa.insert(events).values(**LIKE | {"event": "love", "created_at": datetime.now(UTC)})
    with engine.connect() as connection, pytest.raises(sa.exc.IntegrityError):
        connection.execute(love)
    migrate(engine, "base")
    with engine.connect() as connection:
        assert not sa.inspect(connection).has_table(events.name)


def insert(url, *kinds, item="a"):
    """Store events of ann, in this order."""
    engine = make_engine(url, poolclass=sa.NullPool)
    now = datetime.now(UTC)
    with engine.begin() as connection:
        for kind in kinds:
            row = LIKE | {"item_id": item, "event": kind, "created_at": now}
            connection.execute(sa.insert(events), row)


def test_tables_of_an_older_version_keep_their_events(url):
    engine = make_engine(url, poolclass=sa.NullPool)
    migrate(engine, "0001")
    insert(url, "impression", "play", "like", "skip")
    before = stored(url, without="share")
    assert read_events(url)["weight"].to_list() == [2]
    with pytest.raises(sa.exc.IntegrityError):
        insert(url, "unlike")
    store = FeedbackStore(url)
    store.write([LIKE | {"item_id": "a", "event": "unlike"}], "first")
    store.close()
    assert stored(url, without="share")[:-1] == before
    assert stored(url)[-1]["event"] == "unlike"
    assert read_events(url)["weight"].to_list() == [0]
    indexes = sa.inspect(engine).get_indexes(events.name)
    assert {index["name"]: index["column_names"] for index in indexes} == {
        "feedback_events_pair": ["user_id", "item_id"],
        "feedback_events_said": ["user_id", "item_id", "event"],
    }


def test_after_a_downgrade_cancelled_events_do_not_count_again(url):
    engine = make_engine(url, poolclass=sa.NullPool)
    migrate(engine, "head")
    insert(url, "play", "like", "like", "unlike", "skip", "like", "unskip", item="a")
    insert(url, "unlike", "like", "skip", item="b")
    before = read_events(url).drop("timestamp", "skipped").rows()
    assert before == [("ann", "a", 3), ("ann", "b", 1)]
    migrate(engine, "-3")
    kept = [(row["item_id"], row["event"]) for row in stored(url, without="share")]
    assert kept == [("a", "play"), ("a", "like"), ("b", "like"), ("b", "skip")]
    assert read_events(url).drop("timestamp", "skipped").rows() == before
    with pytest.raises(sa.exc.IntegrityError):
        insert(url, "unlike")
    migrate(engine, "head")
    insert(url, "unlike")


def test_several_processes_may_start_at_once(url, monkeypatch):
    monkeypatch.setattr("mmgcn.service.feedback.BUSY_SECONDS", 300)  # on a busy machine, too
    stores = [FeedbackStore(url) for _ in range(4)]
    with ThreadPoolExecutor(4) as pool:
        list(pool.map(lambda store: store.prepare(), stores))
    assert all(store.available for store in stores)
    for store in stores:
        store.close()


def test_tables_of_a_newer_version_are_not_changed(tmp_path):
    url = f"sqlite:///{tmp_path}/feedback.db"
    FeedbackStore(url).prepare()
    engine = make_engine(url, poolclass=sa.NullPool)
    with engine.begin() as connection:
        connection.execute(sa.text("update feedback_version set version_num = '9999'"))
    with pytest.raises(FeedbackUnavailable, match="9999"):
        FeedbackStore(url).prepare()


def test_a_database_of_another_kind_is_refused():
    with pytest.raises(EventsError, match="is not one of sqlite: and postgresql:"):
        make_engine("mysql://ann:secret@db/x")
    with pytest.raises(EventsError, match="is not a database URL"):
        make_engine("feedback.db")
    with pytest.raises(EventsError, match="in memory and would be lost"):
        FeedbackStore("sqlite://")
    assert "secret" not in shown("postgresql://ann:secret@db/x")
