"""Remote files, on the memory file system of fsspec; over HTTP in pipeline/test_remote.py."""

from pathlib import Path

import pytest

from extract.catalogue import (
    CatalogueError,
    RemoteError,
    RemoteFile,
    as_file,
    local_copy,
    read_catalogue,
    remote,
)

fsspec = pytest.importorskip("fsspec")


@pytest.fixture
def memory():
    files = fsspec.filesystem("memory")
    for name in ("clips/b.mp4", "clips/sub/a.webm", "clips/b.txt", "clips/read.me", "one.mp4"):
        files.pipe(f"/shop/{name}", name.encode())
    yield files
    files.rm("/shop", recursive=True)


@pytest.mark.parametrize("url", ["memory://shop/clips", "memory://shop/clips/"])
def test_a_remote_folder_is_searched_with_its_subfolders(memory, url):
    catalogue = read_catalogue(url)
    assert [(item.id, item.path) for item in catalogue.items] == [
        ("a", RemoteFile("memory:///shop/clips/sub/a.webm")),
        ("b", RemoteFile("memory:///shop/clips/b.mp4")),
    ]
    assert catalogue.items[1].caption is None


def test_patterns_and_files_by_url(memory):
    assert [i.id for i in read_catalogue("memory://shop/clips/*.mp4").items] == ["b"]
    assert [i.id for i in read_catalogue("memory://shop/**/*.mp4").items] == ["b", "one"]
    named = read_catalogue(["memory://shop/one.mp4", "memory://shop/clips/*.mp4"])
    assert [item.id for item in named.items] == ["b", "one"]
    (item,) = read_catalogue("memory://shop/one.mp4", id_from="relative-path").items
    assert item.id == "shop/one"


def test_no_remote_files_are_an_error(memory):
    with pytest.raises(RemoteError, match="there are no files at memory://shop/none"):
        read_catalogue("memory://shop/none")
    memory.pipe("/shop/notes/read.me", b"")
    with pytest.raises(CatalogueError, match="none of the 1 files at memory://shop/notes is a"):
        read_catalogue("memory://shop/notes")


def test_an_unknown_protocol_is_an_error():
    with pytest.raises(RemoteError, match="cannot be read: Protocol not known: zzz"):
        read_catalogue("zzz://bucket")


def test_a_url_of_a_local_file_is_a_path(tmp_path):
    (tmp_path / "a.mp4").touch()
    for url in (f"file://{tmp_path}", f"file://{tmp_path}/*.mp4", f"file://{tmp_path}/a.mp4"):
        (item,) = read_catalogue(url).items
        assert item.path == tmp_path / "a.mp4"


@pytest.mark.parametrize("has_open_files", [remote.HAS_OPEN_FILES, False])
def test_a_file_is_downloaded_and_removed_afterwards(memory, tmp_path, monkeypatch, has_open_files):
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path))
    monkeypatch.setattr("extract.catalogue.remote.HAS_OPEN_FILES", has_open_files)
    with local_copy(RemoteFile("memory://shop/one.mp4")) as path:
        assert path.read_bytes() == b"one.mp4"
        # Without a name it disappears with this process.
        assert list(tmp_path.iterdir()) == ([] if has_open_files else [path])
    assert list(tmp_path.iterdir()) == []
    with local_copy(Path("local/a.mp4")) as path:
        assert path == Path("local/a.mp4")


def test_a_file_that_is_too_large_is_refused(memory, tmp_path, monkeypatch):
    monkeypatch.setattr("extract.catalogue.remote.MAX_FETCHED_BYTES", 3)
    with (
        pytest.raises(RemoteError, match=r"one.mp4 has 7 bytes, and .* has space for 3"),
        local_copy(RemoteFile("memory://shop/one.mp4")),
    ):
        pass


def test_a_file_has_a_size_and_a_modification_time(memory):
    file = as_file("memory://shop/one.mp4")
    status = file.stat()
    assert status.st_size == 7
    assert status.st_mtime_ns > 1_600_000_000 * 10**9
    assert file.stat() == status
    assert file.is_file()
    assert not RemoteFile("memory://shop").is_file()
    with pytest.raises(FileNotFoundError):
        RemoteFile("memory://shop/none.mp4").stat()
