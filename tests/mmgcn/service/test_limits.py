"""Limits on the rate of a client and on the length of requests."""

import asyncio

import pytest

from mmgcn.service import limits
from mmgcn.service.limits import BodyLimit, RateLimit


def test_a_client_over_its_rate_gets_the_time_to_retry(serve):
    client = serve(requests_per_second=0.01)  # one in 100 seconds, however slow the test is
    statuses = [client.get("/v1/users").status_code for _ in range(3)]
    assert statuses == [200, 429, 429]
    answer = client.get("/v1/users")
    assert 1 < int(answer.headers["retry-after"]) <= 100
    assert answer.json()["code"] == "too_many_requests"
    assert answer.json()["detail"].startswith("wait ")
    assert client.get("/healthz").status_code == 200


def test_the_rate_is_that_of_each_client_and_comes_back_with_time():
    now = [0.0]
    limit = RateLimit(None, 2.0, clock=lambda: now[0]).bucket
    assert [limit.wait_seconds("a") for _ in range(5)] == [0, 0, 0, 0, 0.5]
    assert limit.wait_seconds("b") == 0
    now[0] = 0.5
    assert limit.wait_seconds("a") == 0
    assert limit.wait_seconds("a") == 0.5


def test_the_number_of_tracked_clients_is_limited(monkeypatch):
    monkeypatch.setattr(limits, "MAX_CLIENTS", 3)
    limit = RateLimit(None, 1.0, clock=lambda: 0.0).bucket
    for number in range(10):
        limit.wait_seconds(str(number))
    assert list(limit._clients) == ["7", "8", "9"]


def test_a_long_body_is_refused_whatever_its_content_length(serve):
    client = serve(max_body_bytes=1000)
    for content in (b"x" * 1001, iter([b"x" * 600, b"x" * 600])):
        answer = client.post("/v1/history", content=content)
        assert answer.status_code == 413
        assert answer.json()["detail"] == "the body is longer than 1,000 bytes"
    assert client.post("/v1/history", json={"item_ids": ["a"]}).status_code == 200


def test_an_incomplete_body_of_a_disconnected_client_is_not_passed_on():
    messages = [
        {"type": "http.disconnect"},
        {"type": "http.request", "body": b"ha", "more_body": True},
    ]

    async def receive():
        return messages.pop()

    scope = {"type": "http", "method": "POST", "headers": []}
    failing = BodyLimit(lambda *_: pytest.fail("passed on"), 100)
    asyncio.run(failing(scope, receive, lambda _: pytest.fail("answered")))
    assert messages == []


def test_a_body_that_does_not_arrive_is_refused(monkeypatch):
    monkeypatch.setattr(limits, "BODY_SECONDS", 0.01)
    sent = []

    async def receive():
        await asyncio.Event().wait()

    async def send(message):
        sent.append(message)

    scope = {"type": "http", "method": "POST", "headers": []}
    asyncio.run(BodyLimit(lambda *_: pytest.fail("passed on"), 100)(scope, receive, send))
    assert sent[0]["status"] == 408
