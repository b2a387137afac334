"""Several writers of different items at the same time."""

import pytest

from extract.store import FeatureStore, Record, StoreError
from tests.stores import ROWS, manifest, reopened

ITEMS = ("a", "b", "c", "d", "e")


def fill(store, names, shard=None, **more):
    with store.locked(shard):
        features = store.create("visual", manifest(), shard=shard)
        if shard is None:
            features.merge_shards()
        for name in names:
            features.write(Record(name, **more), ROWS)
        features.finish()
    return features


def tree(folder):
    return {
        path.relative_to(folder).as_posix(): path.read_bytes()
        for path in folder.rglob("*")
        if path.is_file() and not path.name.startswith(".lock")
    }


def test_records_of_shards_are_merged(tmp_path):
    store = FeatureStore(tmp_path / "parts")
    first = fill(store, ITEMS[::2], "1-of-2")
    assert set(first.records) == set(ITEMS[::2])
    second = fill(store, ITEMS[1::2], "2-of-2")
    assert set(second.records) == set(ITEMS)
    assert set(reopened(second).records) == set(ITEMS)
    assert reopened(second).verify() == []
    assert not (second.path / "records.jsonl").exists()
    fill(store, ())
    fill(FeatureStore(tmp_path / "whole"), ITEMS)
    assert tree(tmp_path / "parts") == tree(tmp_path / "whole")


def test_a_later_record_of_the_merged_file_replaces_one_of_a_shard(tmp_path):
    store = FeatureStore(tmp_path)
    fill(store, ITEMS, "1-of-2", source="old")
    features = fill(store, ["a"], source="new")
    sources = {name: record.source for name, record in reopened(features).records.items()}
    assert sources == dict.fromkeys(ITEMS, "old") | {"a": "new"}


def test_shards_share_the_lock_and_another_writer_does_not(tmp_path):
    one, other = FeatureStore(tmp_path), FeatureStore(tmp_path)
    refused = pytest.raises(StoreError, match="is being written by process")
    with one.locked("1-of-2"):
        with other.locked("2-of-2"), refused, other.locked("1-of-2"):
            pass
        with pytest.raises(StoreError, match="written by another process"), other.locked():
            pass  # the second shard has emptied the lock file
    with one.locked(), refused, other.locked("1-of-2"):
        pass
    with one.locked(), refused, other.locked():
        pass
    with other.locked():
        pass


def test_a_shard_does_not_remove_files_of_other_writers(tmp_path):
    store = FeatureStore(tmp_path)
    path = fill(store, ["a"], "1-of-2").path / "items" / ".b.npy.7.tmp"
    path.touch()
    fill(store, ["c"], "2-of-2")
    assert path.exists()
    fill(store, ())
    assert not path.exists()
