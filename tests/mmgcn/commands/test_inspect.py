"""mmgcn inspect: a store and interactions."""

import json
from pathlib import Path

import numpy as np
import pytest

from extract.store import FeatureStore, Record
from tests import command_line


def run(capsys, *words):
    return command_line.run(capsys, "inspect", *words)


@pytest.fixture
def store(tmp_path):
    features = FeatureStore(tmp_path / "features")
    manifest = {"encoder": "acoustic", "dim": 2, "dtype": "float32", "pooling": "mean"}
    acoustic = features.create("acoustic", manifest)
    acoustic.write(Record("a"), np.ones((3, 2)))
    acoustic.write(Record("b"), np.zeros((1, 2)))
    acoustic.write(Record("007"), np.ones((2, 2)))
    acoustic.write(Record("mute", status="missing", reason="it has no audio"), None)
    acoustic.write(Record("still", status="missing", reason="it has no audio"), None)
    acoustic.write(Record("broken", status="failed", reason="cannot be read"), None)
    acoustic.finish()
    return features.root


@pytest.fixture
def interactions(tmp_path):
    path = tmp_path / "interactions.csv"
    path.write_text(
        "user_id,item_id,timestamp\n"
        "u,a,1\nu,a,5\nu,b,2\nu,7,3\nv,a,4\nv,mute,5\n"  # 007 was called 7
    )
    return path


def test_the_features_of_a_store_are_counted(capsys, store):
    code, out, _ = run(capsys, "--features", store, "--json")
    report = json.loads(out)["features"]["acoustic"]
    assert code == 0
    assert report["shape"] == [3, 2]
    assert (report["items"], report["with_features"], report["coverage"]) == (6, 3, 0.5)
    assert report["statuses"] == {"done": 3, "missing": 2, "failed": 1}
    assert report["rows_per_item"] == [1, 2, 3]
    assert report["zero_rows"] == {"count": 1, "examples": ["b"]}
    assert report["non_finite_rows"]["count"] == 0
    assert [(r["status"], r["reason"], r["count"]) for r in report["reasons"]] == [
        ("missing", "it has no audio", 2),
        ("failed", "cannot be read", 1),
    ]


def test_a_damaged_file_is_reported_and_stops_nothing(capsys, store):
    (path,) = store.glob("acoustic/*/items/a.npy")
    path.write_bytes(path.read_bytes()[:-1])
    code, out, _ = run(capsys, "--features", store, "--json")
    report = json.loads(out)["features"]["acoustic"]
    assert (code, report["damaged"]) == (0, {"count": 1, "examples": ["a"]})
    assert report["shape"] is None
    assert "which the next extraction replaces" in run(capsys, "--features", store)[1]


def test_interactions_are_counted(capsys, interactions):
    report = json.loads(run(capsys, "-i", interactions, "--json")[1])["interactions"]
    assert (report["interactions"], report["users"], report["items"]) == (5, 2, 4)
    assert report["density"] == 5 / 8
    assert report["duplicates"] == 1
    assert report["quantiles"][0] == 0
    assert report["quantiles"][-1] == 1
    assert (report["per_user"][0], report["per_user"][-1]) == (2, 3)
    assert (report["per_item"][0], report["per_item"][-1]) == (1, 2)
    assert report["users_below_3"] == 1
    assert report["timestamps"] == [1, 5]
    assert report["weights"] is False


def test_ids_that_match_nothing_are_reported_with_the_nearest(
    capsys, store, interactions, monkeypatch
):
    monkeypatch.setenv("COLUMNS", "200")  # a table that wraps is hard to search
    words = ("--features", store, "--interactions", interactions)
    report = json.loads(run(capsys, *words, "--json")[1])["matching"]
    assert report["watched_items"] == {"acoustic": {"extracted": 3, "with_features": 2}}
    assert report["items_never_extracted"] == {"count": 1, "examples": ["7"]}
    assert report["nearest_to_the_first"] == ["007"]
    assert report["items_never_watched"] == {"count": 3, "examples": ["007", "broken", "still"]}
    _, out, _ = run(capsys, *words)
    assert "extracted in no modality: 1 (7); the nearest extracted ids to the first: 007" in out
    assert "3 of 4 (75.0%)" in out
    assert "2 missing" in out


def test_an_array_of_features_is_inspected_like_a_modality(capsys, tmp_path, store):
    np.save(tmp_path / "price.npy", np.array([0.0, 2.0]))
    out = run(capsys, "--features", f"price={tmp_path / 'price.npy'}", "--json")[1]
    report = json.loads(out)["features"]["price"]
    assert (report["shape"], report["zero_rows"]["examples"]) == ([2, 1], ["0"])
    both = ("--features", store, "--features", f"acoustic={tmp_path / 'price.npy'}")
    code, _, err = run(capsys, *both)
    assert (code, "two --features have the name 'acoustic'" in err) == (1, True)


def test_the_default_locations_are_read(capsys, store, interactions, monkeypatch):
    monkeypatch.chdir(store.parent)
    report = json.loads(run(capsys, "--json")[1])
    assert list(report["features"]) == ["acoustic"]
    assert report["interactions"]["file"] == "interactions.csv"


def test_nothing_to_inspect_is_an_error(capsys, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    code, out, err = run(capsys, "--json")
    assert (code, out) == (1, "")
    assert "--features and --interactions" in err
    for option in ("--features", "--interactions"):
        code, _, err = run(capsys, option, tmp_path / "nowhere")
        assert code == 1
        assert "nowhere" in err


def test_a_file_without_a_name_is_refused(capsys, tmp_path):
    np.save(tmp_path / "f.npy", np.ones((2, 2)))
    code, _, err = run(capsys, "--features", tmp_path / "f.npy")
    assert code == 1
    assert f"name its modality: --features NAME={tmp_path / 'f.npy'}" in err


def test_near_duplicates_are_listed(capsys, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    vectors = np.random.default_rng(0).normal(size=(30, 8))
    vectors[7], vectors[9] = vectors[3] * 1.01, vectors[3] + 0.01
    np.save("v.npy", vectors)
    code, out, _ = run(capsys, "--features", "visual=v.npy", "--duplicates", 0.98, "--json")
    assert code == 0
    assert json.loads(out)["duplicates"] == {"min_cosine": 0.98, "groups": [["3", "7", "9"]]}
    code, out, _ = run(capsys, "--features", "visual=v.npy", "--duplicates", 0.98)
    assert "near-duplicates (cosine of at least 0.98): 3 items in 1 groups\n  3, 7, 9\n" in out
    np.save("many.npy", np.repeat(vectors, 7, axis=0))
    _, out, _ = run(capsys, "--features", "visual=many.npy", "--duplicates", 0.9)
    assert "0, 1, 2, 3, 4, and 2 more\n" in out
    assert "... and 8 more groups; --json lists all" in out
    Path("interactions.csv").write_text("user_id,item_id\nu,a\nu,b\n")
    code, _, err = run(capsys, "--features", "none", "--duplicates", 0.9)
    assert code == 1
    assert "duplicates are found by --features, and there are none" in err
    code, _, err = run(capsys, "--features", "visual=v.npy", "--duplicates", 2)
    assert code == 1
    assert "min_cosine is 2.0; it must be above 0 and at most 1" in err
