"""The feature set: rows and records survive writing, interruption and damage."""

import errno
import json
import re
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from extract.store import (
    FeatureSet,
    NoFeatures,
    Problem,
    Record,
    StoreError,
    content_hash,
    pool,
)
from extract.store.npy import npy_bytes
from tests.stores import ROWS, new_set, reopened

HALF = ROWS.astype(np.float16) + np.float16(1)
IDS = st.text(st.characters(), min_size=1, max_size=300)


def files_of(features):
    return {
        path.relative_to(features.path): path.read_bytes()
        for path in features.path.rglob("*")
        if path.is_file()
    }


# --- writing and reading ---


@settings(max_examples=25)
@given(st.dictionaries(IDS, st.integers(1, 4), min_size=1, max_size=5))
def test_rows_and_records_are_read_as_written(tmp_path_factory, lengths):
    features = new_set(tmp_path_factory.mktemp("store"))
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
        assert again.is_intact(again.records[item_id])
    assert again.verify() == []


def test_rows_are_memory_mapped_read_only_and_in_c_order(features):
    features.write(Record("a"), np.asfortranarray(ROWS))
    rows = features.read("a")
    assert isinstance(rows, np.memmap)
    assert rows.flags.c_contiguous
    assert not rows.flags.writeable
    assert rows.dtype == np.float16


def test_rows_can_be_stored_as_float32(tmp_path):
    features = new_set(tmp_path, dtype="float32")
    features.write(Record("a"), np.array([[1e6, 1 / 3]], np.float32))
    assert features.read("a").tolist() == [[1e6, float(np.float32(1 / 3))]]


@pytest.mark.parametrize(
    ("rows", "match"),
    [
        (np.zeros((3, 5)), r"rows of 'a' are \(3, 5\), not \(T, 2\)"),
        (np.zeros((0, 2)), r"rows of 'a' are \(0, 2\), not \(T, 2\)"),
        (np.zeros(2), r"rows of 'a' are \(2,\), not \(T, 2\)"),
        (np.array([[1, np.nan]]), "rows of 'a' are not finite"),
        (np.array([[1, 1e6]]), "rows of 'a' exceed the range of float16; use dtype='float32'"),
    ],
)
def test_invalid_rows_are_refused_and_nothing_is_written(features, rows, match):
    with pytest.raises(ValueError, match=match):
        features.write(Record("a"), rows)
    assert features.records == reopened(features).records == {}
    assert list((features.path / "items").iterdir()) == []


def test_writing_an_item_without_rows_removes_its_rows(features):
    features.write(Record("a"), ROWS)
    features.write(Record("a", status="failed", reason="broken"), None)
    assert not features.rows_path("a").exists()
    with pytest.raises(NoFeatures, match=r"no visual rows of 'a': it is failed: broken$"):
        features.read("a")
    with pytest.raises(NoFeatures, match=r"no visual rows of 'b': it was never extracted$"):
        features.read("b")


def test_an_updated_record_keeps_its_rows(features):
    features.write(Record("a", source="old"), ROWS)
    features.update_record(replace(features.records["a"], source="new"))
    record = reopened(features).records["a"]
    assert (record.source, record.rows) == ("new", 3)
    assert features.is_intact(record, thorough=True)


# --- interruptions and disk errors ---


