"""The catalogue: which files are items, and where their captions come from."""

import json
import os
from pathlib import Path

import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st

from extract.catalog import MEDIA, CatalogError, read_catalog, subtitle_text


@pytest.fixture
def videos(tmp_path):
    folder = tmp_path / "videos"
    folder.mkdir()
    return folder


def touch(folder, *names):
    for name in names:
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).touch()


def captions_of(catalog):
    return {item.id: item.caption for item in catalog.items}


# --- which files are items ---


def test_every_media_file_is_an_item_in_the_order_of_ids(videos):
    touch(videos, "b.mp4", "sub/a.WEBM", "c.jpg", "d.mp3", "notes.txt", ".hidden.mp4", "x.pdf")
    touch(videos, "folder.mp4/inside.gif")
    catalog = read_catalog(videos)
    assert [item.id for item in catalog.items] == ["a", "b", "c", "d", "inside"]
    assert catalog.root == videos
    assert catalog.items[0].path == videos / "sub" / "a.WEBM"


@pytest.mark.parametrize(
    "name", ["007", "a.1", "a.2", "100% real (no cut)", "雪の夜", "party 🎉", "-rf", "café"]
)
def test_an_id_is_the_name_of_the_file_without_its_suffix_alone(videos, name):
    touch(videos, f"{name}.mp4")
    assert [item.id for item in read_catalog(videos).items] == [name]


@pytest.mark.parametrize("suffix", sorted(MEDIA))
def test_suffixes_are_known_in_small_and_capital_letters(videos, suffix):
    touch(videos, f"a{suffix}", f"b{suffix.upper()}")
    assert len(read_catalog(videos).items) == 2


def test_one_file_and_several_files_may_be_named(videos):
    touch(videos, "a.mp4", "b.mp4", "c.mp4", "odd.xyz")
    assert [item.id for item in read_catalog(videos / "b.mp4").items] == ["b"]
    catalog = read_catalog([videos / "c.mp4", videos / "odd.xyz"])
    assert [item.id for item in catalog.items] == ["c", "odd"]
    assert catalog.root == videos


def test_files_of_several_folders_have_no_folder_in_common(videos):
    touch(videos, "a/x.mp4", "b/y.mp4")
    assert read_catalog([videos / "a" / "x.mp4", videos / "b" / "y.mp4"]).root == Path()


def test_two_files_of_one_name_are_refused_or_named_by_their_path(videos):
    touch(videos, "a/x.mp4", "b/x.mp4", "a/y.mp4")
    with pytest.raises(
        CatalogError,
        match=r"1 ids belong to several files: 'x' is .*a/x\.mp4 and .*b/x\.mp4; "
        r"pass --id relative-path, or rename",
    ):
        read_catalog(videos)
    catalog = read_catalog(videos, id_from="relative-path")
    assert [item.id for item in catalog.items] == ["a/x", "a/y", "b/x"]


def test_one_name_with_two_suffixes_can_only_be_renamed(videos):
    touch(videos, "x.mp4", "x.mkv")
    with pytest.raises(CatalogError, match=r"'x' is .*; rename one of them"):
        read_catalog(videos, id_from="relative-path")


def test_a_link_that_leads_out_is_refused_and_one_inside_is_an_item(videos, tmp_path):
    touch(videos, "a.mp4")
    (videos / "b.mp4").symlink_to(videos / "a.mp4")
    assert len(read_catalog(videos).items) == 2
    touch(tmp_path, "secret.mp4")
    (videos / "c.mp4").symlink_to(tmp_path / "secret.mp4")
    with pytest.raises(CatalogError, match=r"c\.mp4 is a link that leads out of .*secret\.mp4"):
        read_catalog(videos)


@pytest.mark.parametrize(
    ("given_videos", "match"),
    [
        (lambda folder: folder / "absent", "no such folder: .*absent"),
        (lambda folder: [folder / "absent.mp4"], r"no such file: .*absent\.mp4"),
        (lambda folder: [], "no files were named"),
        (lambda folder: folder, r"no videos in .*; known suffixes: .*\.mp4"),
    ],
)
def test_nothing_to_list_is_an_error(videos, given_videos, match):
    touch(videos, "notes.txt")
    with pytest.raises(CatalogError, match=match):
        read_catalog(given_videos(videos))


# --- captions from a table ---

ROWS = {"item_id": ["007", "a", "b", "nobody"], "caption": [" seven ", "An, A", None, "none"]}


def write_table(path, rows=ROWS):
    table = pl.DataFrame(rows)
    {
        ".csv": table.write_csv,
        ".tsv": lambda file: table.write_csv(file, separator="\t"),
        ".jsonl": table.write_ndjson,
        ".parquet": table.write_parquet,
    }[path.suffix](path)
    return path


@pytest.mark.parametrize("name", [f"captions.{s}" for s in ("csv", "tsv", "jsonl", "parquet")])
@pytest.mark.parametrize("where", ["in", "beside", "given"])
def test_a_table_is_read_whatever_its_format_and_place(videos, tmp_path, name, where):
    touch(videos, "007.mp4", "a.mp4", "b.mp4")
    folder = {"in": videos, "beside": tmp_path, "given": tmp_path / "else"}[where]
    folder.mkdir(exist_ok=True)
    path = write_table(folder / name)
    catalog = read_catalog(videos, path if where == "given" else None)
    assert captions_of(catalog) == {"007": "seven", "a": "An, A", "b": None}
    assert catalog.notes == ("1 of 3 captions belong to no video: nobody",)


