"""A newer run replaces the old one, and an incomplete run never does."""

import json
import shutil
import threading
from queue import Queue

import pytest

from mmgcn.run_writing import move_latest
from mmgcn.service.cache import ResponseCache
from mmgcn.service.reload import Reloader
from tests.mmgcn.service.conftest import write_small_run


@pytest.fixture
def reloader(client):
    return Reloader(client.app.state.service)


def score(client):
    """The score of bob's best item, which differs between the runs."""
    body = client.get("/v1/recommend/bob?k=1").json()
    return body["run"], body["items"][0]["score"]


def test_a_new_run_is_loaded_and_its_responses_are_not_those_of_the_old_one(client, runs, reloader):
    assert score(client) == ("first", 1.0)
    assert not reloader.check()
    move_latest(write_small_run(runs / "second", first=3.0))
    assert score(client) == ("first", 1.0)
    assert reloader.check()
    assert score(client) == ("second", 3.0)
    assert client.get("/readyz").json()["run"] == "second"
    assert not reloader.check()


def test_a_text_file_names_a_run_as_a_link_does(serve, runs):
    (runs / "latest").unlink()
    (runs / "latest").write_text("first\n")
    client = serve()
    reloader = Reloader(client.app.state.service)
    write_small_run(runs / "second", first=3.0)
    (runs / "latest").write_text("second\n")
    assert reloader.check()
    assert score(client) == ("second", 3.0)


def test_a_run_that_is_rewritten_is_loaded(serve, runs):
    client = serve(run=runs / "first")
    reloader = Reloader(client.app.state.service)
    shutil.rmtree(runs / "first")
    write_small_run(runs / "first", first=2.0)
    assert reloader.check()
    assert score(client) == ("first", 2.0)


def break_config(folder):
    config = json.loads((folder / "config.json").read_text())
    (folder / "config.json").write_text(json.dumps(config | {"schema_version": 99}))


BROKEN = {
    "unfinished": lambda folder: (folder / "config.json").unlink(),
    "newer mmgcn": break_config,
    "corrupt": lambda folder: (folder / "item.npy").write_bytes(b"half"),
    "lacks users.parquet": lambda folder: (folder / "users.parquet").unlink(),
    "lacks parts/acoustic.npy": lambda folder: (folder / "parts" / "acoustic.npy").unlink(),
    "lacks popularity.npy": lambda folder: (folder / "popularity.npy").unlink(),
    "lacks seen_indices.npy": lambda folder: (folder / "seen_indices.npy").unlink(),
    "metrics.jsonl is corrupt": lambda folder: (folder / "metrics.jsonl").write_text('{"epo'),
    "no run at": shutil.rmtree,
}


@pytest.mark.parametrize("message", BROKEN)
def test_an_incomplete_run_is_refused_once_and_the_old_one_stays(
    client, runs, reloader, caplog, message
):
    second = write_small_run(runs / "second", first=3.0)
    BROKEN[message](second)
    move_latest(second)
    assert not reloader.check()
    assert not reloader.check()
    refusals = [r.getMessage() for r in caplog.records if r.levelname == "ERROR"]
    assert len(refusals) == 1
    assert refusals[0].startswith("first stays in service: ")
    assert message in refusals[0]
    assert score(client) == ("first", 1.0)
    assert client.get("/readyz").status_code == 200
    shutil.rmtree(second, ignore_errors=True)
    write_small_run(second, first=3.0)  # and when it is whole it is taken up
    assert reloader.check()
    assert score(client) == ("second", 3.0)


def test_no_request_fails_while_runs_are_replaced(client, runs, reloader):
    answers, stop = Queue(), threading.Event()

    def ask(user):
        while not stop.is_set():
            answer = client.get(f"/v1/recommend/{user}?k=1&filter_seen=false")
            answers.put((answer.status_code, answer.json().get("run")))

    threads = [threading.Thread(target=ask, args=(user,), daemon=True) for user in ("ann", "bob")]
    for thread in threads:
        thread.start()
    for number in range(8):
        move_latest(write_small_run(runs / f"run-{number}", first=number + 2.0))
        assert reloader.check()
        assert score(client) == (f"run-{number}", number + 2.0)
        response = None
        while response != (200, f"run-{number}"):  # until they have seen the new one as well
            response = answers.get(timeout=60)
            assert response[0] == 200
    stop.set()
    for thread in threads:
        thread.join()
    assert all(answers.get()[0] == 200 for _ in range(answers.qsize()))


def test_cached_responses_are_limited_in_bytes():
    answers = ResponseCache(max_bytes=10)
    answers.put(b"a", b"1234")
    answers.put(b"b", b"1234")
    assert answers.get(b"a") == b"1234"  # now b is the least recent
    answers.put(b"c", b"1234")
    assert [answers.get(name) for name in (b"a", b"b", b"c")] == [b"1234", None, b"1234"]
    answers.put(b"a", b"12345678")
    assert [answers.get(name) for name in (b"a", b"c")] == [b"12345678", None]
    answers.put(b"d", b"x" * 11)
    assert answers.get(b"d") is None
