"""Stores on file systems that cannot replace a file atomically."""

import errno
import os
from pathlib import Path

import pytest

from extract.store import FeatureStore, Record, StoreError, renaming
from extract.store.files import write_atomically
from tests.full_disk import HalfWrittenFile
from tests.stores import ROWS, manifest, reopened

real_replace = os.replace


@pytest.fixture(autouse=True)
def _forget():
    yield
    renaming._without.clear()


def refused(number):
    def replace(source, target):
        raise OSError(number, os.strerror(number), source)

    return replace


def copied(source, target):
    """Keep the source, as a copy would."""
    Path(target).write_bytes(Path(source).read_bytes())


def ignored(source, target):
    """Remove the source and keep the target."""
    Path(source).unlink()


WAYS = {
    "refused": refused(errno.EPERM),
    "another device": refused(errno.EXDEV),
    "not supported": refused(errno.EOPNOTSUPP),
    "the target stays": refused(errno.EEXIST),
    "copied": copied,
    "ignored": ignored,
}


@pytest.fixture(params=WAYS)
def _without_rename(request, monkeypatch):
    monkeypatch.setattr(os, "replace", WAYS[request.param])


def fill(folder):
    store = FeatureStore(folder)
    with store.locked() as notes:
        features = store.create("visual", manifest())
        for name, rows in (("b", ROWS), ("a", ROWS + 1), ("b", ROWS[:1])):
            features.write(Record(name), rows)
        features.finish()
    return features, notes


def tree(folder):
    return {
        path.relative_to(folder).as_posix(): path.read_bytes()
        for path in folder.rglob("*")
        if path.is_file()
    }


def test_with_atomic_renaming_there_is_no_note(tmp_path):
    _, notes = fill(tmp_path)
    assert notes == ()
    assert renaming.renames_atomically(tmp_path)


def test_leftovers_of_a_killed_probe_are_removed(tmp_path):
    (tmp_path / ".probe.elsewhere.7.old").touch()
    fill(tmp_path)
    assert not list(tmp_path.glob(".probe*"))


@pytest.mark.usefixtures("_without_rename")
def test_the_store_has_the_same_bytes_without_atomic_renaming(tmp_path, monkeypatch):
    features, notes = fill(tmp_path / "without")
    assert "cannot replace files atomically" in notes[0]
    assert reopened(features).verify() == []
    without = tree(tmp_path / "without")
    renaming._without.clear()
    monkeypatch.setattr(os, "replace", real_replace)
    fill(tmp_path / "with")
    assert without == tree(tmp_path / "with")


@pytest.fixture
def _refusing(monkeypatch, tmp_path):
    monkeypatch.setattr(os, "replace", refused(errno.EPERM))
    assert not renaming.probe(tmp_path)


class Killed(BaseException):
    pass


@pytest.mark.usefixtures("_refusing")
@pytest.mark.parametrize("moment", range(6))
def test_after_a_kill_at_any_moment_the_old_or_the_new_file_exists(tmp_path, monkeypatch, moment):
    """Killed after half of a write, or before a file is removed."""
    folder = tmp_path / "visual"
    folder.mkdir()
    path = folder / "current"
    write_atomically(path, b"the old one")
    moments = iter(range(100))
    real_open, real_unlink = Path.open, Path.unlink

    def opening(self, mode="r", *more, **most):
        file = real_open(self, mode, *more, **most)
        is_killed = mode == "wb" and next(moments) == moment
        return HalfWrittenFile(file, Killed()) if is_killed else file

    def unlinking(self, **more):
        if self.exists() and next(moments) == moment:
            raise Killed
        return real_unlink(self, **more)

    with monkeypatch.context() as patch:
        patch.setattr(Path, "open", opening)
        patch.setattr(Path, "unlink", unlinking)
        try:
            write_atomically(path, b"the new, longer one")
            killed = False
        except Killed:
            killed = True
    assert killed == (moment < 5)
    renaming.finish_marked_writes(tmp_path)
    expected = [b"the new, longer one"] if moment >= 2 else [b"the old one"]
    assert path.read_bytes() in expected
    write_atomically(path, b"once more")
    assert [other.name for other in folder.iterdir()] == ["current"]


@pytest.mark.usefixtures("_refusing")
def test_rows_that_an_interruption_truncated_are_not_intact(tmp_path):
    features, _ = fill(tmp_path)
    path = features.rows_path("a")
    path.write_bytes(path.read_bytes()[:-1])
    assert not reopened(features).is_intact(features.records["a"])


@pytest.mark.usefixtures("_refusing")
def test_a_disk_that_loses_data_is_reported(tmp_path, monkeypatch):
    monkeypatch.setattr(os, "fsync", lambda descriptor: os.truncate(descriptor, 1))
    with pytest.raises(
        renaming.WriteVerificationError, match="does not contain what was written to it"
    ):
        write_atomically(tmp_path / "current", b"words")


def test_a_folder_that_cannot_be_written_has_the_same_error(tmp_path, monkeypatch):
    def refuse(self, data):
        raise OSError(errno.EROFS, os.strerror(errno.EROFS), self)

    monkeypatch.setattr(Path, "write_bytes", refuse)
    with (
        pytest.raises(StoreError, match="the file system is read-only"),
        FeatureStore(tmp_path).locked(),
    ):
        pass