@pytest.mark.parametrize("ids", ["item_id", "id", "video_id"])
@pytest.mark.parametrize("texts", ["caption", "title", "text"])
def test_columns_have_several_names(videos, ids, texts):
    touch(videos, "a.mp4")
    write_table(videos / "captions.csv", {"views": [1], texts: ["hello"], ids: ["a"]})
    assert captions_of(read_catalog(videos)) == {"a": "hello"}


def test_numbers_as_ids_are_text(videos):
    touch(videos, "12.mp4")
    write_table(videos / "captions.parquet", {"id": [12], "text": ["twelve"]})
    assert captions_of(read_catalog(videos)) == {"12": "twelve"}


def test_an_id_that_stands_twice_is_noted(videos):
    touch(videos, "a.mp4")
    write_table(videos / "captions.csv", {"id": ["a", "a"], "text": ["first", "last"]})
    catalog = read_catalog(videos)
    assert captions_of(catalog) == {"a": "last"}
    assert catalog.notes[0].startswith("1 ids stand twice in ")


@pytest.mark.parametrize(
    ("name", "text", "match"),
    [
        ("c.csv", "item_id,words\na,b\n", "needs a column caption or title or text; it has: item"),
        ("c.csv", "name,caption\na,b\n", "needs a column item_id or id or video_id; it has: name"),
        ("c.jsonl", "{broken", r"c\.jsonl cannot be read as jsonl"),
        ("c.csv", "", r"c\.csv cannot be read as csv"),
        ("c.parquet", "no parquet", r"c\.parquet cannot be read as parquet"),
        ("c.xlsx", "", r"c\.xlsx ends in none of \.csv, \.tsv, \.jsonl, \.parquet"),
    ],
)
def test_a_table_that_cannot_be_used_is_an_error(videos, name, text, match):
    touch(videos, "a.mp4")
    (videos / name).write_text(text)
    with pytest.raises(CatalogError, match=match):
        read_catalog(videos, videos / name)


def test_a_table_that_is_not_there_is_an_error(videos):
    touch(videos, "a.mp4")
    with pytest.raises(CatalogError, match=r"no caption file at .*absent\.csv"):
        read_catalog(videos, videos / "absent.csv")


# --- captions beside the video ---

SRT = (
    "1\r\n00:00:01,000 --> 00:00:02,000\r\n<i>Good</i>\r\nmorning\r\n\r\n"
    "2\r\n00:00:03,000 --> 00:00:04,000\r\n{\\an8}all\r\n"
)
VTT = (
    "WEBVTT\n\nNOTE not spoken\n\nSTYLE\n::cue {}\n\n"
    "intro\n00:01.000 --> 00:02.000 align:start\n<v Ann>Good morning\n\n"
    "00:03.000 --> 00:04.000\nall\n"
)


@pytest.mark.parametrize(
    ("suffix", "text", "expected"),
    [
        (".txt", "\ufeff  two\n words ", "two words"),
        (".json", json.dumps({"title": "two words"}), "two words"),
        (".json", json.dumps({"caption": "", "text": "two words", "views": 3}), "two words"),
        (".json", json.dumps(["a list"]), None),
        (".srt", SRT, "Good morning all"),
        (".vtt", VTT, "Good morning all"),
        (".txt", "  \n", None),
    ],
)
def test_a_file_beside_the_video_is_its_caption(videos, suffix, text, expected):
    touch(videos, "a.1.mp4")
    (videos / f"a.1{suffix}").write_text(text, encoding="utf-8")
    assert captions_of(read_catalog(videos)) == {"a.1": expected}


def test_the_table_comes_before_the_file_beside_and_an_empty_file_before_the_next(videos):
    touch(videos, "a.mp4", "b.mp4", "b.txt")
    write_table(videos / "captions.csv", {"id": ["a"], "text": ["of the table"]})
    (videos / "a.txt").write_text("of the file")
    (videos / "b.srt").write_text("1\n0:1 --> 0:2\nspoken\n")
    assert captions_of(read_catalog(videos)) == {"a": "of the table", "b": "spoken"}


def test_a_broken_json_beside_the_video_is_an_error(videos):
    touch(videos, "a.mp4")
    (videos / "a.json").write_text("{")
    with pytest.raises(CatalogError, match=r"a\.json is not JSON"):
        read_catalog(videos)


WORDS = st.text(st.characters(categories=["L", "N"]), min_size=1, max_size=8)


@given(st.lists(WORDS, min_size=1, max_size=5))
def test_subtitles_keep_every_word_and_no_time(words):
    cues = [f"{i}\n00:00:0{i},000 --> 00:00:0{i},900\n{word}" for i, word in enumerate(words, 1)]
    assert subtitle_text("\n\n".join(cues)) == " ".join(words)


def test_an_odd_byte_in_a_name_is_kept(videos):
    try:
        (videos / os.fsdecode(b"caf\xe9.mp4")).touch()
    except OSError:
        pytest.skip("this file system takes no such name")
    (item,) = read_catalog(videos).items
    assert os.fsencode(item.id) == b"caf\xe9"
