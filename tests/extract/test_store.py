"""The feature store: names, atomic writes, records, pooling and alignment."""

import errno
import json
import os

import numpy as np
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from extract.store import (
    FeatureSet,
    FeatureStore,
    NoFeatures,
    Problem,
    Record,
    StoreError,
    digest,
    file_name,
    pool,
    write_atomically,
)

# Any text a file system can give, the halves of surrogate pairs that stand for odd bytes included.
IDS = st.text(st.characters(), min_size=1, max_size=300)
ROWS = np.arange(6, dtype=np.float32).reshape(3, 2)


def manifest(**more):
    return {"encoder": "colour", "dim": 2, "pooling": "mean", "dtype": "float16"} | more


@pytest.fixture
def features(tmp_path):
    return FeatureStore(tmp_path).create("visual", manifest())


def reopened(features):
    return FeatureSet(features.path)


# --- names ---


@given(IDS)
def test_a_file_name_is_safe_on_every_file_system(item_id):
    name = file_name(item_id)
    assert 0 < len(name) <= 200
    assert set(name) <= set("abcdefghijklmnopqrstuvwxyz0123456789._-%~ABCDEF")
    assert not name.startswith(".")


@given(IDS, IDS)
@example("A", "a")
@example("a b", "a%20b")
@example("é", "e\u0301")
def test_two_ids_have_two_file_names_even_where_case_is_ignored(one, other):
    assert (file_name(one).lower() == file_name(other).lower()) == (one == other)


@given(st.text(st.characters(exclude_categories=["Cs"]), min_size=1, max_size=16))
def test_a_short_id_can_be_read_from_its_file_name(item_id):
    from urllib.parse import unquote

    assert unquote(file_name(item_id)) == item_id


def test_ids_that_differ_far_behind_have_two_file_names():
    assert file_name("a" * 400 + "b") != file_name("a" * 400 + "c")
    # An id that looks like a shortened name is not taken for one.
    assert file_name(file_name("a" * 400)) != file_name("a" * 400)


# --- what is written is what is read ---


@settings(max_examples=25, deadline=None)
@given(st.dictionaries(IDS, st.integers(1, 4), min_size=1, max_size=5))
def test_rows_and_records_come_back(tmp_path_factory, lengths):
    features = FeatureStore(tmp_path_factory.mktemp("store")).create("visual", manifest())
    rng = np.random.default_rng(0)
    written = {item_id: rng.normal(size=(n, 2)) for item_id, n in lengths.items()}
    for item_id, rows in written.items():
        features.write(Record(item_id, pts_seconds=tuple(range(len(rows)))), rows)
    features.finish()
    again = reopened(features)
    assert list(again.records) == sorted(written)
    for item_id, rows in written.items():
        np.testing.assert_array_equal(again.read(item_id), rows.astype(np.float16))
        assert again.records[item_id].rows == len(rows)
        assert again.is_whole(again.records[item_id])
    assert again.verify() == []


def test_rows_are_memory_mapped_and_in_c_order(features):
    features.write(Record("a"), np.asfortranarray(ROWS))
    rows = features.read("a")
    assert isinstance(rows, np.memmap)
    assert rows.flags.c_contiguous
    assert rows.dtype == np.float16


@pytest.mark.parametrize(
    ("rows", "match"),
    [
        (np.zeros((3, 5)), r"rows of 'a' are \(3, 5\), not \(T, 2\)"),
        (np.zeros(2), r"rows of 'a' are \(2,\), not \(T, 2\)"),
        (np.array([[1, np.nan]]), "rows of 'a' are not finite"),
        (np.array([[1, 1e6]]), "rows of 'a' do not fit float16; use --dtype float32"),
    ],
)
# numpy warns of the overflow that is then refused
@pytest.mark.filterwarnings("ignore:overflow encountered in cast")
def test_rows_that_cannot_be_stored_are_refused_and_leave_nothing(features, rows, match):
    with pytest.raises(ValueError, match=match):
        features.write(Record("a"), rows)
    assert reopened(features).records == {}
    assert list((features.path / "items").iterdir()) == []


def test_an_item_without_rows_loses_those_it_had(features):
    features.write(Record("a"), ROWS)
    features.write(Record("a", status="failed", reason="broken"), None)
    assert not features.rows_path("a").exists()
    with pytest.raises(NoFeatures, match="no visual rows of 'a': it is failed: broken"):
        features.read("a")
    with pytest.raises(NoFeatures, match="no visual rows of 'b': it was never extracted"):
        features.read("b")


# --- manifests and sets ---


def test_a_digest_does_not_depend_on_the_order_of_keys_but_on_every_value():
    assert digest({"a": 1, "b": 2}) == digest({"b": 2, "a": 1})
    assert digest({"a": 1}) != digest({"a": 2}) != digest({"b": 2})


