"""Captions from tables and from files beside the videos."""

import json

import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st

from extract.catalogue import CaptionError, read_captions, subtitle_text
from extract.catalogue.captions import read_sidecar

# --- tables ---

ROWS = {"item_id": ["007", "a", "b", "1e3"], "caption": [" seven ", 'An, "A"\nB', None, "none"]}
SUFFIXES = ["csv", "tsv", "jsonl", "parquet", "CSV"]


def write_table(path, rows=ROWS):
    table = pl.DataFrame(rows)
    {
        ".csv": table.write_csv,
        ".tsv": lambda file: table.write_csv(file, separator="\t"),
        ".jsonl": table.write_ndjson,
        ".parquet": table.write_parquet,
    }[path.suffix.lower()](path)
    return path


@pytest.mark.parametrize("name", [f"captions[1].{suffix}" for suffix in SUFFIXES])
def test_a_table_is_read_in_any_format(tmp_path, name):
    path = write_table(tmp_path / name)
    assert read_captions(path) == ({"007": "seven", "a": 'An, "A" B', "1e3": "none"}, [])


@pytest.mark.parametrize("ids", ["item_id", "id", "video_id", "item", " Item_ID"])
@pytest.mark.parametrize("texts", ["caption", "title", "text", "Caption "])
def test_columns_have_several_names(tmp_path, ids, texts):
    rows = {"views": [1], texts: ["hello"], ids: ["a"]}
    assert read_captions(write_table(tmp_path / "captions.csv", rows))[0] == {"a": "hello"}


def test_of_several_columns_the_first_name_is_used(tmp_path):
    rows = {"title": ["a title"], "id": ["a"], "caption": ["a caption"], "item_id": ["b"]}
    assert read_captions(write_table(tmp_path / "c.parquet", rows))[0] == {"b": "a caption"}


@pytest.mark.parametrize("suffix", ["jsonl", "parquet"])
def test_numeric_ids_are_text(tmp_path, suffix):
    path = write_table(tmp_path / f"c.{suffix}", {"id": [12], "text": ["twelve"]})
    assert read_captions(path)[0] == {"12": "twelve"}


def test_late_lines_of_json_can_have_other_fields(tmp_path):
    lines = [{"id": index} for index in range(2000)] + [{"id": "007", "caption": "seven"}, {}]
    path = tmp_path / "captions.jsonl"
    text = "\n\n".join(map(json.dumps, lines))
    path.write_text("\ufeff" + text, encoding="utf-8")
    captions, notes = read_captions(path)
    assert captions == {"007": "seven"}
    assert notes == [f"1 rows of {path} have no id and are ignored"]


def test_two_captions_of_one_id_are_noted(tmp_path):
    rows = {"id": list("abbaa"), "text": ["first", "same", "same", "last", ""]}
    path = write_table(tmp_path / "c.csv", rows)
    captions, notes = read_captions(path)
    assert captions == {"a": "last", "b": "same"}
    assert notes == [f"1 ids have several captions in {path}, and the last one is used: a"]


