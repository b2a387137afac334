"""mmgcn serve as a process: responses, reload, and the end."""

import json
import os
import re
import signal
import socket
import subprocess
import sys
import time
import urllib.request
from contextlib import contextmanager
from pathlib import Path

import pytest

import cli
from mmgcn.run_writing import move_latest
from tests.mmgcn.service.conftest import write_small_run

WAIT_SECONDS = 120


@pytest.fixture
def runs(tmp_path):
    move_latest(write_small_run(tmp_path / "runs" / "first"))
    return tmp_path / "runs"


@contextmanager
def serving(runs, *options):
    """Start the service in a folder of its own; yields the process and its port."""
    process, port = start(runs, *options)
    try:
        deadline = time.monotonic() + WAIT_SECONDS
        while True:
            if process.poll() is not None:
                message = process.stderr.read()
                assert "cannot be listened on" in message, message
                process, port = start(runs, *options)  # another process has taken the port
            assert time.monotonic() < deadline
            try:
                get(port, "/readyz")
                break
            except OSError:
                time.sleep(0.05)
        yield process, port
    finally:
        process.terminate()  # which its workers hear of, other than if it were killed
        try:
            process.communicate(timeout=WAIT_SECONDS)
        except subprocess.TimeoutExpired:
            process.kill()
            process.communicate()


def start(runs, *options):
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    words = ["serve", "--run", str(runs / "latest"), "--port", str(port), *options]
    process = subprocess.Popen(
        [sys.executable, "-m", "mmgcn", *words],
        cwd=runs.parent,
        env=os.environ | {"PYTHONPATH": str(Path(cli.__file__).parent)},
        stderr=subprocess.PIPE,
        text=True,
    )
    return process, port


def get(port, path):
    with urllib.request.urlopen(f"http://127.0.0.1:{port}{path}", timeout=WAIT_SECONDS) as answer:
        return answer.read().decode()


def test_it_loads_a_new_run_and_stops_after_the_last_request(runs):
    with serving(runs) as (process, port):
        assert json.loads(get(port, "/v1/recommend/bob?k=1"))["items"][0]["score"] == 1.0
        ready = json.loads(get(port, "/readyz"))
        assert (ready["run"], ready["feedback"], ready["has_refused"]) == ("first", "on", False)
        assert (runs.parent / "feedback.db").is_file()

        move_latest(write_small_run(runs / "second", first=3.0))
        deadline = time.monotonic() + WAIT_SECONDS
        while json.loads(get(port, "/readyz"))["run"] != "second":
            assert time.monotonic() < deadline
            time.sleep(0.05)
        assert json.loads(get(port, "/v1/recommend/bob?k=1"))["items"][0]["score"] == 3.0

        body = b'{"item_ids": ["a"], "k": 1}'
        head = (
            "POST /v1/history HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\n"
            f"Content-Length: {len(body)}\r\n\r\n"
        )
        with socket.create_connection(("127.0.0.1", port), timeout=WAIT_SECONDS) as client:
            client.sendall(head.encode() + body[:5])
            get(port, "/healthz")  # by now the request above has begun
            process.send_signal(signal.SIGINT)
            while True:  # until nobody listens any more
                try:
                    socket.create_connection(("127.0.0.1", port)).close()
                except OSError:
                    break
            client.sendall(body[5:])
            assert client.recv(100).startswith(b"HTTP/1.1 200 OK")
        message = process.communicate(timeout=WAIT_SECONDS)[1]
        assert process.returncode == 0
        assert "second is in service, in place of first" in message


def test_the_metrics_of_several_workers_add_up(runs):
    options = ("--workers", "2", "--feedback", "off", "--captions", "speech")
    with serving(runs, *options) as (process, port):
        for _ in range(20):
            get(port, "/v1/recommend/bob")
        metrics = get(port, "/metrics")
        (count,) = re.findall(r'requests_total\{route="recommend",status="200"\} (\S+)', metrics)
        assert float(count) == 20
        process.send_signal(signal.SIGINT)
        message = process.communicate(timeout=WAIT_SECONDS)[1]
        assert process.returncode == 0
        assert "each of 2 workers allows 100 requests per second and client" in message


def refusal(capsys, *words, code=1):
    with pytest.raises(SystemExit) as leaving:
        cli.main(["serve", *map(str, words)])
    assert leaving.value.code == code
    message = capsys.readouterr().err
    if code == 1:
        assert message.count("\n") == 1
    return " ".join(re.sub("[│╭╮╰╯─]", "", message).split())


@pytest.mark.parametrize("host", ["0.0.0.0", "::", "10.0.0.1", "videos.example"])
def test_other_machines_are_allowed_only_explicitly(capsys, monkeypatch, runs, host):
    monkeypatch.delenv("MMGCN_TOKEN", raising=False)
    message = refusal(capsys, "--host", host, "--run", runs / "latest", code=2)
    assert "set --token (or MMGCN_TOKEN), or pass --open" in message


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (("--feedback", "mysql://x/y"), "is not one of sqlite: and postgresql:"),
        (("--token", "a b"), "letters, digits"),
        (("--token", "short"), "has 5 characters and could be guessed"),
        (("--root-path", "mm/"), "--root-path is 'mm/'; expected a path"),
        (("--proxy", "nginx"), "'nginx' is neither"),
        (("--port", "many"), "valid integer"),
    ],
)
def test_wrong_options_exit_with_2(capsys, runs, words, message):
    assert message in refusal(capsys, "--run", runs / "latest", *words, code=2)


def test_errors_come_in_one_line_before_anything_is_served(capsys, tmp_path, runs):
    run = ("--run", runs / "latest")
    assert "no run at" in refusal(capsys, "--run", tmp_path / "none")
    before = dict(os.environ)
    assert "no run at" in refusal(capsys, "--run", tmp_path / "none", "--workers", 2)
    assert dict(os.environ) == before
    assert "none" in refusal(capsys, *run, "--feedback", "off", "--videos", tmp_path / "none")
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        message = refusal(capsys, *run, "--feedback", "off", "--port", port)
    assert f"127.0.0.1:{port} cannot be listened on" in message


def test_without_the_extra_the_error_says_how_to_install_it(capsys, monkeypatch, runs):
    monkeypatch.setitem(sys.modules, "uvicorn", None)
    message = refusal(capsys, "--run", runs / "latest")
    assert "needs uvicorn; install it with: pip install '.[serve]'" in message