def test_another_setting_is_another_set_and_the_last_one_is_current(tmp_path):
    store = FeatureStore(tmp_path)
    first = store.create("visual", manifest())
    second = store.create("visual", manifest(dim=3))
    assert first.path != second.path
    assert store.feature_set("visual").path == second.path
    assert store.create("visual", manifest(), versions={"numpy": "9"}).path == first.path
    assert store.feature_set("visual").digest == first.digest
    assert store.modalities() == ("visual",)


def test_a_set_may_be_made_without_becoming_current(tmp_path):
    store = FeatureStore(tmp_path)
    assert store.find("visual", manifest()) is None
    first = store.create("visual", manifest(), current=False)
    assert store.modalities() == ()
    store.make_current(first)
    second = store.create("visual", manifest(dim=3), current=False)
    store.make_current(second, replace=False)
    assert store.feature_set("visual").path == first.path
    store.make_current(second)
    assert store.feature_set("visual").path == second.path
    assert store.find("visual", manifest()).path == first.path


def test_no_store_and_no_set_are_told_apart(tmp_path):
    with pytest.raises(NoFeatures, match=r"no feature store at .*absent; make one with: mmgcn ext"):
        FeatureStore(tmp_path / "absent").modalities()
    FeatureStore(tmp_path).create("visual", manifest())
    with pytest.raises(NoFeatures, match="holds no acoustic features; it holds: visual"):
        FeatureStore(tmp_path).feature_set("acoustic")


def test_a_folder_without_manifest_is_no_feature_set(tmp_path):
    with pytest.raises(StoreError, match="is no feature set"):
        FeatureSet(tmp_path)


@pytest.mark.parametrize("version", [2, 99, None, "1"])
def test_a_store_of_a_newer_format_is_refused(features, version):
    path = features.path / "manifest.json"
    path.write_text(json.dumps(json.loads(path.read_text()) | {"schema_version": version}))
    with pytest.raises(StoreError, match=r"by a newer mmgcn \(format .*, .* up to 1\); upgrade"):
        reopened(features)


# --- what an interruption or a bad disk leaves ---


def test_a_torn_last_line_costs_that_record_alone(features):
    features.write(Record("a"), ROWS)
    features.write(Record("b"), ROWS)
    path = features.path / "records.jsonl"
    path.write_bytes(path.read_bytes()[:-9])
    torn = reopened(features)
    assert list(torn.records) == ["a"]
    torn.write(Record("c"), ROWS)
    assert list(reopened(features).records) == ["a", "c"]


def test_records_of_a_later_version_may_have_more_fields(features):
    features.write(Record("a"), ROWS)
    path = features.path / "records.jsonl"
    path.write_text(json.dumps(json.loads(path.read_text()) | {"colour": "red"}) + "\n")
    assert reopened(features).records["a"].rows == 3


def test_the_last_record_of_an_item_counts_and_finish_keeps_it_alone(features):
    for reason in ("first", "second"):
        features.write(Record("b", status="failed", reason=reason), None)
    features.write(Record("a"), ROWS)
    (features.path / "items" / ".left.tmp").touch()
    (features.path.parent / ".current.1.tmp").touch()
    features.finish()
    lines = (features.path / "records.jsonl").read_text().splitlines()
    assert [json.loads(line)["id"] for line in lines] == ["a", "b"]
    assert reopened(features).records["b"].reason == "second"
    assert not list(features.path.parent.rglob("*.tmp"))


def test_a_file_is_written_whole_or_not_at_all(tmp_path, monkeypatch):
    path = tmp_path / "file"
    write_atomically(path, b"old")

    def fail(_descriptor):
        raise OSError(errno.EIO, "broken disk")

    monkeypatch.setattr("os.fsync", fail)
    with pytest.raises(OSError, match="broken disk"):
        write_atomically(path, b"new")
    assert path.read_bytes() == b"old"
    assert list(tmp_path.iterdir()) == [path]


@pytest.mark.parametrize(
    ("number", "match"),
    [
        (errno.ENOSPC, "the disk is full; free some space and run the same command again"),
        (errno.EDQUOT, "your quota is used up"),
        (errno.EROFS, "the file system is read-only; name another folder with --out"),
        (errno.EACCES, "permission denied; name a folder that you may write"),
    ],
)
def test_a_disk_that_refuses_is_told_in_words_and_keeps_what_was_there(
    features, monkeypatch, number, match
):
    features.write(Record("a"), ROWS)

    def fail(_descriptor):
        raise OSError(number, os.strerror(number))

    monkeypatch.setattr("os.fsync", fail)
    for act in (
        lambda: features.write(Record("b"), ROWS),
        lambda: features.touch(Record("a")),
        lambda: FeatureStore(features.path.parents[1]).create("acoustic", manifest()),
    ):
        with pytest.raises(StoreError, match=match):
            act()
    monkeypatch.undo()
    np.testing.assert_array_equal(reopened(features).read("a"), ROWS)
    assert not list(features.path.rglob("*.tmp"))


def test_another_error_of_the_system_is_not_explained_away(features, monkeypatch):
    def fail(_descriptor):
        raise OSError(errno.EIO, "broken disk")

    monkeypatch.setattr("os.fsync", fail)
    with pytest.raises(OSError, match="broken disk") as caught:
        features.write(Record("a"), ROWS)
    assert not isinstance(caught.value, StoreError)


