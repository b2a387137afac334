"""Extraction on Ray: the same store as on one machine, even if processes die."""

import os
import signal
import subprocess
import sys
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest

from extract import read_catalogue
from extract.cluster import Cluster
from extract.cluster.tasks import Attempts, Encode
from extract.pipeline import WorkerError
from extract.store import FeatureStore
from extract.workers.messages import EncoderSpec
from tests.clips import Audio, make_clip
from tests.encoders import CrashesOnce, FailsToEncode, KillsParent, Shade, registered
from tests.extraction import extract_items

pytestmark = pytest.mark.usefixtures("ray_of_two_cpus")


@pytest.fixture(autouse=True)
def encoders():
    with registered(Shade, KillsParent, CrashesOnce, FailsToEncode):
        yield


@pytest.fixture(scope="module")
def videos(tmp_path_factory):
    """Clips with and without audio and titles, one bright, one with only audio, one broken."""
    folder = tmp_path_factory.mktemp("videos")
    for count in (1, 5, 9):
        make_clip(folder / f"clip{count}.mp4", num_frames=count, audio=Audio(seconds=count / 4))
    make_clip(folder / "bright.mp4", num_frames=3, draw_frame=bright, title="so bright")
    make_clip(folder / "sound.mp4", num_frames=0, audio=Audio(seconds=1))
    (folder / "broken.mp4").write_bytes(b"no video at all")
    (folder / "clip5.txt").write_text("five frames")
    return folder


def bright(_index, width, height):
    return np.full((height, width, 3), 250, dtype=np.uint8)


def extract(videos, store, *, encoder="shade", cluster=None, **more):
    more = {"modalities": ["thing", "acoustic"], "preset": "offline"} | more
    return extract_items(
        read_catalogue(videos).items,
        store,
        root=videos,
        encoders={"thing": encoder},
        device="cpu",
        workers=1,
        cluster=cluster,
        **more,
    )


@pytest.fixture(scope="module")
def whole(videos, tmp_path_factory):
    """The files of a store that the local engine wrote without interruption."""
    store = tmp_path_factory.mktemp("whole")
    with registered(Shade):
        extract_frames(videos, store)
    return tree(store)


def tree(folder):
    """Every file of the store by its path, without values that depend on the run."""
    return {
        path.relative_to(folder).as_posix(): path.read_bytes()
        for path in folder.rglob("*")
        if path.is_file() and path.name != ".lock"
    }


def extract_frames(videos, store, encoder="shade", **more):
    """Extract with only one encoder of frames, which starts faster."""
    return extract(videos, store, encoder=encoder, **{"modalities": ["thing"]} | more)


def test_the_store_has_the_bytes_of_the_local_engine(videos, tmp_path):
    """Also if a worker that encodes dies, which `CrashesOnce` causes."""
    once = f"crashes_once:{tmp_path / 'mark'}"
    ray = extract(videos, tmp_path / "ray", encoder=once, cluster=Cluster())
    assert (tmp_path / "mark").exists()
    local = extract(videos, tmp_path / "local", encoder=once)
    assert ray.counts == local.counts
    assert ray.counts["thing"]["done"] == 4
    assert ray.counts["thing"]["failed"] == 1
    assert tree(tmp_path / "ray") == tree(tmp_path / "local")
    assert extract(videos, tmp_path / "ray", encoder=once, dry_run=True).planned == 0


def test_a_clip_that_kills_three_workers_fails_alone(videos, tmp_path):
    """The worker of Ray is killed, as by a machine that runs out of memory."""
    report = extract_frames(videos, tmp_path, "kills_parent", cluster=Cluster())
    message = {failure.id: failure.reason for failure in report.failures}
    assert message.pop("bright") == "its worker died 3 times while decoding it"
    assert message.keys() == {"broken"}
    assert report.counts["thing"]["done"] == 3
    record = FeatureStore(tmp_path).feature_set("thing").records["bright"]
    assert record.content_hash, "so that a changed file is done again"


def test_an_encoder_that_fails_ends_the_run_in_one_line(videos, tmp_path):
    with pytest.raises(WorkerError, match="an encoder failed: KeyError: 'no such shade'"):
        extract_frames(videos, tmp_path, "fails_to_encode", cluster=Cluster())


def test_an_encoder_that_crashes_its_worker_is_retried_a_few_times(monkeypatch):
    import pyarrow as pa
    import ray

    monkeypatch.setattr(ray, "get", lambda reference: reference)
    attempts = Attempts()
    begin = SimpleNamespace(remote=attempts.begin)
    encode = Encode(
        *(0, EncoderSpec.of(Shade())),
        engine="torch",
        num_gpus=0,
        attempts=SimpleNamespace(begin=begin, end=SimpleNamespace(remote=lambda what: None)),
    )
    table = pa.table({"index": [5], "part": [0], "slot0": pa.array([None], pa.large_binary())})
    for _ in range(3):  # as if each call had died before its end
        encode(table)
    with pytest.raises(WorkerError, match="the encoder Shade crashed its worker 3 times"):
        encode(table)


def test_an_interrupted_run_is_resumed(videos, whole, tmp_path):
    """Ctrl-C after the first finished clip; either engine may extract the others."""
    raised = []

    def interrupt(now):
        if now.num_done and not raised:
            raised.append(signal.raise_signal(signal.SIGINT))

    report = extract_frames(videos, tmp_path / "stopped", cluster=Cluster(), progress=interrupt)
    assert report.interrupted
    extract_frames(videos, tmp_path / "stopped")
    assert tree(tmp_path / "stopped") == whole


def test_a_killed_driver_is_resumed(videos, whole, tmp_path, ray_of_two_cpus):
    """It was connected to a running cluster by address."""
    program = (
        "import os, signal, sys\n"
        "from pathlib import Path\n"
        "from extract.cluster import Cluster\n"
        "from tests.encoders import *\n"
        "from tests.extract.cluster.test_pool import extract_frames\n"
        "def kill(now):\n"
        "    if now.num_done: os.kill(os.getpid(), signal.SIGKILL)\n"
        "videos, store, address = sys.argv[1:]\n"
        "with registered(Shade):\n"
        "    extract_frames(Path(videos), Path(store), cluster=Cluster(address), progress=kill)\n"
    )
    address = ray_of_two_cpus.get_runtime_context().gcs_address
    done = subprocess.run(
        [sys.executable, "-c", program, videos, tmp_path / "killed", address],
        cwd=Path(__file__).parents[3],
        env=os.environ | {"PYTHONPATH": "."},
        stderr=subprocess.PIPE,
    )
    assert done.returncode == -signal.SIGKILL, done.stderr.decode()
    report = extract_frames(videos, tmp_path / "killed")
    assert report.counts["thing"]["done"] == 4
    assert report.counts["thing"]["skipped"] >= 1
    assert tree(tmp_path / "killed") == whole
