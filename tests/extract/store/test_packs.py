"""The packed layout: the same rows and records, after interruption and damage, too."""

import errno
import os
import re
import sqlite3
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from extract.store import (
    FeatureStore,
    NoFeatures,
    Problem,
    Record,
    StoreError,
    convert,
    layout_of,
    packs,
)
from tests.full_disk import HalfWrittenFile
from tests.stores import ROWS, manifest, new_set, reopened

IDS = st.text(st.characters(exclude_categories=()), min_size=1, max_size=300)


@pytest.fixture
def packed(tmp_path):
    return new_set(tmp_path, layout="packed")


def contents(features):
    """Rows and records of a set, without the positions of the rows."""
    records = {
        name: replace(record, pack=None, offset=None) for name, record in features.records.items()
    }
    return {
        name: (record, features.read(name).tolist() if record.rows else None)
        for name, record in records.items()
    }


def files_of(folder):
    return {
        path.relative_to(folder).as_posix(): path.read_bytes()
        for path in folder.rglob("*")
        if path.is_file()
    }


@settings(max_examples=25)
@given(st.dictionaries(IDS, st.integers(0, 4), max_size=5), st.data())
def test_both_layouts_have_the_same_rows_and_records(tmp_path_factory, lengths, data):
    sets = [
        new_set(tmp_path_factory.mktemp(layout), layout=layout) for layout in ("files", "packed")
    ]
    finished = data.draw(st.integers(0, len(lengths)))  # how many are in the table, not the log
    for features in sets:
        for index, (item_id, num_rows) in enumerate(lengths.items()):
            rows = np.random.default_rng(index).normal(size=(num_rows, 2)) if num_rows else None
            features.write(Record(item_id, status="done" if num_rows else "missing"), rows)
            if index + 1 == finished:
                features.finish()
    files, packed = map(reopened, sets)
    assert (files.layout, packed.layout) == ("files", "packed")
    assert contents(packed) == contents(files)
    assert packed.item_ids() == files.item_ids() == sorted(files.item_ids())
    assert packed.records.num_bytes() == files.records.num_bytes()
    assert len(packed.records) == len(lengths)
    assert set(packed.records) == set(lengths)
    assert packed.verify() == files.verify() == []
    assert packed.pooled()[0] == files.pooled()[0]
    np.testing.assert_array_equal(packed.pooled()[1], files.pooled()[1])


def test_rows_are_memory_mapped_read_only_and_aligned(packed):
    packed.write(Record("a"), np.asfortranarray(ROWS))
    packed.write(Record("b"), ROWS[:1])
    rows = packed.read("b")
    assert isinstance(rows, np.memmap)
    assert rows.flags.c_contiguous
    assert not rows.flags.writeable
    assert rows.ctypes.data % 64 == 0
    with pytest.raises(NoFeatures, match=r"no visual rows of 'c': it was never extracted$"):
        packed.read("c")
    with pytest.raises(FileNotFoundError):
        packed.rows_path("c")


def test_a_full_pack_is_followed_by_another(packed, monkeypatch):
    monkeypatch.setattr(packs, "PACK_BYTES", 300)
    for name in "abcde":
        packed.write(Record(name), ROWS)
    packed.finish()
    again = reopened(packed)
    assert [again.rows_path(name).name for name in "abcde"] == [
        *("000000.pack", "000000.pack"),
        *("000001.pack", "000001.pack"),
        "000002.pack",
    ]
    assert [again.read(name).tolist() for name in "abcde"] == [ROWS.tolist()] * 5
    again.write(Record("f"), ROWS)
    assert again.rows_path("f").name == "000002.pack"