def test_a_file_where_a_folder_is_needed_is_told(tmp_path):
    (tmp_path / "visual").touch()
    with pytest.raises(StoreError, match="a file stands where a folder is needed"):
        FeatureStore(tmp_path).create("visual", manifest())
    with (
        pytest.raises(StoreError, match="a file stands where a folder is needed"),
        FeatureStore(tmp_path / "visual").locked(),
    ):
        pass


def test_corrupt_rows_are_an_error_that_says_what_to_do(features):
    features.write(Record("a"), ROWS)
    features.rows_path("a").write_bytes(b"\x93NUMPY broken")
    with pytest.raises(
        StoreError, match=r"is corrupt: .*; extract again, that file will be redone"
    ):
        features.read("a")
    assert not features.is_whole(features.records["a"])


def test_pickled_objects_are_not_loaded(features):
    features.write(Record("a"), ROWS)
    np.save(features.rows_path("a"), np.array([{}], dtype=object), allow_pickle=True)
    with pytest.raises(StoreError, match="is corrupt"):
        features.read("a")


def test_verify_finds_what_is_changed_what_is_gone_and_what_is_too_much(features):
    for item_id in ("fine", "changed", "gone", "failed"):
        features.write(Record(item_id), ROWS)
    features.write(Record("failed", status="failed"), None)
    changed = features.rows_path("changed")
    changed.write_bytes(changed.read_bytes()[:-1] + b"!")  # as long as before
    features.rows_path("gone").unlink()
    np.save(features.path / "items" / "stray.npy", ROWS)
    assert features.is_whole(features.records["changed"])
    assert not features.is_whole(features.records["changed"], thorough=True)
    assert features.verify() == [
        Problem("changed", "is not what was written"),
        Problem("gone", "cannot be read: No such file or directory"),
        Problem("stray.npy", "belongs to no record"),
    ]


def test_a_store_is_held_by_one_writer_at_a_time(tmp_path):
    store = FeatureStore(tmp_path)
    with (
        store.locked(),
        pytest.raises(StoreError, match=f"by process {os.getpid()}; wait for it to end"),
        FeatureStore(tmp_path).locked(),
    ):
        pass
    with store.locked():
        pass


# --- pooled and aligned ---


@pytest.mark.parametrize(
    ("pooling", "expected"),
    [
        ("mean", [2, 3]),
        ("max", [4, 5]),
        ("first", [0, 1]),
        # of 0, 2, 4 and of 1, 3, 5: sqrt(8 / 3)
        ("mean_std", [2, 3, np.sqrt(8 / 3), np.sqrt(8 / 3)]),
    ],
)
def test_rows_become_one_vector(tmp_path, pooling, expected):
    np.testing.assert_allclose(pool(ROWS, pooling), expected, rtol=1e-6)
    features = FeatureStore(tmp_path).create("visual", manifest(pooling=pooling))
    features.write(Record("a"), ROWS)
    ids, matrix = features.pooled()
    assert ids == ["a"]
    np.testing.assert_array_equal(matrix, [pool(ROWS, pooling)])


def test_an_unknown_pooling_is_refused():
    with pytest.raises(ValueError, match="unknown pooling 'median'; known: mean, max, first"):
        pool(ROWS, "median")


def test_pooled_features_follow_the_rows_they_come_from(features):
    features.write(Record("a"), ROWS)
    assert features.pooled()[1].tolist() == [[2, 3]]
    features.write(Record("a"), ROWS + 1)
    features.write(Record("b", status="missing"), None)
    ids, matrix = features.pooled()
    assert (ids, matrix.tolist()) == (["a"], [[3, 4]])
    assert len(list(features.path.glob("pooled-*.npy"))) == 1


def test_pooled_features_of_a_store_that_cannot_be_written_are_the_same(features, monkeypatch):
    features.write(Record("a"), ROWS)

    def fail(_descriptor):
        raise OSError(errno.EROFS, "read-only")

    monkeypatch.setattr("os.fsync", fail)
    assert features.pooled()[1].tolist() == [[2, 3]]


@settings(max_examples=20, deadline=None)
@given(st.permutations(["a", "b", "c", "mute", "unknown"]))
def test_aligned_features_are_joined_by_id(tmp_path_factory, order):
    features = FeatureStore(tmp_path_factory.mktemp("store")).create("visual", manifest())
    vectors = {"c": [5, 6], "a": [1, 2], "b": [3, 4]}
    for item_id, vector in vectors.items():
        features.write(Record(item_id), np.array([vector]))
    features.write(Record("mute", status="missing"), None)
    aligned = features.align(order)
    assert aligned.features.tolist() == [vectors.get(item_id, [0, 0]) for item_id in order]
    assert aligned.present.tolist() == [item_id in vectors for item_id in order]
    assert aligned.unknown == ["unknown"]
    assert aligned.features.dtype == np.float32
