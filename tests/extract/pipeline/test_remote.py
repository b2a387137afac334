"""Remote videos have the same rows as videos on disk."""

import functools
import http.server
import threading

import pytest

from extract import read_catalogue
from extract.catalogue import Item, RemoteFile, read_catalogue_from_list
from extract.store import FeatureStore
from tests.clips import make_clip
from tests.encoders import Shade, registered
from tests.extraction import extract_items
from tests.object_store import object_store

pytest.importorskip("aiohttp", reason="what fsspec speaks HTTP with")
fsspec = pytest.importorskip("fsspec")


@pytest.fixture(autouse=True)
def encoders():
    with registered(Shade):
        yield


@pytest.fixture(scope="module")
def videos(tmp_path_factory):
    folder = tmp_path_factory.mktemp("videos")
    for count in (2, 5):
        make_clip(folder / f"clip{count}.mp4", num_frames=count)
    (folder / "broken.mp4").write_bytes(b"no video at all")
    return folder


class Quiet(http.server.SimpleHTTPRequestHandler):
    def log_message(self, *_):
        pass


@pytest.fixture
def server(videos):
    serve = functools.partial(Quiet, directory=videos)
    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), serve) as httpd:
        threading.Thread(target=httpd.serve_forever, daemon=True).start()
        yield f"http://127.0.0.1:{httpd.server_port}"
        httpd.shutdown()


def extract(items, store, **more):
    return extract_items(items, store, modalities=["thing"], device="cpu", workers=1, **more)


def records_of(store):
    """The records without the location and the time of the files."""
    features = FeatureStore(store).feature_set("thing")
    return {
        name: (record.status, record.content_hash, record.rows_hash, record.size_bytes)
        for name, record in features.records.items()
    }


def test_rows_are_those_of_the_same_files_on_disk(videos, server, tmp_path):
    names = ["clip2.mp4", "clip5.mp4", "broken.mp4"]
    (tmp_path / "list.txt").write_text("".join(f"{server}/{name}\n" for name in names))
    items = read_catalogue_from_list(tmp_path / "list.txt").items
    report = extract(items, tmp_path / "remote")
    assert report.counts["thing"] == {"skipped": 0, "done": 2, "failed": 1}
    extract(read_catalogue(videos).items, tmp_path / "local")
    assert records_of(tmp_path / "remote") == records_of(tmp_path / "local")
    record = FeatureStore(tmp_path / "remote").feature_set("thing").records["clip2"]
    assert record.source == f"{server}/clip2.mp4"
    assert extract(items, tmp_path / "remote", dry_run=True).planned == 0


def test_a_removed_file_fails_alone(server, tmp_path):
    items = [Item(name, RemoteFile(f"{server}/{name}.mp4")) for name in ("clip2", "none")]
    report = extract(items, tmp_path)
    (failure,) = report.failures
    assert failure.id == "none"
    assert "none.mp4" in failure.reason
    assert report.counts["thing"]["done"] == 1


def test_an_object_store_gives_the_same_rows_as_a_disk(videos, tmp_path):
    with object_store():
        files = fsspec.filesystem("s3", skip_instance_cache=True)
        files.mkdir("shop")
        files.put(str(videos), "shop/clips", recursive=True)
        items = read_catalogue("s3://shop/clips").items
        assert [item.id for item in items] == ["broken", "clip2", "clip5"]
        extract(items, tmp_path / "remote")
        extract(read_catalogue(videos).items, tmp_path / "local")
        assert records_of(tmp_path / "remote") == records_of(tmp_path / "local")
        assert extract(items, tmp_path / "remote", dry_run=True).planned == 0
