"""Workers: which processes decode and encode, and limits on a clip."""

import os
import select
import signal
import subprocess
import sys
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest

from extract import read_catalogue
from extract.catalogue import Item
from extract.config import ExtractConfig
from extract.media import Limits, Sampling
from extract.pipeline import StoppedAtFailure
from extract.store import FeatureStore
from extract.workers.decoder import ClipDecoder
from extract.workers.messages import Allowed, Clock, EncoderSpec, Job, Setup, Started
from extract.workers.pool import WorkerPool
from extract.workers.state import WorkerState
from extract.workers.worker import Worker
from tests.clips import make_clip
from tests.encoders import (
    BatchDependent,
    FailsToLoad,
    InvalidMessages,
    LargeAllocation,
    NeverEnds,
    Price,
    Shade,
    SlowToEncode,
    registered,
)
from tests.extraction import extract_items

MAX_WAIT_MILLISECONDS = 30_000


@pytest.fixture(autouse=True)
def encoders():
    with registered(
        Shade,
        BatchDependent,
        NeverEnds,
        LargeAllocation,
        InvalidMessages,
        SlowToEncode,
        FailsToLoad,
        Price,
    ):
        yield


@pytest.fixture(scope="module")
def videos(tmp_path_factory):
    """Clips of 1 to 6 frames, and a bright one."""
    folder = tmp_path_factory.mktemp("videos")
    for count in range(1, 7):
        make_clip(folder / f"clip{count}.mp4", num_frames=count)
    make_clip(folder / "bright.mp4", num_frames=3, draw_frame=bright)
    return folder


def bright(_index, width, height):
    return np.full((height, width, 3), 250, dtype=np.uint8)


def extract(videos, store, encoder, **more):
    items = read_catalogue(videos).items
    more = {"root": videos, "device": "cpu", "workers": 1} | more
    return extract_items(items, store, modalities=["thing"], encoders={"thing": encoder}, **more)


def rows_of(store):
    features = FeatureStore(store).feature_set("thing")
    return {name: features.read(name) for name, record in features.records.items() if record.rows}


def test_rows_are_the_same_wherever_they_are_encoded(videos, tmp_path, monkeypatch):
    """This needs no GPU: the encoder computes the same on any device."""
    extract(videos, tmp_path / "in workers", "shade", workers=2)
    monkeypatch.setattr("extract.pipeline.extraction.resolve_device", lambda device: device)
    monkeypatch.setattr("extract.workers.batcher.units_at_once", lambda *_, **__: 64)
    report = extract(videos, tmp_path / "in parent", "shade", device="cuda")
    assert report.counts["thing"]["done"] == 7
    ours, theirs = rows_of(tmp_path / "in workers"), rows_of(tmp_path / "in parent")
    assert ours.keys() == theirs.keys()
    for name, rows in ours.items():
        np.testing.assert_array_equal(rows[:, :2], theirs[name][:, :2])


def test_every_batch_has_the_same_size(videos, tmp_path):
    extract(videos, tmp_path, "shade")
    sizes = {size for rows in rows_of(tmp_path).values() for size in rows[:, 2].tolist()}
    assert sizes == {Shade.batch_units}


@pytest.mark.skipif(not Path("/proc/self/statm").exists(), reason="no /proc of the system")
def test_a_clip_that_needs_too_much_memory_fails_alone(videos, tmp_path):
    report = extract(videos, tmp_path, "large_allocation", clip_memory_gib=0.3)
    assert [failure.id for failure in report.failures] == ["bright"]
    assert "memory" in report.failures[0].reason
    assert report.counts["thing"]["done"] == 6


def test_a_worker_with_invalid_messages_is_replaced(videos, tmp_path):
    report = extract(videos, tmp_path, "invalid_messages")
    assert [(failure.id, failure.reason) for failure in report.failures] == [
        ("bright", "the decoder was corrupted")
    ]
    assert report.counts["thing"]["done"] == 6


class Recorder:
    """A connection that records the messages of a worker."""

    def __init__(self):
        self.messages = []

    def poll(self):
        return False


def test_the_clock_of_a_clip_is_stopped_while_its_frames_are_encoded(videos, monkeypatch):
    connection = Recorder()
    monkeypatch.setattr(
        "extract.workers.worker.send", lambda to, message: to.messages.append(message)
    )
    setup = Setup((EncoderSpec.of(Shade()),), encodes=True, config=ExtractConfig(num_frames=20))
    worker = Worker(connection, setup)
    worker._do(Job(0, "clip6", videos / "clip6.mp4", (0,)))
    assert not [message for message in connection.messages if isinstance(message, Clock)]
    worker._do(Job(1, "clip5", videos / "clip5.mp4", (0,)))  # 6 + 5 frames fill a batch of 8
    clocks = [message.running for message in connection.messages if isinstance(message, Clock)]
    assert clocks == [False, True]


