"""A small run that is written by hand, videos for its items, and a client of a service on them."""

import shutil
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from starlette.testclient import TestClient

from mmgcn.run_writing import move_latest
from mmgcn.service.app import create_app
from mmgcn.service.settings import Settings
from tests.runs import write_vectors

USERS = ["ann", "bob", "cy/ril", "ännchen"]
ITEMS = ["a", "b", "c", "d/e", "mörk 100%"]
CLIPS = Path(__file__).parents[3] / "assets" / "videos"


def write_small_run(folder, *, first=1.0, users=USERS):
    """Write a run; ann likes both channels, bob the first; `first` is the score of bob's best."""
    visual = np.array([[first, 0], [0.8, 0], [0, 0], [0, 0], [0.1, 0]], dtype=np.float32)
    acoustic = np.array([[0, 0], [0, 0.3], [0, 1], [0, 0.9], [0, 0]], dtype=np.float32)
    write_vectors(
        folder,
        np.array([[1, 0.5], [1, 0], [0, 0], [0, 1]], dtype=np.float32),
        {"visual": visual, "acoustic": acoustic},
        users=users,
        items=ITEMS,
        popularity=np.array([1, 5, 3, 0, 0]),
        config={"valid": {"recall@20": 0.5}, "features": {"store": "/x/features"}},
        seen=[[0]],
        valid=[[2]],
    )
    (folder / "metrics.jsonl").write_text('{"epoch": 1, "recall@20": 0.5, "loss": NaN}\n')
    return folder


@pytest.fixture
def runs(tmp_path):
    """The folder of runs, `latest` leading to the only one."""
    move_latest(write_small_run(tmp_path / "runs" / "first"))
    return tmp_path / "runs"


@pytest.fixture
def videos(tmp_path):
    """Videos of a and b, and of 'mörk 100%'; a file that is no video, and a secret beside them."""
    folder = tmp_path / "videos"
    folder.mkdir()
    shutil.copy(CLIPS / "clip-003.mp4", folder / "a.mp4")
    (folder / "b.mp4").write_bytes(bytes(range(256)) * 4)
    shutil.copy(CLIPS / "clip-006.mp4", folder / "mörk 100%.mp4")
    (folder / "notes.html").write_text("<script>")
    (tmp_path / "secret.mp4").write_text("secret")
    (folder / "captions.csv").write_text("item_id,caption\na,<b>hello</b>\n")
    return folder


@pytest.fixture
def settings(tmp_path, runs, videos):
    return Settings(
        run=runs / "latest",
        videos=videos,
        posters=tmp_path / "posters",
        feedback=None,
        requests_per_second=0,
        reload_seconds=0,
    )


@pytest.fixture
def serve(settings):
    """Create a client of a service, with the given settings instead of the defaults."""
    clients = []

    def start(**changes):
        app = create_app(replace(settings, **changes))
        client = TestClient(app, base_url="http://127.0.0.1", raise_server_exceptions=False)
        clients.append(client.__enter__())
        return client

    yield start
    for client in clients:
        client.__exit__(None, None, None)


@pytest.fixture
def client(serve):
    return serve()