def test_the_last_record_of_an_item_is_valid(packed):
    packed.write(Record("a"), ROWS)
    packed.write(Record("b"), ROWS)
    packed.finish()
    assert packed.records.num_bytes() == 2 * packed.records["a"].num_bytes
    packed.write(Record("b", status="failed", reason="broken"), None)
    packed.write(Record("a"), ROWS[:1])
    for features in (packed, reopened(packed)):
        assert features.read("a").tolist() == ROWS[:1].tolist()
        assert features.item_ids() == ["a"]
        assert features.records.num_bytes() == features.records["a"].num_bytes
        assert len(features.records) == 2
        with pytest.raises(NoFeatures, match="it is failed: broken"):
            features.read("b")
    packed.finish()
    assert not (packed.path / "log.jsonl").exists()
    assert contents(packed) == contents(reopened(packed))


@settings(max_examples=25)
@given(st.data())
def test_after_an_interruption_finished_items_are_kept_and_the_others_redone(
    tmp_path_factory, data
):
    lengths = {"a": 1, "b": 2, "c": 0, "D": 3, "é": 1}

    def write(features, item_id):
        rows = np.full((lengths[item_id], 2), len(item_id)) if lengths[item_id] else None
        features.write(Record(item_id, status="missing" if rows is None else "done"), rows)

    whole = new_set(tmp_path_factory.mktemp("whole"))
    broken = new_set(tmp_path_factory.mktemp("broken"), layout="packed")
    for item_id in lengths:
        write(whole, item_id)
    order = data.draw(st.permutations(sorted(lengths)))
    finished = order[: data.draw(st.integers(0, len(order)))]
    for item_id in finished:
        write(broken, item_id)
    broken.finish()
    for item_id in order[len(finished) :]:
        write(broken, item_id)
    log, pack = broken.path / "log.jsonl", broken.path / "packs" / "000000.pack"
    if log.exists():  # what the table names is on the disk; the rest may be lost
        log.write_bytes(log.read_bytes()[: data.draw(st.integers(0, log.stat().st_size))])
        ends = [r.offset + r.num_bytes for n in finished if (r := broken.records[n]).rows]
        cut = data.draw(st.integers(max(ends, default=0), pack.stat().st_size))
        pack.write_bytes(pack.read_bytes()[:cut])
    (broken.path / "packs" / ".left.tmp").write_bytes(b"half")

    again = reopened(broken)
    intact = {n for n, record in again.records.items() if again.is_intact(record, thorough=True)}
    assert set(finished) <= intact
    for item_id in lengths:
        record = again.records.get(item_id)
        if record is None or not again.is_intact(record):
            write(again, item_id)
            # Killed after this one, nothing that is intact by its size has other bytes.
            now = reopened(again)
            assert all(
                now.is_intact(r, thorough=True) for r in now.records.values() if now.is_intact(r)
            )
    again.finish()
    assert contents(again) == contents(whole)
    assert [problem for problem in again.verify() if not problem.id.endswith(".pack")] == []
    assert not list(again.path.rglob("*.tmp"))
    assert files_of(convert(again, "files").path) == files_of(_finished(whole).path)


def _finished(features):
    features.finish()
    return features


@pytest.mark.parametrize("number", [errno.ENOSPC, errno.EROFS])
def test_a_failed_write_keeps_what_was_stored(packed, monkeypatch, number):
    packed.write(Record("a"), ROWS)
    size = packed.rows_path("a").stat().st_size

    real = Path.open

    def opening(path, mode="r", *args, **more):
        file = real(path, mode, *args, **more)
        return HalfWrittenFile(file, OSError(number, "no")) if mode == "ab" else file

    with monkeypatch.context() as patch:
        patch.setattr(Path, "open", opening)
        with pytest.raises(StoreError, match=r"cannot write .*visual.*: "):
            packed.write(Record("b"), ROWS)
    assert packed.rows_path("a").stat().st_size == size
    assert list(reopened(packed).records) == ["a"]
    packed.write(Record("b"), ROWS)
    assert reopened(packed).verify() == []


# --- shards ---


