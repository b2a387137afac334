"""The feature store: sets by manifest, the current set, and one writer at a time."""

import errno
import json
import os
import shutil
import signal
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from extract.store import FeatureSet, FeatureStore, NoFeatures, Record, StoreError, digest
from tests.stores import manifest, reopened

ROOT = Path(__file__).parents[3]


# --- manifests ---


def test_a_digest_depends_on_every_value_and_not_on_the_order_of_keys():
    assert digest({"a": 1, "b": 2}) == digest({"b": 2, "a": 1})
    assert digest({"a": 1}) != digest({"a": 2}) != digest({"b": 2})
    assert len(digest({"weights": "caf\udce9.pth"})) == 12


def test_the_folder_is_named_after_encoder_and_digest_of_the_manifest(tmp_path):
    given = manifest(weights="caf\udce9/é.pth")
    features = FeatureStore(tmp_path).create("visual", given, versions={"numpy": "9"})
    full = {"schema_version": 1, "modality": "visual", **given}
    assert features.path == tmp_path / "visual" / f"colour-{digest(full)}"
    assert features.digest == digest(full)
    assert features.manifest == full | {"versions": {"numpy": "9"}}
    assert features.verify() == []


def test_a_manifest_is_written_as_the_same_bytes_each_time(tmp_path):
    for name in ("one", "other"):
        given = dict(sorted(manifest().items(), reverse=name == "one"))
        FeatureStore(tmp_path / name).create("visual", given)
    one, other = (path.read_bytes() for path in sorted(tmp_path.rglob("manifest.json")))
    assert one == other


def test_another_setting_is_another_set_and_the_last_one_is_current(tmp_path):
    store = FeatureStore(tmp_path)
    first = store.create("visual", manifest())
    second = store.create("visual", manifest(dim=3))
    assert first.path != second.path
    assert store.feature_set("visual").path == second.path
    assert store.create("visual", manifest(), versions={"numpy": "9"}).path == first.path
    assert store.feature_set("visual").digest == first.digest
    assert store.modalities() == ("visual",)
    assert [each.path for each in store.all_sets()] == sorted([first.path, second.path])


def test_a_set_can_be_created_without_becoming_current(tmp_path):
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


def test_a_missing_store_and_a_missing_set_are_different_errors(tmp_path):
    with pytest.raises(NoFeatures, match=r"no feature store at .*absent; create one with: mmgcn e"):
        FeatureStore(tmp_path / "absent").modalities()
    with pytest.raises(NoFeatures, match="contains no visual features; it contains: none"):
        FeatureStore(tmp_path).feature_set("visual")
    FeatureStore(tmp_path).create("visual", manifest())
    for name in ("acoustic", "../visual", ""):
        with pytest.raises(NoFeatures, match=f"contains no {name} features; it contains: visual"):
            FeatureStore(tmp_path).feature_set(name)


@pytest.mark.parametrize("name", ["", "../../elsewhere", "/etc", "..", "a/b"])
def test_a_pointer_outside_the_modality_is_refused(features, name):
    (features.path.parent / "current").write_text(name)
    with pytest.raises(StoreError, match="current does not name a folder beside it; extract again"):
        FeatureStore(features.path.parents[1]).feature_set("visual")


@pytest.mark.parametrize("content", [None, "", "{", "[]", "{}", '{"schema_version": "1"}'])
def test_a_folder_without_a_valid_manifest_is_refused(tmp_path, content):
    if content is not None:
        (tmp_path / "manifest.json").write_text(content)
    with pytest.raises(StoreError, match="is not a feature set: "):
        FeatureSet(tmp_path)


@pytest.mark.parametrize("version", [2, 99])
def test_a_set_of_a_newer_format_is_refused(features, version):
    path = features.path / "manifest.json"
    path.write_text(json.dumps(json.loads(path.read_text()) | {"schema_version": version}))
    with pytest.raises(
        StoreError, match=rf"by a newer mmgcn \(format {version}, .* up to 1\); upg"
    ):
        reopened(features)


def test_a_file_instead_of_a_folder_is_reported(tmp_path):
    (tmp_path / "visual").touch()
    with pytest.raises(StoreError, match="a file is in the place of a folder"):
        FeatureStore(tmp_path).create("visual", manifest())
    with (
        pytest.raises(StoreError, match="a file is in the place of a folder"),
        FeatureStore(tmp_path / "visual").locked(),
    ):
        pass


@pytest.mark.parametrize("number", [errno.ENOSPC, errno.EROFS])
def test_a_set_that_cannot_be_created_does_not_exist(tmp_path, monkeypatch, number):
    def refuse(_descriptor):
        raise OSError(number, os.strerror(number))

    monkeypatch.setattr("os.fsync", refuse)
    store = FeatureStore(tmp_path)
    with pytest.raises(StoreError, match=r"cannot write .*: the (disk is|file sys)"):
        store.create("visual", manifest())
    assert store.find("visual", manifest()) is None
    assert store.modalities() == ()


# --- which set is current ---


def filled(store, names, **more):
    features = store.create("visual", manifest(**more), current=False)
    for name in names:
        features.write(Record(name), np.zeros((1, features.manifest["dim"])))
    return features


