"""mmgcn store, and which set `mmgcn extract` makes current."""

import json

import numpy as np
import polars as pl
import pytest

from extract.store import FeatureSet, FeatureStore, Record
from tests.clips import Audio, make_clip
from tests.stores import manifest


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
        "fit",
    ]


def test_use_switches_the_current_set(run, sets, tmp_path):
    _, small = sets
    code, out, _ = run("store", "use", small.digest)
    assert (code, out) == (0, f"{small.name} is the current set, with 1 items\n")
    assert FeatureStore(tmp_path / "features").feature_set("visual").path == small.path
    code, _, err = run("store", "use", "zzz")
    assert code == 1
    assert "no feature sets of features are called 'zzz'" in err


def test_du_shows_the_bytes_of_each_set_on_the_disk(run, sets, tmp_path):
    large, small = sets
    large.pooled()
    (large.path / "items" / "stray.npy").write_bytes(b"1234567")
    code, out, _ = run("store", "du", "--json")
    assert code == 0
    found = {row["set"]: row for row in json.loads(out)}
    sizes = {path.name: path.stat().st_size for path in large.path.rglob("*") if path.is_file()}
    (pooled,) = (size for name, size in sizes.items() if name.startswith("pooled"))
    assert found[large.name] == {
        "set": large.name,
        "layout": "files",
        "rows": large.records.num_bytes() + 7,
        "records": sizes["manifest.json"] + sizes["records.jsonl"],
        "pooled": pooled,
        "total": sum(sizes.values()),
        "unused": 7,
    }
    assert found[small.name]["unused"] == 0
    code, out, _ = run("store", "du")
    assert code == 0
    assert "mmgcn store gc lists the files" in out


def test_gc_lists_and_deletes_unused_sets(run, sets, tmp_path):
    large, small = sets
    stray = large.path / "items" / "stray.npy"
    stray.write_bytes(b"1234567")
    other = FeatureStore(tmp_path / "features").create("visual", manifest(dim=3), current=False)
    (tmp_path / "trained" / "one").mkdir(parents=True)
    config = {"features": {"visual": {"digest": other.digest}, "text": {"digest": "1"}}}
    (tmp_path / "trained" / "one" / "config.json").write_text(json.dumps(config))
    code, out, _ = run("store", "gc", "--runs", "trained")
    assert code == 0
    assert f"{small.name} is not current, and no run was trained on it" in out
    assert f"1 files of {large.name} that no record names" in out
    assert "would be deleted; add --delete" in out
    assert stray.exists()
    assert small.path.exists()
    code, out, _ = run("store", "gc", "--runs", "trained", "--delete", "--keep", small.digest)
    assert code == 0
    assert not stray.exists()
    assert small.path.exists()
    code, out, _ = run("store", "gc", "--runs", "trained", "--delete", "--json")
    assert [row["paths"] for row in json.loads(out)["unused"]] == [[f"features/{small.name}"]]
    assert not small.path.exists()
    assert other.path.exists()
    code, out, _ = run("store", "gc", "--runs", "trained")
    assert (code, out) == (0, "nothing in features is unused\n")
    (line,) = [
        row
        for row in json.loads(run("store", "ls", "--runs", "trained", "--json")[1])
        if row["runs"]
    ]
    assert line["digest"] == other.digest


def test_gc_deletes_nothing_where_the_sets_of_a_run_are_unknown(run, sets, tmp_path):
    (tmp_path / "runs" / "one").mkdir(parents=True)
    (tmp_path / "runs" / "one" / "config.json").write_text("{")
    code, _, err = run("store", "gc", "--delete")
    assert code == 1
    assert "cannot be read, so what its run uses is unknown" in err
    assert sets[1].path.exists()
    code, _, err = run("store", "gc", "--runs", "nowhere")
    assert code == 1
    assert "no folder of runs at nowhere" in err


def test_gc_deletes_leftovers_of_a_conversion_and_packs_that_no_record_names(run, sets, tmp_path):
    large, _ = sets
    run("store", "gc", "--delete")
    (large.path / "packs").mkdir()
    (large.path / "packs" / "000000.pack").touch()
    assert run("store", "gc", "--delete")[0] == 0
    assert list((large.path / "packs").iterdir()) == []
    assert run("store", "convert")[0] == 0
    (large.path / "packs" / "000007.pack").touch()
    (large.path / "items").mkdir()
    (large.path / "items" / "a.npy").touch()
    assert "2 files of" in run("store", "gc", "--delete")[1]
    assert [path.name for path in (large.path / "packs").iterdir()] == ["000000.pack"]
    assert FeatureSet(large.path).verify() == []


def test_convert_changes_the_layout_and_keeps_the_rows(run, sets):
    large, _ = sets
    rows = large.read("a").tolist()
    code, out, _ = run("store", "convert", large.digest, "--layout", "packed")
    assert (code, out) == (0, f"{large.name} is packed, with 2 items\n")
    assert FeatureSet(large.path).read("a").tolist() == rows
    pack = large.path / "packs" / "000000.pack"
    pack.write_bytes(pack.read_bytes() + bytes(128))
    (row, _) = sorted(json.loads(run("store", "du", "--json")[1]), key=lambda r: -r["unused"])
    assert 64 < row["unused"] <= 128  # without what aligns the next rows
    assert run("store", "convert", "--layout", "packed")[0] == 0
    assert not any(row["unused"] for row in json.loads(run("store", "du", "--json")[1]))
    code, out, _ = run("store", "convert", "--layout", "files")
    assert code == 0
    assert FeatureSet(large.path).layout == "files"
    assert FeatureSet(large.path).read("a").tolist() == rows
    assert "is files already" in run("store", "convert", "--layout", "files")[1]
    code, _, err = run("store", "convert", "--layout", "zip")
    assert code == 2
    assert "files, packed" in " ".join(err.split())


def test_an_export_is_read_back_by_its_ids(run, sets, tmp_path):
    large, _ = sets
    large.write(Record("a"), np.array([[1, 2], [3, 6]]))
    code, out, err = run("store", "export", large.digest, "--out", "out/visual.npy")
    assert (code, out) == (0, "2 vectors: out/visual.npy, out/visual.txt\n")
    assert "mmgcn fit --features visual=out/visual.npy,out/visual.txt" in err
    assert np.load("out/visual.npy").tolist() == [[2, 4], [0, 0]]
    assert (tmp_path / "out" / "visual.txt").read_text() == "a\nb\n"
    assert run("store", "export", large.digest, "-o", "visual.parquet")[0] == 0
    table = pl.read_parquet("visual.parquet")
    assert table["item_id"].to_list() == ["a", "b"]
    assert table["vector"].to_numpy().tolist() == [[2, 4], [0, 0]]
    code, _, err = run("store", "export", large.digest, "-o", "visual.csv")
    assert code == 1
    assert "visual.csv ends in neither .npy nor .parquet" in err


@pytest.mark.parametrize(
    ("item_id", "message"),
    [("a\nb", "an id contains a line break"), ("caf\udce9", "is not UTF-8")],
)
def test_ids_that_a_text_file_cannot_hold_are_refused(run, sets, item_id, message):
    sets[0].write(Record(item_id), np.zeros((1, 2)))
    code, _, err = run("store", "export", sets[0].digest, "-o", "x.npy")
    assert code == 1
    assert message in err


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
