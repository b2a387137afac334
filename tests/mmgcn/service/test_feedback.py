"""Feedback on SQLite and on Postgres: what was acknowledged is stored, and nothing else."""

import threading
from concurrent.futures import FIRST_COMPLETED, ThreadPoolExecutor, wait
from datetime import UTC, datetime

import pytest
import sqlalchemy as sa
from alembic.autogenerate import compare_metadata
from alembic.migration import MigrationContext

from mmgcn.data.events import EventsError, events, make_engine, metadata, shown
from mmgcn.service.feedback import FeedbackStore, FeedbackUnavailable, migrate
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


def stored(url):
    engine = make_engine(url, poolclass=sa.NullPool)
    with engine.connect() as connection:
        return [dict(row._mapping) for row in connection.execute(sa.select(events))]


def test_what_is_acknowledged_is_stored(serve, url):
    client = serve(feedback=url)
    answer = client.post("/v1/feedback", json={"events": [LIKE, PLAY]})
    assert (answer.status_code, answer.json()) == (201, {"stored": 2})
    rows = stored(url)
    assert [{name: row[name] for name in LIKE} for row in rows] == [LIKE, PLAY]
    assert {row["run"] for row in rows} == {"first"}
    assert client.get("/readyz").json()["feedback"] == "on"


def test_many_at_once_are_all_stored(serve, url):
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


def test_half_a_character_is_refused(serve, tmp_path):
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


def test_without_a_database_feedback_is_503_and_lists_go_on(serve, tmp_path):
    for url in (None, f"sqlite:///{tmp_path}/none/feedback.db", "postgresql://127.0.0.1:1/none"):
        client = serve(feedback=url)
        answer = client.post("/v1/feedback", json={"events": [LIKE]})
        assert answer.status_code == 503
        assert "feedback" in answer.json()["error"]
        assert client.get("/v1/recommend/ann").status_code == 200
        assert client.get("/readyz").json()["feedback"] == ("unavailable" if url else "off")


def test_a_database_that_hangs_holds_up_feedback_alone(serve, tmp_path, monkeypatch):
    monkeypatch.setattr("mmgcn.service.feedback.MAX_WAITING", 2)
    client = serve(feedback=f"sqlite:///{tmp_path}/feedback.db")
    goes_on = threading.Event()
    monkeypatch.setattr(FeedbackStore, "write", lambda *_: goes_on.wait())
    with ThreadPoolExecutor(20) as pool:

        def send(_):
            return client.post("/v1/feedback", json={"events": [LIKE]}).status_code

        waiting = [pool.submit(send, number) for number in range(20)]
        done, _ = wait(waiting, return_when=FIRST_COMPLETED)
        assert done.pop().result() == 503
        for path in ("/v1/recommend/ann", "/v1/items", "/v1/users/ann"):
            assert client.get(path).status_code == 200
        goes_on.set()
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
    assert "feedback is not taken" in caplog.text
    file.rmdir()
    assert client.post("/v1/feedback", json={"events": [LIKE]}).status_code == 201
    assert len(stored(f"sqlite:///{file}")) == 1


@pytest.mark.parametrize("url", ["postgres"], indirect=True)
def test_connections_that_broke_are_made_anew(serve, url):
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


def test_a_removed_file_takes_nothing_that_is_lost(serve, tmp_path):
    file = tmp_path / "feedback.db"
    client = serve(feedback=f"sqlite:///{file}")
    for part in tmp_path.glob("feedback.db*"):
        part.unlink()
    statuses = [client.post("/v1/feedback", json={"events": [LIKE]}).status_code for _ in range(3)]
    assert len(stored(f"sqlite:///{file}")) == statuses.count(201) > 0


def test_the_migrations_make_the_tables_that_the_code_uses(url):
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
        made = sa.inspect(connection)
        columns = {column["name"]: column["nullable"] for column in made.get_columns(events.name)}
        assert columns == {column.name: bool(column.nullable) for column in events.columns}
        (check,) = made.get_check_constraints(events.name)
        assert check["name"] == "feedback_events_kind"
    love = sa.insert(events).values(**LIKE | {"event": "love", "created_at": datetime.now(UTC)})
    with engine.connect() as connection, pytest.raises(sa.exc.IntegrityError):
        connection.execute(love)
    migrate(engine, "base")
    with engine.connect() as connection:
        assert not sa.inspect(connection).has_table(events.name)


def test_several_processes_may_start_at_once(url):
    stores = [FeedbackStore(url) for _ in range(4)]
    with ThreadPoolExecutor(4) as pool:
        list(pool.map(lambda store: store.prepare(), stores))
    assert all(store.available for store in stores)
    for store in stores:
        store.close()


def test_tables_of_a_newer_version_are_left_alone(tmp_path):
    url = f"sqlite:///{tmp_path}/feedback.db"
    FeedbackStore(url).prepare()
    engine = make_engine(url, poolclass=sa.NullPool)
    with engine.begin() as connection:
        connection.execute(sa.text("update feedback_version set version_num = '9999'"))
    with pytest.raises(FeedbackUnavailable, match="9999"):
        FeedbackStore(url).prepare()


def test_a_database_of_another_kind_is_refused():
    with pytest.raises(EventsError, match="none of sqlite: and postgresql:"):
        make_engine("mysql://ann:secret@db/x")
    with pytest.raises(EventsError, match="is no database URL"):
        make_engine("feedback.db")
    with pytest.raises(EventsError, match="in memory and forgets"):
        FeedbackStore("sqlite://")
    assert "secret" not in shown("postgresql://ann:secret@db/x")
