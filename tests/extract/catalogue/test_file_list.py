"""File lists: videos named by a text file or a table."""

import os
from pathlib import Path

import polars as pl
import pytest

from extract.catalogue import CaptionError, CatalogueError, RemoteFile, read_catalogue_from_list
from tests.videos import captions_of, touch


@pytest.fixture
def here(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    touch(tmp_path, "a.mp4", "sub/b.mp4", "[c].mp4")
    return tmp_path


def test_a_text_contains_paths_and_urls_and_patterns_are_not_expanded(here):
    (here / "list.txt").write_text("a.mp4\n\nsub/b.mp4\n[c].mp4\ns3://bucket/d*.mp4\n")
    catalogue = read_catalogue_from_list(here / "list.txt")
    assert {item.id: item.path for item in catalogue.items} == {
        "a": Path("a.mp4"),
        "b": Path("sub/b.mp4"),
        "[c]": Path("[c].mp4"),
        "d*": RemoteFile("s3://bucket/d*.mp4"),
    }


def test_a_text_can_come_from_windows_and_contain_undecodable_names(here):
    touch(here, "x\x0by\u2028z.mp4", os.fsdecode(b"caf\xe9.mp4"))
    (here / "list.txt").write_bytes(
        b"\xef\xbb\xbfa.mp4\r\nx\x0by\xe2\x80\xa8z.mp4\r\ncaf\xe9.mp4\r\n"
    )
    catalogue = read_catalogue_from_list(here / "list.txt")
    assert [item.id for item in catalogue.items] == ["a", "caf\\xe9", "x\x0by\u2028z"]


@pytest.mark.parametrize("suffix", [".csv", ".tsv", ".parquet", ".jsonl"])
def test_a_table_can_contain_ids_and_captions(here, suffix):
    table = pl.DataFrame(
        {
            "url": ["a.mp4", "sub/b.mp4", None],
            "item_id": ["007", "", "lost"],
            "title": [" of a \n cat", None, "lost"],
        }
    )
    path = here / f"list{suffix}"
    match suffix:
        case ".parquet":
            table.write_parquet(path)
        case ".jsonl":
            table.write_ndjson(path)
        case _:
            table.write_csv(path, separator="\t" if suffix == ".tsv" else ",")
    (here / "sub" / "b.txt").write_text("beside")
    assert captions_of(read_catalogue_from_list(path)) == {"007": "of a cat", "b": "beside"}


def test_a_captions_file_precedes_the_captions_of_the_list(here):
    (here / "list.csv").write_text("path,caption\na.mp4,of the list\nsub/b.mp4,of b\n")
    (here / "better.csv").write_text("item_id,caption\na,of the file\n")
    catalogue = read_catalogue_from_list(here / "list.csv", here / "better.csv")
    assert captions_of(catalogue) == {"a": "of the file", "b": "of b"}


@pytest.mark.parametrize(
    ("text", "error", "match"),
    [
        (
            "name\na.mp4\n",
            CaptionError,
            "needs a column path or url or file or video; its columns: name",
        ),
        ("path\na.mp4\na.mp4\n", CatalogueError, r"1 videos are repeated in .*list.csv: a.mp4"),
        ("path\nz.mp4\n", CatalogueError, "there is no file z.mp4"),
        ("path,id\na.mp4,x\nsub/b.mp4,x\n", CatalogueError, "1 ids belong to several files"),
        ("path\n", CatalogueError, "no files were named"),
    ],
)
def test_an_invalid_table_is_refused(here, text, error, match):
    (here / "list.csv").write_text(text)
    with pytest.raises(error, match=match):
        read_catalogue_from_list(here / "list.csv")


@pytest.mark.parametrize("name", ["none.csv", "none.txt"])
def test_a_missing_list_is_reported(here, name):
    with pytest.raises(CatalogueError, match=rf"(no file list {name}|{name} cannot be read)"):
        read_catalogue_from_list(Path(name))
