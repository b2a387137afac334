"""The catalogue: ids, and the caption of each item."""

import os
import unicodedata

import pytest
from hypothesis import given
from hypothesis import strategies as st

from extract.catalogue import CatalogueError, Item, read_catalogue, read_catalogue_from_captions
from tests.videos import captions_of, touch

# --- ids ---


@pytest.mark.parametrize(
    "name", ["007", "a.1", "a.2", "100% real (no cut)", "雪の夜", "party 🎉", "-rf", "café", "a\nb"]
)
def test_an_id_is_the_file_name_without_only_the_last_suffix(videos, name):
    touch(videos, f"{name}.mp4")
    assert [item.id for item in read_catalogue(videos).items] == [name]


def test_an_undecodable_byte_in_a_file_name_is_escaped(videos):
    try:
        touch(videos, os.fsdecode(b"caf\xe9.mp4"))
    except OSError:
        pytest.skip("this file system refuses such a name")
    (item,) = read_catalogue(videos).items
    assert item.id == r"caf\xe9"
    assert item.path.exists()


def test_two_files_with_one_stem_are_refused_or_have_their_path_as_id(videos):
    touch(videos, "a/x.mp4", "b/x.mp4", "a/y.mp4")
    with pytest.raises(
        CatalogueError,
        match=r"1 ids belong to several files: 'x' is .*a/x\.mp4, .*b/x\.mp4; "
        r"pass id_from='relative-path', or rename one of them",
    ):
        read_catalogue(videos)
    catalogue = read_catalogue(videos, id_from="relative-path")
    assert [item.id for item in catalogue.items] == ["a/x", "a/y", "b/x"]


def test_a_message_about_many_clashes_has_a_few_of_them(videos):
    touch(videos, *(f"{folder}/{name}.mp4" for folder in "pqrst" for name in "abcd"))
    with pytest.raises(CatalogueError, match="4 ids belong to several files: 'a' is ") as caught:
        read_catalogue(videos)
    assert str(caught.value).count("mp4") == 9
    assert "'d' is" not in str(caught.value)


@pytest.mark.parametrize("id_from", ["stem", "relative-path"])
def test_one_stem_with_two_suffixes_can_only_be_renamed(videos, id_from):
    touch(videos, "x.mp4", "x.mkv")
    with pytest.raises(CatalogueError, match=r"'x' is .*x\.mkv, .*x\.mp4; rename one of them"):
        read_catalogue(videos, id_from=id_from)


# --- captions ---


def table(folder, rows, name="captions.csv"):
    (folder / name).write_text("".join(f"{row}\n" for row in rows))


def test_a_table_precedes_a_sidecar_file_and_an_empty_one_is_skipped(videos):
    touch(videos, "a.mp4", "b.mp4", "b.txt")
    table(videos, ["id,text", "a,of the table"])
    (videos / "a.txt").write_text("of the file")
    (videos / "b.srt").write_text("1\n0:1 --> 0:2\nspoken\n")
    assert captions_of(read_catalogue(videos)) == {"a": "of the table", "b": "spoken"}


def test_a_table_in_the_folder_precedes_one_beside_it(videos, tmp_path):
    touch(videos, "a.mp4")
    table(tmp_path, ["id,text", "a,beside"])
    assert captions_of(read_catalogue(videos)) == {"a": "beside"}
    table(videos, ["id\ttext", "a\tinside"], "captions.tsv")
    catalogue = read_catalogue(videos)
    assert captions_of(catalogue) == {"a": "inside"}
    assert catalogue.notes == (
        f"captions are read from {videos / 'captions.tsv'}, not from {tmp_path / 'captions.csv'}",
    )
    given_table = tmp_path / "captions.csv"
    assert captions_of(read_catalogue(videos, given_table)) == {"a": "beside"}


def test_captions_without_a_video_are_noted(videos):
    touch(videos, "a.mp4")
    table(videos, ["id,text", *(f"{name},text" for name in "aedcb")])
    assert read_catalogue(videos).notes == ("4 of 5 captions have no video: b, c, d, ...",)


@pytest.mark.parametrize("form", ["NFC", "NFD"])
def test_a_caption_is_found_in_any_unicode_normalisation(videos, form):
    other = {"NFC": "NFD", "NFD": "NFC"}[form]
    item_id = unicodedata.normalize(form, "café")
    touch(videos, f"{item_id}.mp4")
    table(videos, ["id,text", f"{unicodedata.normalize(other, item_id)},coffee"])
    catalogue = read_catalogue(videos)
    assert captions_of(catalogue) == {item_id: "coffee"}
    assert catalogue.notes == ()
    table(videos, ["id,text", f"{item_id},tea", f"{unicodedata.normalize(other, item_id)},coffee"])
    assert captions_of(read_catalogue(videos)) == {item_id: "tea"}


def test_unreadable_sidecar_files_are_noted_and_the_next_one_is_used(videos):
    touch(videos, "a.mp4", "b.mp4")
    (videos / "a.json").write_text("{")
    (videos / "a.srt").write_text("1\n0:1 --> 0:2\nspoken\n")
    (videos / "b.json").write_text("[" * 100_000)
    catalogue = read_catalogue(videos)
    assert captions_of(catalogue) == {"a": "spoken", "b": None}
    (note,) = catalogue.notes
    assert note.startswith(
        f"2 captions beside videos cannot be read and are ignored: {videos / 'a.json'} is not JSON"
    )


def test_sidecar_files_in_an_unlistable_folder_are_found(videos, monkeypatch):
    touch(videos, "a.mp4")
    (videos / "a.txt").write_text("a caption")

    def refuse(_folder):
        raise PermissionError

    monkeypatch.setattr("pathlib.Path.iterdir", refuse)
    assert captions_of(read_catalogue([videos / "a.mp4"])) == {"a": "a caption"}


NAMES = st.text(st.characters(categories=["L", "N"]), min_size=1, max_size=8)


@given(st.dictionaries(NAMES.map(str.lower), NAMES, min_size=1, max_size=5))
def test_every_item_has_its_own_caption(tmp_path_factory, written):
    folder = tmp_path_factory.mktemp("videos")
    touch(folder, *(f"{item_id}.mp4" for item_id in written))
    table(folder, ["id,text", *(f"{item_id},{text}" for item_id, text in written.items())])
    assert captions_of(read_catalogue(folder)) == written


# --- a table of captions alone ---


def test_each_row_of_a_table_of_captions_is_an_item_without_a_file(tmp_path):
    table = tmp_path / "films.csv"
    table.write_text("item_id,caption\nb,two  dogs\n007,\na,a cat\n007,\n")
    catalogue = read_catalogue_from_captions(table)
    assert catalogue.items == (
        Item("007", None),
        Item("a", None, "a cat"),
        Item("b", None, "two dogs"),
    )
    assert catalogue.root == tmp_path
    assert catalogue.notes == ()


def test_an_empty_caption_does_not_conflict_with_another_one_of_the_item(tmp_path):
    table = tmp_path / "films.csv"
    table.write_text("item_id,caption\na,\na,a cat\na,\n")
    catalogue = read_catalogue_from_captions(table)
    assert catalogue.items == (Item("a", None, "a cat"),)
    assert catalogue.notes == ()


def test_a_table_of_captions_without_items_is_refused(tmp_path):
    table = tmp_path / "films.csv"
    table.write_text("item_id,caption\n")
    with pytest.raises(CatalogueError, match=r"films\.csv has no row with an item id"):
        read_catalogue_from_captions(table)