def test_a_set_that_covers_fewer_items_does_not_become_current(tmp_path):
    store = FeatureStore(tmp_path)
    large, small = filled(store, "abc"), filled(store, "a", dim=3)
    small.write(Record("b", status="missing"), None)  # no rows, so not covered
    assert store.update_current(large) is None
    assert store.update_current(small) == (
        f"{small.name} covers 1 items and the current set {large.name} covers 3, so that one stays "
        f"current; to switch: mmgcn store use {small.digest} --store {tmp_path}"
    )
    assert store.feature_set("visual").path == large.path


def test_a_set_that_covers_fewer_items_becomes_current_where_that_is_allowed(tmp_path):
    store = FeatureStore(tmp_path)
    large, small = filled(store, "abc"), filled(store, "a", dim=3)
    store.update_current(large)
    assert store.update_current(small, allow_fewer=True) == (
        f"{small.name} is the current set now; it lacks 2 of the 3 items of {large.name}; to "
        f"switch back: mmgcn store use {large.digest} --store {tmp_path}"
    )
    assert store.feature_set("visual").path == small.path


def test_a_set_of_as_many_items_becomes_current_and_lost_items_are_noted(tmp_path):
    store = FeatureStore(tmp_path)
    first, second, third = (
        filled(store, "ab"),
        filled(store, "ab", dim=3),
        filled(store, "bc", dim=4),
    )
    assert store.update_current(first) is None
    assert store.update_current(second) is None
    assert store.feature_set("visual").path == second.path
    assert "lacks 1 of the 2 items of" in store.update_current(third)
    assert store.feature_set("visual").path == third.path
    assert store.update_current(third) is None


def test_a_removed_current_set_is_replaced(tmp_path):
    store = FeatureStore(tmp_path)
    large, small = filled(store, "abc"), filled(store, "a", dim=3)
    store.make_current(large)
    shutil.rmtree(large.path)
    assert store.current("visual") is None
    assert store.update_current(small) is None
    assert store.feature_set("visual").path == small.path


def test_a_set_is_found_by_its_folder_or_the_start_of_its_digest(tmp_path):
    store = FeatureStore(tmp_path)
    first, second = filled(store, "a"), filled(store, "a", dim=3)
    for name in (first.name, first.path.name, first.digest, first.digest[:6]):
        assert store.find_by_name(name).path == first.path
    with pytest.raises(NoFeatures, match=r"no feature sets of .* called 'zz'; its sets are: vis"):
        store.find_by_name("zz")
    copy = tmp_path / "acoustic" / first.path.name
    shutil.copytree(first.path, copy)
    with pytest.raises(NoFeatures, match=r"2 feature sets of .*; they are: acoustic/.*, visual/"):
        store.find_by_name(first.digest)
    assert second.path != first.path


# --- one writer at a time ---


def locking_process(store, *, host=None):
    """Start a process that locks the store until it is killed."""
    code = (
        "import socket, sys\n"
        f"socket.gethostname = lambda name=socket.gethostname(): {host!r} or name\n"
        "from extract.store import FeatureStore\n"
        "with FeatureStore(sys.argv[1]).locked(): print('locked', flush=True); sys.stdin.read()\n"
    )
    process = subprocess.Popen(
        [sys.executable, "-c", code, str(store.root)],
        cwd=ROOT,
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
    )
    assert process.stdout.readline() == b"locked\n"
    return process


@pytest.mark.parametrize("host", [None, "another.host"])
def test_a_second_writer_fails_with_the_process_of_the_first_until_that_is_killed(tmp_path, host):
    store = FeatureStore(tmp_path)
    with locking_process(store, host=host) as first:
        where = f" on {host}" if host else ""
        with (
            pytest.raises(StoreError, match=f"by process {first.pid}{where}; wait for it to end"),
            store.locked(),
        ):
            pass
        first.send_signal(signal.SIGKILL)
    assert str(first.pid) in (tmp_path / ".lock").read_text()
    with store.locked():
        assert (tmp_path / ".lock").read_text().split()[0] == str(os.getpid())
    assert (tmp_path / ".lock").read_text() == ""


def test_a_lock_is_released_after_an_error(tmp_path):
    with pytest.raises(KeyError), FeatureStore(tmp_path / "new").locked():
        raise KeyError
    with FeatureStore(tmp_path / "new").locked():
        pass


def test_a_lock_without_a_process_in_its_file_is_a_lock(tmp_path):
    import fcntl

    store = FeatureStore(tmp_path)
    with (tmp_path / ".lock").open("w") as file:
        fcntl.flock(file, fcntl.LOCK_EX)
        with pytest.raises(StoreError, match="by another process; wait"), store.locked():
            pass


def test_a_file_system_without_locks_can_be_written(tmp_path, monkeypatch):
    import fcntl

    def refuse(_descriptor, _operation):
        raise OSError(errno.ENOLCK, os.strerror(errno.ENOLCK))

    monkeypatch.setattr(fcntl, "flock", refuse)
    with FeatureStore(tmp_path).locked():
        pass
