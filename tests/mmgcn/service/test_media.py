"""Videos and posters: byte ranges, and only files of the catalogue."""

import os
import re
from threading import Event
from urllib.parse import quote

import pytest

from extract.store import FeatureStore, Record, file_name
from mmgcn.display.placeholders import hue_of
from mmgcn.display.poster_worker import PosterWorker
from mmgcn.display.videos import Videos
from mmgcn.serving.table_file import TableError
from tests.runs import name_store
from tests.stores import add_speech

BYTES = bytes(range(256)) * 4


def test_a_video_is_sent_with_its_type_and_etag(client):
    answer = client.get("/v1/videos/b")
    assert answer.status_code == 200
    assert answer.content == BYTES
    assert answer.headers["content-type"] == "video/mp4"
    assert answer.headers["accept-ranges"] == "bytes"
    assert answer.headers["etag"].startswith('"')
    assert answer.headers["cache-control"] == "private, max-age=3600"


@pytest.mark.parametrize(
    ("header", "start", "end"),
    [("0-0", 0, 1), ("100-199", 100, 200), ("1000-", 1000, 1024), ("-10", 1014, 1024)],
)
def test_a_requested_range_is_sent(client, header, start, end):
    answer = client.get("/v1/videos/b", headers={"range": f"bytes={header}"})
    assert answer.status_code == 206
    assert answer.content == BYTES[start:end]
    assert answer.headers["content-range"] == f"bytes {start}-{end - 1}/1024"
    assert answer.headers["content-length"] == str(end - start)


def test_a_range_beyond_the_end_is_416(client):
    answer = client.get("/v1/videos/b", headers={"range": "bytes=1024-"})
    assert (answer.status_code, answer.json()["code"]) == (416, "range_not_satisfiable")
    assert answer.headers["content-type"] == "application/problem+json"
    assert answer.headers["content-range"] == "bytes */1024"
    answer = client.get("/v1/videos/b", headers={"range": "seconds=1-2"})
    assert (answer.status_code, answer.json()["code"]) == (400, "malformed_range")
    assert answer.json()["detail"].startswith("the file has 1024 bytes; expected a range such as")
    assert client.head("/v1/videos/b", headers={"range": "bytes=1024-"}).status_code == 416


def test_head_sends_the_size_and_no_body(client):
    answer = client.head("/v1/videos/b")
    assert answer.status_code == 200
    assert answer.headers["content-length"] == "1024"
    assert answer.content == b""


def test_a_current_copy_of_the_client_is_not_sent_again(client, videos):
    tag = client.get("/v1/videos/b").headers["etag"]
    assert client.get("/v1/videos/b", headers={"if-none-match": tag}).status_code == 304
    part = client.get("/v1/videos/b", headers={"range": "bytes=0-9", "if-range": tag})
    assert part.status_code == 206
    (videos / "b.mp4").write_bytes(b"another")
    part = client.get("/v1/videos/b", headers={"range": "bytes=0-9", "if-range": tag})
    assert (part.status_code, part.content) == (200, b"another")


@pytest.mark.parametrize(
    "path",
    [
        "../secret",
        "..%2Fsecret",
        "%2e%2e%2fsecret",
        "..%252Fsecret",
        "b.mp4",
        "/etc/passwd",
        "%2Fetc%2Fpasswd",
        "notes",
        "notes.html",
        "..",
        "b%00",
        "b%00.mp4",
        "~root",
        "\\b",
    ],
)
@pytest.mark.parametrize("kind", ["videos", "posters"])
def test_only_files_of_the_catalogue_are_served(client, path, kind):
    answer = client.get(f"/v1/{kind}/{path}")
    assert answer.status_code in (404, 422)
    assert b"secret" not in answer.content.replace(b"/secret", b"").replace(b"secret'", b"")


def test_an_item_of_the_run_without_a_video_is_404_with_the_nearest(client):
    answer = client.get("/v1/videos/aa")
    assert answer.status_code == 404
    assert answer.json()["nearest"] == ["a"]
    assert client.get("/v1/videos/c").status_code == 404


def test_a_removed_video_is_404(client, videos):
    (videos / "b.mp4").unlink()
    assert client.get("/v1/videos/b").status_code == 404


def test_a_link_out_of_the_folder_is_refused_at_the_start(videos):
    (videos / "out.mp4").symlink_to(videos.parent / "secret.mp4")
    with pytest.raises(ValueError, match="outside"):
        Videos.read(videos)


def drawn(client, item_id):
    """Request a poster until it is drawn; return the response."""
    answer = client.get(f"/v1/posters/{quote(item_id)}")
    while answer.status_code == 202:
        answer = client.get(f"/v1/posters/{quote(item_id)}")
    return answer


def test_a_poster_is_a_colour_until_it_is_drawn_once_and_kept(client, settings):
    address = f"/v1/posters/{quote('mörk 100%')}"
    answer = client.get(address)
    assert answer.status_code == 202
    assert answer.headers["content-type"] == "image/svg+xml"
    assert answer.headers["cache-control"] == "no-store"
    assert f"hsl({hue_of('mörk 100%')} " in answer.text
    answer = drawn(client, "mörk 100%")
    assert answer.status_code == 200
    assert answer.headers["content-type"] == "image/jpeg"
    assert answer.content[:3] == b"\xff\xd8\xff"
    colour = client.get(f"/v1/items/{quote('mörk 100%')}").json()["colour"]
    assert re.fullmatch("#[0-9a-f]{6}", colour)
    (jpeg,) = settings.posters.glob("*.jpg")
    before = jpeg.stat().st_mtime_ns
    assert client.get(address).content == answer.content
    assert jpeg.stat().st_mtime_ns == before
    os.utime(jpeg, (0, 0))  # the video is newer; the colour stays until the poster is drawn again
    assert f'fill="{colour}"' in client.get(address).text


