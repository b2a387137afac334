"""The feature store: sets by their manifests, the current one, and one writer at a time."""

import errno
import json
import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from extract.store import FeatureSet, FeatureStore, NoFeatures, StoreError, digest
from tests.stores import manifest, reopened

ROOT = Path(__file__).parents[3]


# --- manifests ---


def test_a_digest_does_not_depend_on_the_order_of_keys_but_on_every_value():
    assert digest({"a": 1, "b": 2}) == digest({"b": 2, "a": 1})
    assert digest({"a": 1}) != digest({"a": 2}) != digest({"b": 2})
    assert len(digest({"weights": "caf\udce9.pth"})) == 12


def test_the_folder_is_named_after_encoder_and_digest_and_the_manifest_says_all(tmp_path):
    given = manifest(weights="caf\udce9/é.pth")
    features = FeatureStore(tmp_path).create("visual", given, versions={"numpy": "9"})
    full = {"schema_version": 1, "modality": "visual", **given}
    assert features.path == tmp_path / "visual" / f"colour-{digest(full)}"
    assert features.digest == digest(full)
    assert features.manifest == full | {"versions": {"numpy": "9"}}
    assert features.verify() == []


def test_a_manifest_is_the_same_bytes_each_time(tmp_path):
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
    with pytest.raises(NoFeatures, match="holds no visual features; it holds: none"):
        FeatureStore(tmp_path).feature_set("visual")
    FeatureStore(tmp_path).create("visual", manifest())
    for name in ("acoustic", "../visual", ""):
        with pytest.raises(NoFeatures, match=f"holds no {name} features; it holds: visual"):
            FeatureStore(tmp_path).feature_set(name)


@pytest.mark.parametrize("name", ["", "../../elsewhere", "/etc", "..", "a/b"])
def test_a_pointer_that_leads_elsewhere_is_refused(features, name):
    (features.path.parent / "current").write_text(name)
    with pytest.raises(StoreError, match="current names no folder beside it; extract again"):
        FeatureStore(features.path.parents[1]).feature_set("visual")


@pytest.mark.parametrize("content", [None, "", "{", "[]", "{}", '{"schema_version": "1"}'])
def test_a_folder_without_a_manifest_is_no_feature_set(tmp_path, content):
    if content is not None:
        (tmp_path / "manifest.json").write_text(content)
    with pytest.raises(StoreError, match="is no feature set: "):
        FeatureSet(tmp_path)


@pytest.mark.parametrize("version", [2, 99])
def test_a_set_of_a_newer_format_is_refused(features, version):
    path = features.path / "manifest.json"
    path.write_text(json.dumps(json.loads(path.read_text()) | {"schema_version": version}))
    with pytest.raises(
        StoreError, match=rf"by a newer mmgcn \(format {version}, .* up to 1\); upg"
    ):
        reopened(features)


def test_a_file_where_a_folder_is_needed_is_told(tmp_path):
    (tmp_path / "visual").touch()
    with pytest.raises(StoreError, match="a file stands where a folder is needed"):
        FeatureStore(tmp_path).create("visual", manifest())
    with (
        pytest.raises(StoreError, match="a file stands where a folder is needed"),
        FeatureStore(tmp_path / "visual").locked(),
    ):
        pass


@pytest.mark.parametrize("number", [errno.ENOSPC, errno.EROFS])
def test_a_set_that_cannot_be_made_is_told_and_is_not_there(tmp_path, monkeypatch, number):
    def refuse(_descriptor):
        raise OSError(number, os.strerror(number))

    monkeypatch.setattr("os.fsync", refuse)
    store = FeatureStore(tmp_path)
    with pytest.raises(StoreError, match=r"cannot write .*: the (disk is|file sys)"):
        store.create("visual", manifest())
    assert store.find("visual", manifest()) is None
    assert store.modalities() == ()


# --- one writer at a time ---


def holder(store, *, host=None):
    """Another process that holds the store until it is killed."""
    code = (
        "import socket, sys\n"
        f"socket.gethostname = lambda name=socket.gethostname(): {host!r} or name\n"
        "from extract.store import FeatureStore\n"
        "with FeatureStore(sys.argv[1]).locked(): print('held', flush=True); sys.stdin.read()\n"
    )
    process = subprocess.Popen(
        [sys.executable, "-c", code, str(store.root)],
        cwd=ROOT,
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
    )
    assert process.stdout.readline() == b"held\n"
    return process


@pytest.mark.parametrize("host", [None, "another.host"])
def test_a_second_writer_is_told_who_the_first_is_and_takes_over_when_it_was_killed(tmp_path, host):
    store = FeatureStore(tmp_path)
    with holder(store, host=host) as first:
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


def test_a_lock_is_given_back_after_an_error(tmp_path):
    with pytest.raises(KeyError), FeatureStore(tmp_path / "new").locked():
        raise KeyError
    with FeatureStore(tmp_path / "new").locked():
        pass


def test_a_lock_whose_holder_has_not_signed_yet_is_a_lock(tmp_path):
    import fcntl

    store = FeatureStore(tmp_path)
    with (tmp_path / ".lock").open("w") as file:
        fcntl.flock(file, fcntl.LOCK_EX)
        with pytest.raises(StoreError, match="by another process; wait"), store.locked():
            pass


def test_a_file_system_without_locks_is_written_all_the_same(tmp_path, monkeypatch):
    import fcntl

    def refuse(_descriptor, _operation):
        raise OSError(errno.ENOLCK, os.strerror(errno.ENOLCK))

    monkeypatch.setattr(fcntl, "flock", refuse)
    with FeatureStore(tmp_path).locked():
        pass
