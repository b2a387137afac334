"""Posters: drawn by one long-lived process, even if videos crash it."""

import shutil
import sys
from pathlib import Path
from threading import Barrier, Event, Thread

import cv2
import pytest

from mmgcn.display import poster_worker
from mmgcn.display.poster_worker import PosterWorker
from mmgcn.display.posters import PosterError, Posters
from mmgcn.service import poster_queue
from mmgcn.service.poster_queue import PosterQueue

CLIP = Path(__file__).parents[3] / "assets" / "videos" / "clip-003.mp4"
# Stands in for the process: a video named so ends it, never answers, or names the process.
PROCESS = """
import json, os, sys, time
for line in sys.stdin:
    video, folder, item_id = json.loads(line)
    if "bomb" in video:
        os.abort()
    if "endless" in video:
        time.sleep(600)
    with open(f"{folder}/{item_id}.jpg", "w") as file:
        file.write(str(os.getpid()))
    print('""', flush=True)
"""


@pytest.fixture
def worker():
    worker = PosterWorker([sys.executable, "-S", "-c", PROCESS])
    yield worker
    worker.stop()


@pytest.fixture
def videos(tmp_path):
    """Empty files: a, b, c, bomb, endless."""
    paths = {name: tmp_path / f"{name}.mp4" for name in ("a", "b", "c", "bomb", "endless")}
    for path in paths.values():
        path.touch()
    return paths


def test_real_videos_are_drawn_by_one_process(tmp_path):
    broken = tmp_path / "broken.mp4"
    broken.write_bytes(bytes(range(256)) * 4)
    other = shutil.copy(CLIP, tmp_path / "other.mp4")
    posters = Posters(tmp_path / "posters")
    try:
        assert posters.find("a", CLIP) is None
        assert posters.colour("a") is None
        jpeg = posters.draw("a", CLIP)
        assert jpeg.read_bytes()[:3] == b"\xff\xd8\xff"
        blue, green, red = cv2.imread(str(jpeg)).mean(axis=(0, 1))
        colour = bytes.fromhex(posters.colour("a").removeprefix("#"))
        assert list(colour) == pytest.approx([red, green, blue], abs=2)
        process = posters._worker._process
        with pytest.raises(PosterError, match=r"\w"):
            posters.draw("broken", broken)
        assert posters.draw("other", other).read_bytes() == posters.find("a", CLIP).read_bytes()
        assert posters._worker._process is process
    finally:
        posters.stop()


def test_a_video_that_crashes_the_process_loses_only_its_poster(tmp_path, worker, videos):
    posters = Posters(tmp_path / "posters", worker)
    first = posters.draw("a", videos["a"]).read_text()
    with pytest.raises(PosterError, match="the process that read it crashed"):
        posters.draw("bomb", videos["bomb"])
    second = posters.draw("b", videos["b"]).read_text()
    assert second != first
    assert posters.draw("c", videos["c"]).read_text() == second


def test_a_video_without_a_poster_is_drawn_only_once(tmp_path, worker, videos):
    posters = Posters(tmp_path / "posters", worker)
    for _ in range(2):
        with pytest.raises(PosterError, match="crashed"):
            posters.draw("bomb", videos["bomb"])
    assert worker._num_drawn == 1
    videos["bomb"].unlink()
    with pytest.raises(PosterError, match="its video no longer exists"):
        posters.find("bomb", videos["bomb"])


def test_a_video_that_takes_too_long_is_given_up(tmp_path, worker, videos, monkeypatch):
    monkeypatch.setattr(poster_worker, "MAX_SECONDS", 0.001)
    posters = Posters(tmp_path / "posters", worker)
    with pytest.raises(PosterError, match=r"longer than 0\.001 s"):
        posters.draw("endless", videos["endless"])


def test_a_process_draws_so_many_posters_at_most(tmp_path, worker, videos, monkeypatch):
    monkeypatch.setattr(poster_worker, "MAX_POSTERS", 2)
    posters = Posters(tmp_path / "posters", worker)
    one, two, three = (posters.draw(name, videos[name]).read_text() for name in "abc")
    assert one == two != three


def test_a_folder_that_cannot_be_created_is_a_reason(tmp_path, worker, videos):
    (tmp_path / "file").touch()
    with pytest.raises(PosterError, match="cannot work: "):
        Posters(tmp_path / "file" / "posters", worker).draw("a", videos["a"])


class SlowPosters(Posters):
    """Posters that are drawn when the test allows it, in `order`."""

    def __init__(self, folder):
        super().__init__(folder, worker=PosterWorker(["false"]))
        self.begun, self.gate, self.order = Event(), Event(), []

    def draw(self, item_id, video):
        self.begun.set()
        assert self.gate.wait(120)
        self.order.append(item_id)
        self.folder.mkdir(exist_ok=True)
        (self.folder / f"{item_id}.jpg").touch()
        return self.folder / f"{item_id}.jpg"


def test_posters_are_queued_once_drawn_last_first_and_the_oldest_is_dropped(
    tmp_path, videos, monkeypatch
):
    monkeypatch.setattr(poster_queue, "MAX_WAITING", 2)
    monkeypatch.setattr(poster_queue, "IDLE_SECONDS", 0)
    posters = SlowPosters(tmp_path / "posters")
    queue = PosterQueue(posters)
    assert queue.ask("a", videos["a"]) is None
    assert posters.begun.wait(120)  # a is being drawn
    barrier = Barrier(5)

    def ask():
        barrier.wait()
        for name in ("a", "b", "c"):
            assert queue.ask(name, videos[name]) is None

    threads = [Thread(target=ask) for _ in range(4)]
    for thread in threads:
        thread.start()
    barrier.wait()
    for thread in threads:
        thread.join()
    queue.ask("bomb", videos["bomb"])  # b waits longest
    thread = queue._thread
    posters.gate.set()
    thread.join()  # nothing is left to draw
    assert posters.order == ["a", "bomb", "c"]
    assert queue.ask("a", videos["a"]) == tmp_path / "posters" / "a.jpg"
    assert queue._thread is None
    assert queue.ask("b", videos["b"]) is None  # asked again, it is drawn by another thread
    queue.stop()
    assert queue.ask("endless", videos["endless"]) is None  # the service stops
    assert queue._thread is None or not queue._thread.is_alive()