def test_shards_write_packs_of_their_own_and_share_one_table(tmp_path):
    store = FeatureStore(tmp_path)
    for shard, names in (("1-of-2", "ac"), ("2-of-2", "bd"), (None, "e")):
        with store.locked(shard):
            features = store.create("visual", manifest(), shard=shard, layout="packed")
            if shard is None:
                features.merge_shards()
            for name in names:
                features.write(Record(name), ROWS)
            features.finish()
            assert len(reopened(features).records) == len(features.records)
    assert [path.name for path in sorted((features.path / "packs").iterdir())] == [
        "000000.pack",
        "1-of-2-000000.pack",
        "2-of-2-000000.pack",
    ]
    assert not list(features.path.glob("log*"))
    assert reopened(features).item_ids() == list("abcde")
    assert reopened(features).verify() == []


# --- damage ---


@pytest.fixture(scope="module")
def damaged(tmp_path_factory):
    """A packed set of three items, and the content of its pack and its table."""
    features = new_set(tmp_path_factory.mktemp("store"), layout="packed")
    for name in "abc":
        features.write(Record(name, source=f"{name}.mp4"), ROWS)
    features.finish()
    paths = features.rows_path("a"), features.path / "records.sqlite"
    return features, {path: path.read_bytes() for path in paths}


def flipped(data, content):
    """The content with some bytes changed, and perhaps its end missing."""
    content = bytearray(content)
    for _ in range(data.draw(st.integers(1, 4))):
        content[data.draw(st.integers(0, len(content) - 1))] = data.draw(st.integers(0, 255))
    return bytes(content[: data.draw(st.none() | st.integers(0, len(content)))])


@settings(max_examples=200)
@given(st.data())
def test_damaged_packs_raise_or_have_the_expected_shape_and_dtype(damaged, data):
    features, contents = damaged
    pack = next(iter(contents))
    damaged_bytes = flipped(data, contents[pack])
    pack.unlink(missing_ok=True)  # not truncated: its pages are mapped
    pack.write_bytes(damaged_bytes)
    again = reopened(features)
    for name in "abc":
        try:
            rows = again.read(name)
        except StoreError as error:
            message = str(error)
        else:
            assert (rows.shape[1], rows.dtype) == (2, np.float16)
            message = "pack is corrupt: ; extract again to replace it"
        assert re.fullmatch(r".*pack is corrupt: .*; extract again to replace it", message)
        record = again.records[name]
        if again.is_intact(record, thorough=True):
            np.testing.assert_array_equal(again.read(name), ROWS)
        else:
            assert name in {problem.id for problem in again.verify()}


@settings(max_examples=200)
@given(st.data())
def test_a_damaged_table_is_reported_or_its_records_have_the_expected_types(damaged, data):
    features, contents = damaged
    table = list(contents)[1]
    damaged_bytes = flipped(data, contents[table])
    table.write_bytes(damaged_bytes)
    try:
        again = reopened(features)
        records = dict(again.records.items())
        again.item_ids()
        again.records.num_bytes()
        problem = None
    except StoreError as error:
        records, problem = {}, str(error)
    finally:
        table.write_bytes(contents[table])
    assert problem is None or "is damaged" in problem
    for name, record in records.items():
        assert (record.id, type(record.rows)) == (name, int)
        assert again.is_intact(record, thorough=True) in (True, False)


def test_an_item_with_a_damaged_record_is_extracted_again(packed):
    packed.write(Record("a", source="a.mp4", content_hash="0"), ROWS)
    packed.finish()
    with sqlite3.connect(packed.path / "records.sqlite") as table:
        table.execute("UPDATE records SET line = ?", (b"{",))
    table.close()
    again = reopened(packed)
    record = again.records["a"]
    assert (record.status, record.source, record.content_hash) == ("failed", "", "")
    assert Problem("a", "its record is damaged; extract it again") in again.verify()
    (packed.path / "records.sqlite").write_bytes(b"no table")
    (problem,) = reopened(packed).verify()
    assert problem.id == packed.path.name
    assert "records.sqlite is damaged" in problem.what
    with pytest.raises(StoreError, match=r"is damaged .*; remove .* and extract again"):
        _ = reopened(packed).records