# --- the parent's watch, by a clock of the test ---


@pytest.fixture
def watched(monkeypatch):
    """A pool with one process that decodes; returns a function of the time and the failures."""
    config = ExtractConfig(clip_timeout_seconds=20, clip_memory_gib=1)
    pool = WorkerPool(Setup((None,), encodes=True, config=config), num_workers=1)
    state, reasons = WorkerState(encodes=True, ready=True), []
    pool._processes.append(
        SimpleNamespace(
            state=state,
            connection=SimpleNamespace(poll=lambda: False),
            process=SimpleNamespace(pid=0),
            kill=reasons.append,
        )
    )
    state.assign(Job(0, "clip", None, (0,)))
    state.apply(Started(0), 1000.0)

    def watch(now, *, memory_bytes=0):
        monkeypatch.setattr(
            "extract.workers.pool.time", SimpleNamespace(monotonic=lambda: float(now))
        )
        monkeypatch.setattr("extract.workers.pool.resident_bytes", lambda pid: memory_bytes)
        pool._watch()
        return reasons

    watch(1000)
    return watch


def test_a_worker_that_takes_too_long_is_killed(watched):
    assert [list(watched(now)) for now in (1009, 1018)] == [[], []]
    assert watched(1021) == ["took longer than 20 s to decode"]


def test_a_worker_that_grows_too_much_is_killed(watched):
    assert watched(1001, memory_bytes=1 << 30) == []
    assert watched(1002, memory_bytes=(1 << 30) + 1) == ["needed more than 1 GiB of memory"]


def test_time_in_which_the_machine_was_suspended_does_not_count(watched):
    assert watched(1000 + 3600) == []  # 10 s of it do
    assert watched(1000 + 3600 + 9) == []
    assert watched(1000 + 3600 + 11) == ["took longer than 20 s to decode"]


def test_an_interrupt_does_not_wait_for_encoders_to_load(videos, tmp_path):
    steps = []

    def interrupt_once(now):
        steps.append(now.doing)
        if now.doing == "loading encoders" and steps.count(now.doing) == 1:
            signal.raise_signal(signal.SIGINT)

    report = extract(videos, tmp_path, "fails_to_load", progress=interrupt_once)
    assert report.interrupted
    assert report.counts["thing"]["not done"] == 7
    assert any(doing.startswith("finishing the current clips") for doing in steps)


def test_workers_do_not_outlive_a_parent_that_is_killed(videos, tmp_path):
    """The parent is killed while a worker sleeps in its encoder."""
    program = (
        "import sys, os; sys.path.insert(0, os.getcwd())\n"
        "from pathlib import Path\n"
        "from tests.encoders import *\n"
        "from tests.extract.workers.test_pool import extract\n"
        "def tell(now):\n"
        "    if now.doing == 'loading encoders': print('there', flush=True)\n"
        "with registered(SlowToEncode):\n"
        "    extract(Path(sys.argv[1]), sys.argv[2], 'slow_to_encode', progress=tell)\n"
    )
    root = Path(__file__).parents[3]
    parent = subprocess.Popen(
        [sys.executable, "-c", program, videos, tmp_path], cwd=root, stdout=subprocess.PIPE
    )
    with parent:
        assert parent.stdout.readline() == b"there\n"
        (worker,) = children_of(parent.pid)
        ended = select.poll()
        ended.register(os.pidfd_open(worker), select.POLLIN)
        parent.send_signal(signal.SIGKILL)
    assert ended.poll(MAX_WAIT_MILLISECONDS), "the worker is alive"


def children_of(pid):
    return [int(word) for word in Path(f"/proc/{pid}/task/{pid}/children").read_text().split()]


# --- encoders that read the item itself ---

ITEMS = (
    Item("bread", None, "costs 3"),
    Item("gift", None, "free"),
    Item("nothing", None),
    Item("odd", None, "costs much"),
)


def price(store, items=ITEMS, **more):
    return extract_items(
        items, store, modalities=["thing"], encoders=[("thing", "price")], device="cpu", **more
    )


def test_an_encoder_that_reads_items_needs_no_files(tmp_path):
    report = price(tmp_path)
    assert report.counts["thing"] == {"skipped": 0, "done": 1, "missing": 2, "failed": 1}
    assert report.failures[0].id == "odd"
    assert "much" in report.failures[0].reason
    assert rows_of(tmp_path) == {"bread": [[3]]}


