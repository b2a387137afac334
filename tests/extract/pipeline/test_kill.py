"""An extraction that is stopped at any moment resumes and ends in the same store."""

import os
import random
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from extract import read_catalogue
from extract.store import FeatureStore, convert
from extract.workers.decoder import file_facts
from tests.clips import Audio, make_clip
from tests.extraction import extract_items

ROOT = Path(__file__).parents[3]
# Dies by its own hand at a chosen moment: before or after a file is on the disk, a file has its
# name, or a record is in its place.
PROGRAM = """
import os, signal, sys
from pathlib import Path
from tests.encoders import MeanColour, registered
from tests.extraction import extract_items
from extract import read_catalogue
from extract.store import storage
from extract.store.packs import Packs

videos, store, moment, layout = Path(sys.argv[1]), Path(sys.argv[2]), int(sys.argv[3]), sys.argv[4]
num_moments = 0

def watched(act):
    def acting(*given):
        pass_by()
        done = act(*given)
        pass_by()
        return done
    return acting

def pass_by():
    global num_moments
    num_moments += 1
    if num_moments == moment:
        os.kill(os.getpid(), signal.SIGKILL)

os.fsync, Path.replace = watched(os.fsync), watched(Path.replace)
storage.append_atomically = watched(storage.append_atomically)
Packs.write = watched(Packs.write)
with registered(MeanColour):
    extract_items(
        read_catalogue(videos).items, store, root=videos, modalities=["thing", "acoustic"],
        encoders={"acoustic": "logmel"}, device="cpu", workers=1, layout=layout,
    )
print(num_moments)
"""


def run(videos, store, layout, *, killed_at=0):
    """Return how many moments passed; None if it was killed."""
    done = subprocess.run(
        [sys.executable, "-c", PROGRAM, videos, store, str(killed_at), layout],
        env=os.environ | {"PYTHONPATH": str(ROOT)},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode in (0, -signal.SIGKILL), done.stderr
    return None if done.returncode else int(done.stdout)


def files_of(store):
    """Every file of the store but its lock, which holds the number of the process."""
    return {
        path.relative_to(store).as_posix(): path.read_bytes()
        for path in store.rglob("*")
        if path.is_file() and path.name != ".lock"
    }


def sets_of(store):
    features = FeatureStore(store)
    return [features.feature_set(modality) for modality in features.modalities()]


def finished(store):
    """For each item with rows: file on the disk and position in it."""
    return {
        (features.name, record.id): (
            features.rows_path(record.id).stat().st_ino,
            record.offset,
        )
        for features in sets_of(store)
        for record in features.records.values()
        if record.rows
    }


@pytest.fixture(scope="module")
def videos(tmp_path_factory):
    folder = tmp_path_factory.mktemp("videos")
    for index in range(6):
        audio = Audio(seconds=1 + index / 2, hz=200 + 50 * index) if index else None
        make_clip(folder / f"clip {index}.mp4", num_frames=4 + 3 * index, audio=audio)
    (folder / "broken.mp4").write_bytes(b"no video")
    return folder


@pytest.fixture(scope="module")
def at_once(videos, tmp_path_factory):
    """The files of a store that was written without interruption, and the number of moments."""
    store = tmp_path_factory.mktemp("at once")
    num_moments = run(videos, store, "files")
    return files_of(store), num_moments


@pytest.mark.parametrize("layout", ["files", "packed"])
def test_a_killed_extraction_resumes_to_the_same_bytes_and_keeps_finished_items(
    videos, at_once, tmp_path, layout
):
    files, num_moments = at_once
    if layout == "packed":
        num_moments = run(videos, tmp_path / "counted", layout)
    assert sum(name.endswith(".npy") for name in files) == 11  # 6 of colour, 5 of audio

    store, rng = tmp_path / "in pieces", random.Random(0)
    before = {}
    for _ in range(3):
        killed_at = rng.randint(1, num_moments // 3)
        killed = run(videos, store, layout, killed_at=killed_at) is None
        after = finished(store) if killed and list(store.glob("*/current")) else before
        assert before.items() <= after.items()
        before = after
    assert before
    run(videos, store, layout)
    assert before.items() <= finished(store).items()
    assert not any(problem for features in sets_of(store) for problem in features.verify())
    assert {features.layout for features in sets_of(store)} == {layout}
    for features in sets_of(store):
        convert(features, "files")
    assert files_of(store) == files


def extract_audio(videos, store, **more):
    return extract_items(
        read_catalogue(videos).items,
        store,
        root=videos,
        modalities=["acoustic"],
        preset="offline",
        device="cpu",
        workers=1,
        **more,
    )


@pytest.mark.parametrize("moment", ["comparing with the store", "extracting"])
def test_one_interrupt_ends_in_order_and_the_same_call_resumes(videos, tmp_path, moment):
    interrupted = []

    def interrupt_once(progress):
        if progress.doing == moment and not interrupted:
            interrupted.append(progress)
            signal.raise_signal(signal.SIGINT)

    report = extract_audio(videos, tmp_path, progress=interrupt_once)
    assert report.interrupted
    num_recorded = 7 - report.counts["acoustic"]["not done"]
    assert (num_recorded > 0) == (moment == "extracting")
    again = extract_audio(videos, tmp_path)
    assert not again.interrupted
    assert again.counts["acoustic"]["skipped"] == num_recorded
    assert again.counts["acoustic"]["not done"] == 0


def test_an_interrupt_does_not_wait_for_the_comparison_with_the_store(
    videos, tmp_path, monkeypatch
):
    extract_audio(videos, tmp_path)
    read = []

    def read_facts(path):
        read.append(path)
        if len(read) == 3:
            signal.raise_signal(signal.SIGINT)
        return file_facts(path)

    for path in videos.iterdir():  # all are hashed again
        path.touch()
    monkeypatch.setattr("extract.pipeline.plan.file_facts", read_facts)
    report = extract_audio(videos, tmp_path)
    assert report.interrupted
    assert len(read) == 3
    assert report.counts["acoustic"]["skipped"] == 3
    monkeypatch.undo()
    assert extract_audio(videos, tmp_path).counts["acoustic"]["skipped"] == 7


def test_a_second_interrupt_ends_at_once(videos, tmp_path):
    def interrupt_twice(_progress):
        signal.raise_signal(signal.SIGINT)
        signal.raise_signal(signal.SIGINT)

    before = signal.getsignal(signal.SIGINT)
    with pytest.raises(KeyboardInterrupt):
        extract_audio(videos, tmp_path, progress=interrupt_twice)
    assert signal.getsignal(signal.SIGINT) is before
    assert extract_audio(videos, tmp_path, dry_run=True).planned == 7
