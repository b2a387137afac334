"""Limits on headers, before the application sees a request."""

import json
import socket
import threading
from contextlib import contextmanager

import pytest
import uvicorn

from mmgcn.service import protocol
from mmgcn.service.protocol import MAX_HEAD_BYTES, BoundedProtocol


async def echo(scope, receive, send):
    """Respond with the number of bytes of the body."""
    assert scope["type"] == "http"
    size, more = 0, True
    while more:
        message = await receive()
        size += len(message.get("body", b""))
        more = message.get("more_body", False)
    body = str(size).encode()
    headers = [(b"content-length", str(len(body)).encode())]
    await send({"type": "http.response.start", "status": 200, "headers": headers})
    await send({"type": "http.response.body", "body": body})


@contextmanager
def running():
    config = uvicorn.Config(
        echo, http=BoundedProtocol, log_level="critical", lifespan="off", ws="none"
    )
    server = uvicorn.Server(config)
    with socket.socket() as listening:
        listening.bind(("127.0.0.1", 0))
        listening.listen()
        thread = threading.Thread(target=server.run, kwargs={"sockets": [listening]})
        thread.start()
        try:
            yield listening.getsockname()[1]
        finally:
            server.should_exit = True
            thread.join()


@pytest.fixture(scope="module")
def port():
    with running() as port:
        yield port


def answer_to(port, *parts):
    """Send parts of a request until the peer closes; return what it sent."""
    with socket.create_connection(("127.0.0.1", port), timeout=120) as client:
        try:
            for part in parts:
                client.sendall(part)
        except OSError:  # closed before everything was sent
            pass
        received = b""
        while True:
            try:
                more = client.recv(65536)
            except ConnectionError:
                return received
            if not more:
                return received
            received += more


def head(*lines):
    return "\r\n".join(["GET / HTTP/1.1", "host: x", "connection: close", *lines, "", ""]).encode()


def problem_of(answer):
    start, _, body = answer.partition(b"\r\n\r\n")
    assert b"application/problem+json" in start
    return json.loads(body)


def test_a_request_of_ordinary_size_is_passed_on(port):
    assert answer_to(port, head(f"cookie: {'x' * 8000}")).endswith(b"\r\n\r\n0")


@pytest.mark.parametrize(
    "parts",
    [
        [head(f"cookie: {'x' * 40_000}")],
        [head(*(f"x-{number}: {'y' * 100}" for number in range(400)))],
        [f"GET /{'z' * 40_000} HTTP/1.1\r\nhost: x\r\n\r\n".encode()],
        [b"GET / HTTP/1.1\r\nhost: x\r\ncookie: ", *[b"x" * 10_000] * 200],
        [b"GET / HTTP/1.1\r\nhost: x\r\n", *[b"x: y\r\n" * 1000] * 200],
    ],
    ids=["one", "many", "url", "one without end", "many without end"],
)
def test_long_headers_are_refused(port, parts):
    problem = problem_of(answer_to(port, *parts))
    assert (problem["status"], problem["code"]) == (431, "headers_too_long")
    assert f"{MAX_HEAD_BYTES:,} bytes" in problem["detail"]


def test_trailers_count_as_headers(port):
    start = b"POST / HTTP/1.1\r\nhost: x\r\ntransfer-encoding: chunked\r\n\r\n1\r\na\r\n0\r\n"
    answer = answer_to(port, start, *[b"x: y\r\n" * 1000] * 200)
    assert b"431" in answer.split(b"\r\n")[0]


def test_a_long_body_in_small_chunks_is_passed_on(port):
    start = b"POST / HTTP/1.1\r\nhost: x\r\nconnection: close\r\ntransfer-encoding: chunked\r\n\r\n"
    answer = answer_to(port, start, *[b"1\r\na\r\n" * 1000] * 20, b"0\r\n\r\n")
    assert answer.endswith(b"20000")


def test_several_requests_on_one_connection_are_counted_separately(port):
    request = head(f"cookie: {'x' * 20_000}").replace(b"connection: close\r\n", b"")
    answer = answer_to(port, request, request, request, head())
    assert answer.count(b"HTTP/1.1 200 OK") == 4


@pytest.mark.parametrize("sent", [b"", b"GET / HTTP/1.1\r\nhost: x\r\n"])
def test_headers_that_do_not_end_are_refused(monkeypatch, sent):
    monkeypatch.setattr(protocol, "HEAD_SECONDS", 0.05)
    with running() as port, socket.create_connection(("127.0.0.1", port), timeout=120) as client:
        client.sendall(sent)
        received = b""
        while more := client.recv(65536):
            received += more
    assert problem_of(received)["code"] == "request_timeout"