def test_an_item_whose_caption_or_file_changed_is_extracted_again(tmp_path):
    file = tmp_path / "file.txt"
    file.write_text("one")
    items = [*ITEMS[:3], Item("filed", file, "costs 1")]
    price(tmp_path / "f", items)
    assert price(tmp_path / "f", items, dry_run=True).planned == 0
    changed = [Item("bread", None, "costs 4"), *items[1:]]
    assert price(tmp_path / "f", changed, dry_run=True).planned == 1
    file.write_text("two")
    os.utime(file, (1, 1))
    assert price(tmp_path / "f", changed, dry_run=True).planned == 2
    price(tmp_path / "f", changed)
    assert rows_of(tmp_path / "f") == {"bread": [[4]], "filed": [[1]]}


def test_strict_stops_at_an_item_too(tmp_path):
    with pytest.raises(StoppedAtFailure, match=r"odd failed: .*; stopped by strict"):
        price(tmp_path, strict=True)


def test_the_time_allowed_by_a_header_is_limited(videos):
    limits = Limits(max_duration_seconds=0.1)
    decoder = ClipDecoder([Shade()], sampling=Sampling(), limits=limits)
    messages = decoder.read(Job(0, "clip6", videos / "clip6.mp4", (0,)))  # 6 / 24 s
    allowed = [message.seconds for message in messages if isinstance(message, Allowed)]
    assert allowed[-1] - allowed[0] == pytest.approx(0.1)


def test_a_file_that_is_larger_than_any_clip_is_not_read(tmp_path):
    with (tmp_path / "hole.mp4").open("wb") as file:
        file.truncate(129 << 30)  # it takes no room on the disk
    report = extract(tmp_path, tmp_path / "store", "shade")
    assert report.failures[0].reason == "is 129 GiB, and larger than the limit of 128 GiB"
    assert extract(tmp_path, tmp_path / "store", "shade").counts["thing"]["skipped"] == 1


# --- captions ---


def captions(store, items, **more):
    return extract_items(
        items,
        store,
        modalities=["thing"],
        encoders=[("thing", "batch_dependent")],
        device="cpu",
        **more,
    )


def test_captions_are_encoded_in_the_same_chunks_after_any_interruption(tmp_path, monkeypatch):
    monkeypatch.setattr("extract.pipeline.text_and_items.CAPTION_CHUNK", 3)
    items = [Item(f"item{n}", None, "x" * n) for n in range(1, 8)]
    captions(tmp_path, items)
    whole = rows_of(tmp_path)
    assert [row.tolist() for row in whole.values()] == [
        *([[1, 6]], [[2, 6]], [[3, 6]]),
        *([[4, 15]], [[5, 15]], [[6, 15]]),
        [[7, 7]],
    ]
    for path in tmp_path.rglob("item[25].npy"):
        path.unlink()
    assert captions(tmp_path, items, dry_run=True).planned == 2
    captions(tmp_path, items)
    assert {name: row.tolist() for name, row in rows_of(tmp_path).items()} == {
        name: row.tolist() for name, row in whole.items()
    }


def test_a_dry_run_times_captions_too(tmp_path):
    items = [Item(f"item{n}", None, "x" * (n % 3)) for n in range(100)]
    report = captions(tmp_path, items, dry_run=True, estimate=True)
    assert report.estimated_seconds > 0
    report = captions(tmp_path, items[::3], dry_run=True, estimate=True)  # none has a caption
    assert report.estimated_seconds == 0


def test_an_interrupt_ends_captions_after_the_current_chunk(tmp_path, monkeypatch):
    monkeypatch.setattr("extract.pipeline.text_and_items.CAPTION_CHUNK", 1)
    interrupts = iter([signal.SIGINT])

    def interrupt_once(now):
        if now.doing == "encoding captions":
            for number in interrupts:
                signal.raise_signal(number)

    items = [Item(f"item{n}", None, "x") for n in range(50)]
    report = captions(tmp_path, items, progress=interrupt_once)
    assert report.interrupted
    assert report.counts["thing"]["not done"] > 40
    assert captions(tmp_path, items).counts["thing"]["done"] == 50


def test_a_second_interrupt_does_not_wait_for_captions(tmp_path):
    steps = []

    def interrupt(now):
        if now.doing == "encoding captions" or steps:
            steps.append(now.doing)
            signal.raise_signal(signal.SIGINT)

    with pytest.raises(KeyboardInterrupt):
        extract_items(
            [Item("item", None, "x")],
            tmp_path,
            modalities=["thing"],
            encoders=[("thing", "never_ends")],
            device="cpu",
            progress=interrupt,
        )
    assert steps[:2] == [
        "encoding captions",
        "finishing the current clips; Ctrl-C again stops now",
    ]