@settings(max_examples=25)
@given(st.data())
def test_an_interrupted_set_ends_with_the_same_bytes(tmp_path_factory, data):
    """Written in another order, with truncated records and rows, and then completed."""
    lengths = {"a": 1, "b": 2, "c": 0, "D": 3, "é": 1}

    def write(features, item_id):
        rows = np.full((lengths[item_id], 2), len(item_id)) if lengths[item_id] else None
        features.write(Record(item_id, status="missing" if rows is None else "done"), rows)

    whole = new_set(tmp_path_factory.mktemp("whole"))
    for item_id in lengths:
        write(whole, item_id)
    whole.finish()

    broken = new_set(tmp_path_factory.mktemp("broken"))
    for item_id in data.draw(st.permutations(sorted(lengths))):
        write(broken, item_id)
    path = broken.path / "records.jsonl"
    path.write_bytes(path.read_bytes()[: data.draw(st.integers(0, path.stat().st_size))])
    for cut in data.draw(st.lists(st.sampled_from(["a", "b"]), unique=True)):
        rows = broken.rows_path(cut)
        rows.write_bytes(rows.read_bytes()[: data.draw(st.integers(0, rows.stat().st_size - 1))])
    (broken.path / "items" / ".a.npy.1.tmp").write_bytes(b"half")

    again = reopened(broken)
    for item_id in lengths:
        record = again.records.get(item_id)
        if record is None or not again.is_intact(record):
            write(again, item_id)
    again.finish()
    assert files_of(again) == files_of(whole)
    assert again.verify() == []


def test_finish_keeps_only_the_last_record_of_an_item(features):
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


def test_finish_does_not_rewrite_sorted_records(features):
    features.write(Record("a"), ROWS)
    features.finish()
    before = (features.path / "records.jsonl").stat().st_ino
    features.finish()
    assert (features.path / "records.jsonl").stat().st_ino == before


@pytest.mark.parametrize("number", [errno.ENOSPC, errno.EROFS, errno.EACCES])
def test_a_failed_write_keeps_what_was_stored(features, monkeypatch, number):
    features.write(Record("a"), ROWS)
    real = Path.open

    def refuse(path, mode="r", *args, **more):
        if mode != "rb" and mode != "r":
            raise OSError(number, "no")
        return real(path, mode, *args, **more)

    monkeypatch.setattr(Path, "open", refuse)
    for act in (
        lambda: features.write(Record("b"), ROWS),
        lambda: features.write(Record("b", status="failed"), None),
        lambda: features.update_record(Record("a")),
    ):
        with pytest.raises(StoreError, match=r"cannot write .*visual.*: "):
            act()
    assert list(features.records) == ["a"]
    monkeypatch.undo()
    np.testing.assert_array_equal(reopened(features).read("a"), ROWS)
    assert list(reopened(features).records) == ["a"]
    assert not list(features.path.rglob("*.tmp"))


# --- damage ---


@pytest.fixture(scope="module")
def one_item(tmp_path_factory):
    features = new_set(tmp_path_factory.mktemp("store"))
    features.write(Record("a"), ROWS)
    return features, features.rows_path("a").read_bytes()


@settings(max_examples=300)
@given(st.data())
def test_damaged_rows_raise_or_have_the_expected_shape_and_dtype(one_item, data):
    features, content = one_item[0], bytearray(one_item[1])
    for _ in range(data.draw(st.integers(1, 4))):
        content[data.draw(st.integers(0, len(content) - 1))] = data.draw(st.integers(0, 255))
    features.rows_path("a").write_bytes(content[: data.draw(st.integers(0, len(content)))])
    try:
        rows = features.read("a")
    except StoreError as error:
        message = str(error)
    else:
        assert (rows.shape[1], rows.dtype) == (2, np.float16)
        return
    assert re.fullmatch(r".*a\.npy is corrupt: .*; extract again to replace it", message)


@pytest.mark.parametrize("content", [b"", b"PK\x03\x04 no archive", b"\x80\x04N.", b"\x93NUMPY"])
def test_files_that_are_not_arrays_are_corrupt(features, content):
    features.write(Record("a"), ROWS)
    features.rows_path("a").write_bytes(content)
    assert not features.is_intact(features.records["a"])
    for act in (lambda: features.read("a"), features.pooled, lambda: features.align(["a"])):
        with pytest.raises(StoreError, match=r"a\.npy is corrupt: .*; extract again"):
            act()


@pytest.mark.parametrize(
    "array",
    [
        np.zeros((3, 5)),
        np.zeros(2),
        np.zeros((0, 2)),
        np.array([[{}, {}]], dtype=object),
        np.zeros((3, 2), np.int16),
    ],
)
def test_arrays_that_are_not_rows_are_corrupt(features, array):
    features.write(Record("a"), ROWS)
    np.save(features.rows_path("a"), array, allow_pickle=True)
    with pytest.raises(StoreError, match="is corrupt: "):
        features.read("a")


