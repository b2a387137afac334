"""mmgcn store, and which set `mmgcn extract` makes current."""

import json

import numpy as np
import pytest

import cli
from extract.store import FeatureStore, Record
from tests.clips import Audio, make_clip
from tests.stores import manifest


@pytest.fixture
def run(capsys, tmp_path, monkeypatch):
    """Run the command line in an empty folder; returns exit code, standard output and error."""
    monkeypatch.chdir(tmp_path)

    def running(*words):
        capsys.readouterr()
        with pytest.raises(SystemExit) as leaving:
            cli.main([str(word) for word in words])
        shown = capsys.readouterr()
        return leaving.value.code or 0, shown.out, shown.err

    return running


@pytest.fixture
def sets(tmp_path):
    """A set of two items, which is current, and one of one item."""
    store = FeatureStore(tmp_path / "features")
    large = store.create("visual", manifest(sampling={"num_frames": 16}))
    small = store.create("visual", manifest(sampling={"fps": 2}), current=False)
    for features, names in ((large, "ab"), (small, "a")):
        for name in names:
            features.write(Record(name), np.zeros((1, 2)))
    return large, small


def test_ls_lists_sets_with_encoder_items_bytes_and_which_is_current(run, sets):
    code, out, _ = run("store", "ls", "--json")
    large, small = sets
    assert code == 0
    size = large.records["a"].num_bytes
    expected = {
        large.digest: (2, 2 * size, True, {"num_frames": 16}),
        small.digest: (1, size, False, {"fps": 2}),
    }
    rows = json.loads(out)
    assert {
        row["digest"]: (row["items"], row["bytes"], row["current"], row["sampling"]) for row in rows
    } == expected
    assert {(row["modality"], row["encoder"]) for row in rows} == {("visual", "colour")}
    code, out, _ = run("store", "ls", "--store", "features")
    assert code == 0
    (line,) = (line for line in out.splitlines() if large.digest in line)
    assert line.split() == [
        "visual",
        "colour",
        large.digest,
        "num_frames=16",
        "2",
        str(2 * size),
        "yes",
    ]


def test_use_switches_the_current_set(run, sets, tmp_path):
    _, small = sets
    code, out, _ = run("store", "use", small.digest)
    assert (code, out) == (0, f"{small.name} is the current set, with 1 items\n")
    assert FeatureStore(tmp_path / "features").feature_set("visual").path == small.path
    code, _, err = run("store", "use", "zzz")
    assert code == 1
    assert "no feature sets of features are called 'zzz'" in err


def test_no_store_is_an_error(run):
    code, _, err = run("store", "ls", "--store", "none")
    assert code == 1
    assert "no feature store at none" in err


def test_extract_does_not_make_a_set_of_fewer_items_current(run, tmp_path):
    for folder, names in (("all", "ab"), ("new", "a")):
        (tmp_path / folder).mkdir()
        for name in names:
            clip = tmp_path / folder / f"{name}.wav"
            make_clip(clip, num_frames=0, audio=Audio(seconds=1, codec="pcm_s16le"))
    words = ("-m", "a", "--preset", "offline", "--device", "cpu", "--workers", "1")
    run("extract", "all", *words)
    store = FeatureStore(tmp_path / "features")
    before = store.feature_set("acoustic")
    code, _, err = run("extract", "new", *words, "--dtype", "float32")
    assert code == 0
    assert f"covers 1 items and the current set {before.name} covers 2" in " ".join(err.split())
    assert store.feature_set("acoustic").path == before.path
    code, _, err = run("extract", "new", *words, "--dtype", "float32", "--make-current")
    assert code == 0
    assert "it lacks 1 of the 2 items of" in " ".join(err.split())
    assert store.feature_set("acoustic").path != before.path
