"""extract_features: the status of each clip, and which clips are extracted again."""

import importlib
import os
import shutil
import subprocess
import sys
from collections import Counter
from pathlib import Path

import numpy as np
import pytest

from extract import Item, read_catalogue
from extract.encoder import ENCODERS
from extract.media import Sampling, read_media
from extract.store import FeatureStore, StoreError
from tests import networks
from tests.clips import Audio, make_clip
from tests.extraction import extract_items

# Encoders that are quick, and some that go wrong on clips of one brightness. Workers import it.
MODULE = '''
import os, time
import numpy as np
from extract.encoder import Encoder

class Brightness(Encoder):
    """Mean and spread of a frame's bytes."""
    name, reads, dim = "brightness", "frames", 2
    @property
    def settings(self):
        return {"weights": self.given_weights}
    def load(self, device="cpu", *, engine="torch"):
        pass
    def prepare(self, sample):
        return sample.data.reshape(len(sample.data), -1)[:, :1000].copy()
    def encode(self, units):
        return np.stack([units.mean(axis=1), units.std(axis=1)], axis=1).astype(np.float32)

class OnWhite(Brightness):
    def prepare(self, sample):
        if sample.data.min() > 200:
            self.happen()
        return super().prepare(sample)

class Crash(OnWhite):
    name = "crash"
    def happen(self):
        os.kill(os.getpid(), 9)

class Hang(OnWhite):
    name = "hang"
    def happen(self):
        time.sleep(600)

class Hog(OnWhite):
    name = "hog"
    def happen(self):
        self.held = np.ones(1 << 26)  # 512 MiB
        time.sleep(600)

class NotLoaded(Brightness):
    name = "not_loaded"
    def load(self, device="cpu", *, engine="torch"):
        raise ValueError("no numbers here")

class Stumble(OnWhite):
    name = "stumble"
    def happen(self):
        raise KeyError("no such colour")

class NotFinite(Brightness):
    name = "not_finite"
    def encode(self, units):
        rows = super().encode(units)
        rows[units.min(axis=1) > 200] = np.nan
        return rows

class WrongWidth(Brightness):
    name = "wrong_width"
    def encode(self, units):
        return np.zeros((len(units), 5), np.float32)

class Letters(Encoder):
    """How many letters and words a caption has."""
    name, reads, dim = "letters", "text", 2
    settings = {}
    def load(self, device="cpu", *, engine="torch"):
        pass
    def prepare(self, sample):
        return np.array([sample])
    def encode(self, units):
        return np.array([[len(u), len(u.split())] for u in units], np.float32)
'''


@pytest.fixture(scope="module", autouse=True)
def encoder_module(tmp_path_factory):
    """The module, importable here and in workers, with its encoders registered."""
    folder = tmp_path_factory.mktemp("site")
    (folder / "encoder_module.py").write_text(MODULE)
    with pytest.MonkeyPatch.context() as patch:
        patch.syspath_prepend(folder)
        patch.setattr(ENCODERS, "_members", dict(ENCODERS._members))
        patch.setattr(ENCODERS, "_registered", dict(ENCODERS._registered))
        module = importlib.import_module("encoder_module")
        for member in vars(module).values():
            if isinstance(member, type) and "name" in vars(member):
                ENCODERS.register(member.name, member)
        yield module
        del sys.modules["encoder_module"]


def white(_index, width, height):
    return np.full((height, width, 3), 250, dtype=np.uint8)


def extract(videos, store, *, encoders=(("visual", "brightness"), ("acoustic", "logmel")), **more):
    catalogue = read_catalogue(videos)
    more = {"root": catalogue.root, "device": "cpu", "workers": 1} | more
    names = list(dict.fromkeys(name for name, _ in encoders))
    return extract_items(catalogue.items, store, modalities=names, encoders=encoders, **more)


def rows_and_inodes(store):
    """Every file of rows, and what changes when it is written again."""
    return {
        path.relative_to(store).as_posix(): (path.stat().st_ino, path.stat().st_mtime_ns)
        for path in store.rglob("*.npy")
    }


def status_of(report, store):
    return {
        modality: {
            record.id: record.status
            for record in FeatureStore(store).feature_set(modality).records.values()
        }
        for modality in report.counts
    }