@pytest.mark.parametrize(
    ("name", "content", "match"),
    [
        (
            "c.csv",
            "item_id,words\na,b\n",
            "a column caption or title or text; its columns: item",
        ),
        (
            "c.csv",
            "name,caption\na,b\n",
            "a column item_id or id or video_id or item; its columns: name",
        ),
        ("titles.csv", "title\na\n", "needs a column item_id .* or item; its columns: title"),
        ("c.csv", "id;caption\na;b\n", "its columns: id;caption"),
        ("c.csv", "id,caption\na,b,c\n", r"c\.csv cannot be read as csv: found more fields"),
        ("c.csv", b"id,caption\na,caf\xe9\n", r"csv: invalid utf-8 .*; save it as UTF-8"),
        ("c.csv", "", r"c\.csv cannot be read as csv: "),
        ("c.jsonl", '{"id": "a"}\n{broken', r"line 2 of .*c\.jsonl is not JSON"),
        (
            "c.jsonl",
            "12",
            r"line 1 of .*c\.jsonl is not an object such as .*; a \.jsonl has one object per line",
        ),
        ("c.jsonl", "", "needs a column item_id .*; its columns: none"),
        ("c.jsonl", b'{"id": "\xe9"}', r"c\.jsonl cannot be read as jsonl: .*utf-8"),
        ("c.parquet", "no parquet", r"c\.parquet cannot be read as parquet"),
        ("c.xlsx", "", r"c\.xlsx does not end in any of .*, \.parquet; save the table in one"),
        ("c.csv.gz", "", r"c\.csv\.gz does not end in any of .*, \.parquet; decompress it first"),
        ("absent/c.csv", None, r"there is no captions file .*absent/c\.csv"),
    ],
)
def test_a_table_that_cannot_be_used_is_an_error_of_one_line(tmp_path, name, content, match):
    if content is not None:
        data = content if isinstance(content, bytes) else content.encode()
        (tmp_path / name).write_bytes(data)
    with pytest.raises(CaptionError, match=match) as caught:
        read_captions(tmp_path / name)
    assert "\n" not in str(caught.value)


# --- files beside the video ---

SRT = (
    "1\r\n00:00:01,000 --> 00:00:02,000\r\n<i>Good</i>\r\nmorning\r\n\r\n"
    "2\r\n00:00:03,000 --> 00:00:04,000\r\n{\\an8}all\r\n"
)
VTT = (
    "WEBVTT\n\nNOTE not spoken\n\nSTYLE\n::cue {}\n\n"
    "intro\n00:01.000 --> 00:02.000 align:start\n<v Ann>Good<00:01.500> morning\n\n"
    "00:03.000 --> 00:04.000\nall &amp; sundry\n"
)


@pytest.mark.parametrize(
    ("suffix", "text", "expected"),
    [
        (".txt", "\ufeff  two\n words ", "two words"),
        (".json", json.dumps({"title": "two words"}), "two words"),
        (".json", json.dumps({"caption": "", "text": "two words", "views": 3}), "two words"),
        (".json", json.dumps(["a list"]), None),
        (".srt", SRT, "Good morning all"),
        (".srt", SRT.replace("\r\n", "\r"), "Good morning all"),
        (".vtt", VTT, "Good morning all & sundry"),
        (".vtt", "WEBVTT\n", None),
        (".txt", "  \n", None),
    ],
)
def test_a_sidecar_file_is_read(tmp_path, suffix, text, expected):
    path = tmp_path / f"a.1{suffix}"
    path.write_bytes(text.encode())
    assert read_sidecar(path) == expected


def test_undecodable_bytes_are_replaced(tmp_path):
    path = tmp_path / "a.txt"
    path.write_bytes(b"caf\xe9 noir")
    assert read_sidecar(path) == "caf\ufffd noir"


@pytest.mark.parametrize(
    ("name", "content", "match"),
    [
        ("a.json", b"{", r"a\.json is not JSON"),
        ("a.json", b"[" * 100_000, r"a\.json is not JSON"),
        ("a.txt", bytes((1 << 20) + 1), r"a\.txt is longer than 1 MiB, too long for a caption"),
        ("absent.txt", None, r"absent\.txt cannot be read: No such file"),
    ],
)
def test_an_invalid_sidecar_file_is_an_error(tmp_path, name, content, match):
    if content is not None:
        (tmp_path / name).write_bytes(content)
    with pytest.raises(CaptionError, match=match):
        read_sidecar(tmp_path / name)


WORDS = st.text(st.characters(categories=["L", "N"]), min_size=1, max_size=8)


@given(st.lists(WORDS, min_size=1, max_size=5), st.sampled_from(["\n", "\r\n", "\r"]))
def test_subtitles_keep_every_word_and_no_times(words, end):
    cues = [f"{i}\n00:00:0{i},000 --> 00:00:0{i},900\n{word}" for i, word in enumerate(words, 1)]
    assert subtitle_text("\n\n".join(cues).replace("\n", end)) == " ".join(words)