def test_verify_finds_changed_missing_and_extra_files(features):
    for item_id in ("fine", "changed", "gone", "failed"):
        features.write(Record(item_id), ROWS)
    features.write(Record("failed", status="failed"), None)
    changed = features.rows_path("changed")
    changed.write_bytes(changed.read_bytes()[:-1] + b"!")  # as long as before
    features.rows_path("gone").unlink()
    np.save(features.path / "items" / "stray.npy", ROWS)
    np.save(features.rows_path("failed"), ROWS)
    assert features.is_intact(features.records["changed"])
    assert not features.is_intact(features.records["changed"], thorough=True)
    assert not features.is_intact(features.records["gone"])
    assert not features.is_intact(features.records["gone"], thorough=True)
    assert features.verify() == [
        Problem("changed", "does not match its recorded hash"),
        Problem("gone", "cannot be read: No such file or directory"),
        Problem("failed.npy", "has no record; it can be removed"),
        Problem("stray.npy", "has no record; it can be removed"),
    ]


@pytest.mark.parametrize(
    ("data", "problem"),
    [
        (npy_bytes(HALF[:, :1]), "contains (3, 1) float16, not (3, 2) float16"),
        (npy_bytes(HALF[:2]), "contains (2, 2) float16, not (3, 2) float16"),
        (npy_bytes(ROWS), "contains (3, 2) float32, not (3, 2) float16"),
        (npy_bytes(HALF * np.float16("inf")), "has values that are not finite"),
        (b"rows", "is no array: "),
    ],
)
def test_verify_checks_rows_whose_hash_is_recorded(features, data, problem):
    features.write(Record("a"), ROWS)
    features.write(Record("b"), ROWS)
    features.rows_path("a").write_bytes(data)
    forged = replace(features.records["a"], rows_hash=content_hash(data), num_bytes=len(data))
    features.update_record(forged)
    (found,) = features.verify()
    assert found.id == "a"
    assert found.what.startswith(problem)
    assert not features.is_intact(forged, thorough=True)
    assert features.is_intact(features.records["b"], thorough=True)


@pytest.mark.parametrize(
    ("record", "rows", "problem"),
    [
        (Record("a"), None, "is done, and has no rows"),
        (Record("a", pts_seconds=(0.0, 1.0)), ROWS, "has 2 times for 3 rows"),
        (Record("a", end_seconds=(1.0,)), ROWS, "has 1 times for 3 rows"),
        (Record("a", segments=((2.0, 1.0, "hi"),)), ROWS, "part of speech from 2.0 to 1.0: 'hi'"),
        (Record("a", segments=((0.0, 1.0, ""),)), ROWS, "part of speech from 0.0 to 1.0: ''"),
    ],
)
def test_verify_finds_records_that_contradict_themselves(features, record, rows, problem):
    features.write(record, rows)
    (found,) = features.verify()
    assert found.id == "a"
    assert problem in found.what


def test_verify_finds_damaged_lines_of_the_records(features):
    features.write(Record("a"), ROWS)
    with (features.path / "records.jsonl").open("ab") as file:
        file.write(b'{"id": "b", \n')
    assert reopened(features).verify() == [
        Problem("records.jsonl", "has 1 damaged lines, whose items will be extracted again")
    ]


def test_verify_compares_pooled_vectors_with_the_rows(features):
    for name in "abc":
        features.write(Record(name), ROWS)
    features.write(Record("bare", status="missing"), None)
    features.pooled()
    assert features.verify() == []
    (pooled,) = features.path.glob("pooled-*.npy")
    matrix = np.load(pooled)
    matrix[1] += 1
    pooled.unlink()  # it is mapped
    np.save(pooled, matrix)
    assert reopened(features).verify() == [
        Problem(pooled.name, "differs from the rows of 1 items; it can be removed")
    ]