@pytest.fixture(scope="module")
def clips(tmp_path_factory):
    """Clips of every kind, in a folder that no test changes."""
    videos = tmp_path_factory.mktemp("clips")
    make_clip(videos / "whole.mp4", audio=Audio(seconds=2))
    make_clip(videos / "named.mp4", audio=Audio(seconds=1, hz=880), title="A name inside")
    make_clip(videos / "mute.mp4")
    make_clip(videos / "song.mkv", num_frames=0, audio=Audio(seconds=1))
    make_clip(videos / "cut.mkv", num_frames=96, audio=Audio(seconds=4))
    data = (videos / "cut.mkv").read_bytes()
    (videos / "cut.mkv").write_bytes(data[: len(data) * 6 // 10])
    (videos / "noise.mp4").write_bytes(bytes(range(256)) * 20)
    (videos / "empty.mp4").touch()
    (videos / "captions.csv").write_text("item_id,caption\nwhole,Dog on a beach\nnoise,two words\n")
    return videos


ALL = (("visual", "brightness"), ("acoustic", "logmel"), ("textual", "letters"))


@pytest.fixture(scope="module")
def extracted(clips, encoder_module, tmp_path_factory):
    """A store of all clips, and the report; tests copy what they change."""
    store = tmp_path_factory.mktemp("store") / "features"
    message = []
    report = extract(clips, store, encoders=ALL, progress=message.append)
    return store, report, message


@pytest.fixture
def world(clips, extracted, tmp_path):
    """Copies of the clips and of their store, to change."""
    shutil.copytree(clips, tmp_path / "clips")
    shutil.copytree(extracted[0], tmp_path / "features")
    return tmp_path / "clips", tmp_path / "features"


# --- what comes of each clip ---


def test_each_clip_gets_its_status_in_each_modality(extracted):
    store, report, _ = extracted
    assert status_of(report, store) == {
        "visual": {
            **dict.fromkeys(["whole", "named", "mute"], "done"),
            "song": "missing",
            "cut": "partial",
            "noise": "failed",
            "empty": "failed",
        },
        "acoustic": {
            **dict.fromkeys(["whole", "named", "song"], "done"),
            "mute": "missing",
            "cut": "partial",
            "noise": "failed",
            "empty": "failed",
        },
        "textual": {
            **dict.fromkeys(["whole", "named", "noise"], "done"),
            "mute": "missing",
            "song": "missing",
            "cut": "missing",
            "empty": "failed",  # whether it has a title is unknown
        },
    }


def test_the_report_counts_what_the_store_holds(extracted):
    store, report, _ = extracted
    for modality, statuses in status_of(report, store).items():
        counted = {status: n for status, n in report.counts[modality].items() if n}
        assert counted == Counter(statuses.values())
    assert {(f.id, f.modality) for f in report.partial} == {("cut", "visual"), ("cut", "acoustic")}
    assert all(failure.reason and failure.path for failure in report.failures)


def test_rows_are_those_of_the_encoder_over_the_frames_of_the_clip(
    extracted, clips, encoder_module
):
    store, _, _ = extracted
    encoder = encoder_module.Brightness()
    with read_media(clips / "whole.mp4", sampling=Sampling()) as blocks:
        expected = np.concatenate([encoder.encode(encoder.prepare(block)) for block in blocks])
    features = FeatureStore(store).feature_set("visual")
    assert expected.shape == (16, 2)
    np.testing.assert_array_equal(features.read("whole"), expected.astype(np.float16))
    times = features.records["whole"].pts_seconds
    assert len(times) == 16
    assert list(times) == sorted(times)


def test_captions_come_from_the_table_and_then_from_the_title_inside(extracted):
    features = FeatureStore(extracted[0]).feature_set("textual")
    assert features.read("whole").tolist() == [[14, 4]]  # Dog on a beach
    assert features.read("named").tolist() == [[13, 3]]  # A name inside


def test_records_name_sources_relative_to_the_folder(extracted):
    records = FeatureStore(extracted[0]).feature_set("visual").records
    assert records["cut"].source == "cut.mkv"


def test_progress_ends_with_every_clip_done(extracted):
    last = extracted[2][-1]
    assert last.num_done == last.num_total == 7
    assert last.bottleneck in ("decoding", "encoding", "the disk")


# --- what is done again ---


def test_a_second_run_writes_nothing(world):
    videos, store = world
    before = rows_and_inodes(store)
    records = {path: path.read_bytes() for path in store.rglob("records.jsonl")}
    report = extract(videos, store, encoders=ALL)
    assert rows_and_inodes(store) == before
    assert {path: path.read_bytes() for path in store.rglob("records.jsonl")} == records
    assert [counts["skipped"] for counts in report.counts.values()] == [7, 7, 7]


def test_a_file_that_was_only_touched_is_not_extracted_again(world):
    videos, store = world
    before = rows_and_inodes(store)
    os.utime(videos / "whole.mp4", (1, 1))
    report = extract(videos, store, dry_run=True)
    assert report.planned == 0
    extract(videos, store)
    assert rows_and_inodes(store) == before
    assert FeatureStore(store).feature_set("visual").records["whole"].mtime_ns == 10**9


def test_only_changed_and_corrupt_items_are_extracted_again(world):
    videos, store = world
    before = rows_and_inodes(store)
    make_clip(videos / "named.mp4", num_frames=12, audio=Audio(seconds=3))
    (corrupt,) = store.glob("visual/*/items/whole.npy")
    whole = corrupt.read_bytes()
    corrupt.write_bytes(whole[:-1])
    assert extract(videos, store, dry_run=True).planned == 2
    extract(videos, store)
    after = rows_and_inodes(store)
    again = {name.rpartition("/")[2] for name in after if after[name] != before[name]}
    assert again == {"named.npy", "whole.npy"}
    assert corrupt.read_bytes() == whole
    (audio,) = [name for name in after if name.endswith("whole.npy") and "acoustic" in name]
    assert after[audio] == before[audio]


def test_a_changed_caption_is_encoded_again(world):
    videos, store = world
    (videos / "captions.csv").write_text("item_id,caption\nwhole,Cat\nnoise,two words\n")
    report = extract(videos, store, encoders=[("textual", "letters")])
    assert report.counts["textual"]["skipped"] == 6
    assert FeatureStore(store).feature_set("textual").read("whole").tolist() == [[3, 1]]


def test_failed_items_are_retried_on_request(world):
    videos, store = world
    assert extract(videos, store, dry_run=True).planned == 0
    assert extract(videos, store, dry_run=True, retry_failed=True).planned == 2  # noise, empty


def test_the_title_of_a_clip_that_failed_is_read_when_it_is_tried_again(tmp_path):
    (tmp_path / "clips").mkdir()
    make_clip(tmp_path / "clips" / "bright.mp4", draw_frame=white, title="A name inside")
    store = tmp_path / "features"
    encoders = (("visual", "hang"), ("textual", "letters"))
    extract(tmp_path / "clips", store, encoders=encoders, clip_timeout_seconds=0.5)
    assert FeatureStore(store).feature_set("textual").records["bright"].status == "failed"
    extract(tmp_path / "clips", store, encoders=encoders[1:], retry_failed=True)
    assert FeatureStore(store).feature_set("textual").read("bright").tolist() == [[13, 3]]


def test_a_dry_run_decodes_nothing(clips, tmp_path):
    report = extract(clips, tmp_path / "features", dry_run=True)
    assert report.planned == 7
    assert report.counts["visual"]["not done"] == 7
    assert not list((tmp_path / "features").rglob("*.npy"))


@pytest.mark.parametrize("more", [{"num_frames": 4}, {"dtype": "float32"}])
def test_other_settings_make_another_set(world, more):
    videos, store = world
    one = [("visual", "brightness")]
    assert extract(videos, store, encoders=one, dry_run=True).planned == 0
    assert extract(videos, store, encoders=one, dry_run=True, **more).planned == 7


def test_rows_that_were_changed_on_disk_are_found_on_request(world):
    videos, store = world
    (path,) = store.glob("visual/*/items/whole.npy")
    path.write_bytes(path.read_bytes()[:-1] + b"!")  # as long as before
    assert extract(videos, store, dry_run=True).planned == 0
    assert extract(videos, store, dry_run=True, verify=True).planned == 1


def test_encoders_of_one_modality_are_filled_and_the_last_is_current(clips, tmp_path):
    pairs = [("visual", f"brightness:{weights}") for weights in "xyz"]
    report = extract([clips / "mute.mp4"], tmp_path, encoders=pairs, posters=tmp_path / "posters")
    assert [*report.counts] == ["visual", "visual/brightness", "visual/brightness:z"]
    assert [counts["done"] for counts in report.counts.values()] == [1, 1, 1]
    current = FeatureStore(tmp_path).feature_set("visual").manifest["provenance"]
    assert current["weights"] == "z"
    assert (tmp_path / "posters" / "mute.jpg").read_bytes()[:2] == b"\xff\xd8"


def test_items_may_come_one_after_another_and_posters_by_the_name_of_a_folder(clips, tmp_path):
    items = read_catalogue([clips / "mute.mp4"]).items
    (tmp_path / "posters").mkdir()
    (tmp_path / "posters" / ".mute.jpg.fc5d.tmp").touch()  # a worker was killed while it wrote it
    report = extract_items(
        (item for item in items),
        tmp_path / "store",
        modalities=["visual"],
        encoders=[("visual", "brightness")],
        device="cpu",
        posters=str(tmp_path / "posters"),
    )
    assert report.counts["visual"]["done"] == 1
    assert [path.name for path in (tmp_path / "posters").iterdir()] == ["mute.jpg"]


# --- what goes wrong ---


@pytest.fixture(scope="module")
def one_white(tmp_path_factory):
    """Eight clips, of which the one called `white` is."""
    videos = tmp_path_factory.mktemp("one_white")
    for index in range(7):
        make_clip(videos / f"clip{index}.mp4", num_frames=6 + index)
    return make_clip(videos / "white.mp4", num_frames=6, draw_frame=white).parent


@pytest.mark.parametrize(
    ("encoder", "reason", "more"),
    [
        ("crash", "signal 9, SIGKILL", {}),
        ("hang", "longer than", {"clip_timeout_seconds": 2.0}),
        ("hog", "needed more memory", {"clip_memory_gib": 0.25}),
        ("stumble", "no such colour", {}),
        ("not_finite", "not finite", {}),
    ],
)
def test_a_clip_that_crashes_its_worker_fails_alone(one_white, tmp_path, encoder, reason, more):
    report = extract(one_white, tmp_path, encoders=[("visual", encoder)], **more)
    assert [failure.id for failure in report.failures] == ["white"]
    assert reason in report.failures[0].reason
    assert report.counts["visual"]["done"] == 7


def test_an_encoder_whose_rows_have_another_width_ends_the_run(one_white, tmp_path):
    with pytest.raises(ValueError, match=r"'wrong_width' returned \(.*, 5\) for .* units; its"):
        extract(one_white, tmp_path, encoders=[("visual", "wrong_width")])


def test_an_encoder_that_cannot_be_loaded_ends_the_run(clips, tmp_path):
    with pytest.raises(ValueError, match=r"a worker could not start: no numbers here$"):
        extract([clips / "mute.mp4"], tmp_path, encoders=[("visual", "not_loaded")])


def test_strict_stops_at_the_first_failure(clips, tmp_path):
    with pytest.raises(ValueError, match=r"noise\.mp4 failed: .*; stopped by strict"):
        extract([clips / "noise.mp4"], tmp_path, strict=True)


def test_a_store_that_another_process_writes_is_refused(clips, tmp_path):
    script = (
        "import sys; from extract.store import FeatureStore\n"
        "with FeatureStore(sys.argv[1]).locked(): print('held', flush=True); sys.stdin.read()"
    )
    other = subprocess.Popen(
        [sys.executable, "-c", script, str(tmp_path)],
        env=os.environ | {"PYTHONPATH": str(Path(__file__).parents[3])},
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
    )
    with other:
        assert other.stdout.readline() == b"held\n"
        with pytest.raises(StoreError, match=f"is being written by process {other.pid}; wait"):
            extract(clips, tmp_path)
        other.stdin.close()
    assert extract(clips, tmp_path, dry_run=True).planned == 7


@pytest.mark.parametrize(
    ("more", "error", "match"),
    [
        ({"modalities": ["visul"]}, LookupError, "no modality is called 'visul'; did you mean vis"),
        ({"preset": "papr"}, LookupError, "has no preset 'papr'; it has: paper, offline"),
        ({"encoders": [("a", "logmell")]}, LookupError, "no encoder is called 'logmell'"),
        (
            {"encoders": [("v", "resnet50")]},
            ValueError,
            "named for visual, which is not one of the modal",
        ),
        ({"device": "tpu"}, ValueError, "device is 'tpu'; known: auto, cpu, cuda"),
        ({"encoders": [("a", "logmel")] * 2}, ValueError, "same weights is named twice"),
        ({"engine": "torhc"}, ValueError, "engine is 'torhc'; known: torch, onnx"),
        ({"dtype": "float8"}, ValueError, "dtype is 'float8'; known: float16, float32"),
        ({"workers": 0}, ValueError, "workers is 0; at least 1 is needed"),
        ({"shard": "../x"}, ValueError, r"shard is '\.\./x'; lower-case letters, digits and"),
        ({"shard": ""}, ValueError, "shard is ''; lower-case letters"),
        ({"clip_timeout_seconds": -1}, ValueError, "clip_timeout_seconds is -1; it must be pos"),
        ({"clip_memory_gib": 0}, ValueError, "clip_memory_gib is 0; it must be positive"),
    ],
)
def test_a_wrong_setting_is_an_error_with_the_known_values(clips, tmp_path, more, error, match):
    more = {"modalities": ["a"], "preset": "offline", "device": "cpu"} | more
    with pytest.raises(error, match=match):
        extract_items(read_catalogue(clips).items, tmp_path, **more)
    assert not list(tmp_path.rglob("manifest.json"))


def test_a_precision_that_the_processor_lacks_is_refused_before_a_set_is_begun(
    clips, tmp_path, monkeypatch
):
    monkeypatch.setattr("extract.encoders._onednn.is_available", lambda: True)
    monkeypatch.setattr("extract.encoders._onednn.computes_bfloat16", lambda: False)
    options = {"encoders": {"visual": f"resnet50:{networks.weights('resnet50')}"}, "device": "cpu"}
    items = read_catalogue(clips).items
    with pytest.raises(ValueError, match="bfloat16 needs an x86 processor with AVX-512"):
        extract_items(items, tmp_path, modalities=["v"], precision="bfloat16", **options)
    assert not list(tmp_path.rglob("manifest.json"))


def test_a_missing_gpu_is_an_error(clips, tmp_path, monkeypatch):
    monkeypatch.setattr("torch.cuda.device_count", lambda: 1)
    with pytest.raises(ValueError, match="device is 'cuda:1', but torch sees 1 GPUs here; pass"):
        extract(clips, tmp_path, device="cuda:1")


def test_an_item_without_a_file_is_missing_where_files_are_decoded(clips, tmp_path):
    items = [*read_catalogue([clips / "mute.mp4"]).items, Item("bare", None, "a cat")]
    report = extract_items(items, tmp_path, modalities=["a"], preset="offline")
    assert report.counts["acoustic"] == {"skipped": 0, "missing": 2}
    records = FeatureStore(tmp_path).feature_set("acoustic").records
    assert records["bare"].reason == "it has no file"
    again = extract_items(items, tmp_path, modalities=["a"], preset="offline")
    assert again.counts["acoustic"] == {"skipped": 2, "missing": 2}


def test_items_without_any_file_are_refused_where_files_are_decoded(tmp_path):
    with pytest.raises(
        ValueError,
        match="none of the 1 items has a file, from which visual features are decoded; "
        "pass modalities=textual, or name videos",
    ):
        extract_items(
            [Item("bare", None, "a cat")], tmp_path, modalities=["v", "t"], preset="offline"
        )


def test_two_items_with_the_same_id_are_refused(clips, tmp_path):
    items = read_catalogue([clips / "mute.mp4"]).items * 2
    with pytest.raises(ValueError, match="1 ids belong to several items, such as 'mute'"):
        extract_items(items, tmp_path, preset="offline")


def test_an_encoder_that_workers_cannot_import_is_refused(
    clips, tmp_path, encoder_module, monkeypatch
):
    class Local(encoder_module.Brightness):
        name = "local"

    monkeypatch.setattr(ENCODERS, "_members", dict(ENCODERS._members))
    monkeypatch.setattr(ENCODERS, "_registered", dict(ENCODERS._registered))
    ENCODERS.register("local", Local)
    with pytest.raises(
        ValueError, match=r"the encoder 'local' is defined in .* workers cannot imp"
    ):
        extract([clips / "mute.mp4"], tmp_path, encoders=[("visual", "local")])


def test_strict_stops_at_an_earlier_failure(world):
    videos, store = world
    with pytest.raises(ValueError, match=r"in an earlier run: .*retry_failed=True extracts it"):
        extract(videos, store, strict=True)