def test_a_poster_of_an_extraction_is_served_unchanged(client, settings):
    settings.posters.mkdir()
    (settings.posters / "a.jpg").write_bytes(b"drawn before")
    os.utime(settings.posters / "a.jpg", (2e9, 2e9))
    assert client.get("/v1/posters/a").content == b"drawn before"


def test_a_missing_poster_is_an_error_with_the_reason(client):
    answer = drawn(client, "b")
    assert answer.status_code == 404
    assert "no poster of 'b': " in answer.json()["detail"]
    states = client.post("/v1/posters", json={"item_ids": ["b", "none", "b"]}).json()
    assert states == {"ready": [], "waiting": [], "failed": ["b", "none"]}


def test_requests_do_not_wait_for_many_missing_posters(serve, tmp_path, videos, monkeypatch):
    names = [f"v{number}" for number in range(60)]
    rows = "".join(f"{name},videos/a.mp4\n" for name in [*names, "a"])
    (tmp_path / "videos.csv").write_text(f"item_id,path\n{rows}")
    client = serve(videos=tmp_path / "videos.csv")
    queue = client.app.state.service.posters
    gate = Event()
    monkeypatch.setattr(PosterWorker, "draw", lambda *_: gate.wait() and "")
    answers = [client.get(f"/v1/posters/{name}") for name in names]
    assert {answer.status_code for answer in answers} == {202}
    answer = client.get("/v1/posters/v0?placeholder=false")
    assert (answer.status_code, answer.json()["code"]) == (503, "poster_pending")
    assert answer.headers["retry-after"] == "1"
    assert client.get("/v1/recommend/ann").status_code == 200
    assert client.get("/v1/explain?user_id=ann&item_id=c").status_code == 200
    assert client.get("/v1/videos/a").status_code == 200
    states = client.post("/v1/posters", json={"item_ids": names}).json()
    assert states == {"ready": [], "waiting": names, "failed": []}
    gate.set()
    queue.stop()


def test_sprites_of_an_extraction_are_served_and_named_by_the_cards(serve, tmp_path):
    with pytest.raises(NotADirectoryError, match=r"no folder of sprites at .*: mmgcn extract"):
        serve(sprites=tmp_path / "sprites")
    (tmp_path / "sprites").mkdir()
    (tmp_path / "sprites" / f"{file_name('mörk 100%')}.jpg").write_bytes(b"eight frames")
    client = serve(sprites=tmp_path / "sprites", root_path="/mm")
    cards = {card["item_id"]: card for card in client.get("/v1/items").json()["items"]}
    (item,) = [item for item, card in cards.items() if card["sprite"]]
    answer = client.get(cards[item]["sprite"])
    assert (item, answer.content) == ("mörk 100%", b"eight frames")
    assert answer.headers["content-type"] == "image/jpeg"
    answer = client.get("/v1/sprites/a")
    assert (answer.status_code, answer.json()["code"]) == (404, "no_sprite")


def test_a_table_names_the_files(tmp_path, videos):
    table = tmp_path / "videos.csv"
    table.write_text("item_id,path\nd/e,videos/b.mp4\nx,videos/none.mp4\n")
    read = Videos.read(table)
    assert dict(read.paths) == {"d/e": videos / "b.mp4"}
    assert read.notes == (f"1 files in {table} do not exist, such as that of 'x'",)
    table.write_text("item_id,path\nx,videos/none.mp4\n")
    with pytest.raises(TableError, match="none of the 1 files"):
        Videos.read(table)


def test_spoken_words_are_the_caption_of_items_without_one(serve, runs, tmp_path):
    store = FeatureStore(tmp_path / "features")
    transcripts = add_speech(store, {"a": "good evening", "b": "good evening from b"})
    transcripts.write(Record("c", status="missing", reason="nothing is said"), None)
    name_store(runs / "latest", store.root)
    client = serve()
    cards = {card["item_id"]: card for card in client.get("/v1/items").json()["items"]}
    assert cards["a"]["caption"] == "<b>hello</b>"
    assert cards["b"]["caption"] == "good evening from b"
    assert cards["c"]["caption"] is None
    found = client.get("/v1/items", params={"query": "evening"}).json()["items"]
    assert [card["item_id"] for card in found] == ["b"]


def test_captions_of_a_table_precede_those_beside_the_videos(serve, tmp_path):
    table = tmp_path / "captions.csv"
    table.write_text("item_id,title,creator\na,another,ann\nb,,bob\n")
    client = serve(captions=table)
    cards = {card["item_id"]: card for card in client.get("/v1/items").json()["items"]}
    assert (cards["a"]["caption"], cards["a"]["creator"]) == ("another", "ann")
    assert (cards["b"]["caption"], cards["b"]["creator"]) == (None, "bob")
    assert serve(videos=None, captions=table).get("/v1/items/a").json()["video"] is None
