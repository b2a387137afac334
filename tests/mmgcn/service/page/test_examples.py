"""The example clients of the documentation."""

import subprocess
import sys
import threading
from contextlib import contextmanager
from dataclasses import replace
from functools import partial
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import httpx

from tests.mmgcn.service.page.actions import until
from tests.mmgcn.service.page.demo_service import running

EXAMPLES = Path(__file__).parents[4] / "docs" / "examples"


class Quiet(SimpleHTTPRequestHandler):
    def log_message(self, *words):
        pass


@contextmanager
def site():
    """Serve the examples from an origin of their own."""
    server = ThreadingHTTPServer(("127.0.0.1", 0), partial(Quiet, directory=EXAMPLES))
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
    thread.start()
    try:
        yield f"http://127.0.0.1:{server.server_address[1]}"
    finally:
        server.shutdown()
        thread.join()
        server.server_close()


def client(service, *words):
    command = [sys.executable, "-I", str(EXAMPLES / "client.py"), *words]
    return subprocess.run(
        [*command, "--service", service.address],
        capture_output=True,
        text=True,
        encoding="utf-8",
        env={"PYTHONUTF8": "1"},
        check=False,
    )


def lines_of(service, **options):
    answer = httpx.get(f"{service.address}v1/recommend/u0", params={"k": 5} | options).json()
    return [
        f"{card['rank']:>2}  {card['score']:.3f}  {card['caption'] or card['item_id']}"
        for card in answer["items"]
    ]


def test_the_client_in_python_lists_likes_and_names_problems(service):
    try:
        before = client(service, "u0")
        assert before.stdout.splitlines() == lines_of(service)
        after = client(service, "u0", "--like", "gone")
        assert service.preferences() == [("gone", "like")]
        assert after.stdout.splitlines() == lines_of(service, session=True)
        unknown = client(service, "nobody")
        assert (unknown.returncode, unknown.stdout) == (1, "")
        assert unknown.stderr == "unknown_user: there is no user 'nobody' in this run\n"
    finally:
        service.forget()


def test_the_client_in_a_browser_lists_and_likes_from_an_allowed_origin(page, service):
    with (
        site() as origin,
        running(replace(service.settings, allow_origins=(origin,))) as address,
    ):
        page.goto(f"{origin}/client.html?user=u0&service={address.rstrip('/')}")
        page.get_by_text("User u0, likes since the training: 0").wait_for()
        until(lambda: page.evaluate("document.querySelector('img')?.naturalWidth > 0"))
        page.get_by_role("button", name="Like").first.click()
        page.get_by_text("User u0, likes since the training: 1").wait_for()
        assert [kind for _, kind in service.preferences()] == ["like"]
        page.goto(f"{origin}/client.html?user=nobody&service={address.rstrip('/')}")
        page.get_by_text("there is no user 'nobody' in this run").wait_for()
        # Another origin is not answered.
        other = origin.replace("127.0.0.1", "localhost")
        page.goto(f"{other}/client.html?user=u0&service={address.rstrip('/')}")
        page.get_by_text("Failed to fetch").wait_for()
        page.goto("about:blank")