@pytest.mark.parametrize("position", [{"pack": "../x.pack"}, {"pack": None}, {"offset": -64}])
def test_a_record_that_names_no_position_is_corrupt(packed, position):
    packed.write(Record("a"), ROWS)
    packed.update_record(replace(packed.records["a"], **position))
    with pytest.raises(StoreError, match="the record of 'a' names no position in a pack"):
        packed.read("a")
    assert not packed.is_intact(packed.records["a"])
    assert Problem("a", "the record of 'a' names no position in a pack") in packed.verify()


def test_verify_finds_packs_that_no_record_names(packed):
    packed.write(Record("a"), ROWS)
    (packed.path / "packs" / "000009.pack").touch()
    assert packed.verify() == [Problem("000009.pack", "has no record; it can be removed")]


# --- conversion ---


def filled(folder, layout):
    features = new_set(folder, layout=layout)
    for name in ("b", "a", "A", "é"):
        features.write(Record(name, source=name), ROWS * len(name))
    features.write(Record("c", status="missing", reason="no video"), None)
    features.write(Record("b"), ROWS[:2])
    features.finish()
    return features


@pytest.mark.parametrize("layout", ["files", "packed"])
@pytest.mark.parametrize("to", ["files", "packed"])
def test_a_converted_set_has_the_bytes_of_one_written_in_that_layout(tmp_path, layout, to):
    features = filled(tmp_path / "one", layout)
    before = contents(features)
    pooled = features.pooled()[1].tolist()
    converted = convert(features, to)
    assert (converted.layout, layout_of(converted.path)) == (to, to)
    assert converted.digest == features.digest
    assert contents(converted) == before
    assert converted.verify() == []
    assert converted.pooled()[1].tolist() == pooled
    if to == "files":
        expected = filled(tmp_path / "other", "files")
        expected.pooled()
        assert files_of(converted.path) == files_of(expected.path)
    else:
        used = sum(-(-r.num_bytes // 64) * 64 for r in converted.records.values())
        (pack,) = (converted.path / "packs").iterdir()
        assert used - 64 < pack.stat().st_size <= used
        assert not (converted.path / "items").exists()
        assert not list(converted.path.glob("*.jsonl"))


class Killed(BaseException):
    pass


@pytest.mark.parametrize(
    ("layout", "to"), [("files", "packed"), ("packed", "files"), ("packed", "packed")]
)
def test_after_a_kill_at_any_moment_one_layout_is_complete(tmp_path, monkeypatch, layout, to):
    reference = contents(filled(tmp_path / "reference", layout))
    num_moments = 0
    while True:
        features = filled(tmp_path / f"killed {num_moments}", layout)
        left = [num_moments]

        def dying(act, left=left):
            def acting(*given, **more):
                left[0] -= 1
                if left[0] < 0:
                    raise Killed
                return act(*given, **more)

            return acting

        with monkeypatch.context() as patch:
            for name in ("replace", "unlink", "open"):
                patch.setattr(Path, name, dying(getattr(Path, name)))
            patch.setattr("shutil.rmtree", dying(__import__("shutil").rmtree))
            patch.setattr(os, "fsync", dying(os.fsync))
            try:
                convert(features, to)
                break
            except Killed:
                pass
        assert contents(reopened(features)) == reference
        again = convert(reopened(features), to)
        assert contents(again) == reference
        assert again.verify() == []
        num_moments += 1
    assert num_moments > 5


def test_damaged_rows_are_not_converted(tmp_path):
    features = filled(tmp_path, "files")
    features.rows_path("a").write_bytes(b"no rows")
    with pytest.raises(StoreError, match=r"the rows of 'a' in .* are damaged, so they cannot be"):
        convert(features, "packed")
    assert reopened(features).layout == "files"


def test_a_set_keeps_its_layout_unless_it_is_converted(tmp_path):
    store = FeatureStore(tmp_path)
    features = store.create("visual", manifest(), layout="packed")
    assert store.create("visual", manifest()).layout == "packed"
    with pytest.raises(
        StoreError,
        match=rf"exists with layout 'packed', not 'files'; convert it with: mmgcn store convert "
        rf"{features.digest} --layout files --store {tmp_path}$",
    ):
        store.create("visual", manifest(), layout="files")