def test_verify_finds_a_manifest_that_was_edited(features):
    path = features.path / "manifest.json"
    path.write_text(path.read_text().replace('"dim": 2', '"dim": 3'))
    assert FeatureSet(features.path).verify() == [
        Problem("manifest.json", "does not match the name of its folder")
    ]


# --- pooled and aligned ---


@pytest.mark.parametrize("pooling", ["mean", "max", "first", "mean_std"])
@pytest.mark.parametrize("num_items", [0, 1, 3])
def test_pooled_features_are_one_vector_per_item_in_the_order_of_ids(tmp_path, pooling, num_items):
    features = new_set(tmp_path, pooling=pooling)
    rng = np.random.default_rng(0)
    rows = {f"item {index}": rng.normal(size=(index + 1, 2)) for index in range(num_items)}
    for item_id in reversed(rows):
        features.write(Record(item_id), rows[item_id])
    for _ in range(2):  # computed, then cached
        ids, matrix = reopened(features).pooled()
        assert ids == list(rows)
        assert isinstance(matrix, np.memmap)
        assert matrix.dtype == np.float32
        assert matrix.shape == (num_items, 4 if pooling == "mean_std" else 2)
        for item_id, vector in zip(ids, matrix, strict=True):
            np.testing.assert_array_equal(vector, pool(features.read(item_id), pooling))


def test_pooled_features_are_recomputed_when_rows_change(features):
    features.write(Record("a"), ROWS)
    assert features.pooled()[1].tolist() == [[2, 3]]
    features.write(Record("a"), ROWS + 1)
    features.write(Record("b", status="missing"), None)
    ids, matrix = features.pooled()
    assert (ids, matrix.tolist()) == (["a"], [[3, 4]])
    assert len(list(features.path.glob("pooled-*.npy"))) == 1


def test_pooled_features_are_recomputed_when_ids_swap_rows(features):
    features.write(Record("a"), ROWS)
    features.write(Record("b"), ROWS + 1)
    assert features.pooled()[1].tolist() == [[2, 3], [3, 4]]
    features.write(Record("b"), ROWS)
    features.write(Record("a"), ROWS + 1)
    assert features.pooled()[1].tolist() == [[3, 4], [2, 3]]


@pytest.mark.parametrize(
    "damage", [lambda data: data[:-1], lambda data: b"", lambda data: b"?" * 9]
)
def test_damaged_pooled_features_are_recomputed(features, damage):
    features.write(Record("a"), ROWS)
    features.pooled()
    (path,) = features.path.glob("pooled-*.npy")
    whole = path.read_bytes()
    path.write_bytes(damage(whole))
    assert features.pooled()[1].tolist() == [[2, 3]]
    assert path.read_bytes() == whole


def test_pooled_features_of_a_read_only_store_are_the_same(features, monkeypatch):
    features.write(Record("a"), ROWS)

    def refuse(_path, _target):
        raise OSError(errno.EROFS, "read-only")

    monkeypatch.setattr(Path, "replace", refuse)
    assert features.pooled()[0] == ["a"]
    assert features.pooled()[1].tolist() == [[2, 3]]
    assert not list(features.path.glob("*pooled*"))


@settings(max_examples=20)
@given(st.permutations(["a", "b", "c", "mute", "unknown"]))
def test_aligned_features_are_joined_by_id(tmp_path_factory, order):
    features = new_set(tmp_path_factory.mktemp("store"))
    vectors = {"c": [5, 6], "a": [1, 2], "b": [3, 4]}
    for item_id, vector in vectors.items():
        features.write(Record(item_id), np.array([vector]))
    features.write(Record("mute", status="missing"), None)
    aligned = features.align(order)
    assert aligned.features.tolist() == [vectors.get(item_id, [0, 0]) for item_id in order]
    assert aligned.present.tolist() == [item_id in vectors for item_id in order]
    assert aligned.unknown == ["unknown"]
    assert aligned.features.dtype == np.float32
