"""Discovery of media files."""

import os
from pathlib import Path

import pytest

from extract.catalogue import MEDIA_SUFFIXES, CatalogueError, read_catalogue
from tests.videos import touch


def ids(given_videos):
    return [item.id for item in read_catalogue(given_videos).items]


def test_every_media_file_is_an_item_in_the_order_of_ids(videos):
    touch(videos, "b.mp4", "sub/a.WEBM", "c.jpg", "d.mp3", "notes.txt", ".hidden.mp4")
    touch(videos, ".trash/e.mp4", "folder.mp4/inside.gif")
    catalogue = read_catalogue(videos)
    assert [item.id for item in catalogue.items] == ["a", "b", "c", "d", "inside"]
    assert catalogue.root == videos
    assert catalogue.items[0].path == videos / "sub" / "a.WEBM"
    assert catalogue.notes == ()
    assert read_catalogue(str(videos)) == catalogue


def test_a_file_that_cannot_be_read_is_an_item(videos):
    touch(videos, "a.mp4")
    (videos / "dangling.mp4").symlink_to(videos / "absent.mp4")
    os.mkfifo(videos / "pipe.mp4")
    assert ids(videos) == ["a", "dangling", "pipe"]


@pytest.mark.parametrize("suffix", sorted(MEDIA_SUFFIXES))
def test_suffixes_are_case_insensitive(videos, suffix):
    touch(videos, f"a{suffix}", f"b{suffix.upper()}")
    assert ids(videos) == ["a", "b"]


def test_ignored_files_are_noted(videos):
    touch(
        videos, "a.mp4", "b.divx", "c", "d.pdf", "sub/e.psd", "captions.csv", "a.srt", ".DS_Store"
    )
    (videos / "captions.csv").write_text("id,text\na,b\n")
    (note,) = read_catalogue(videos).notes
    assert note == f"4 files in {videos} are not media and are ignored: b.divx, c, d.pdf, ..."


def test_a_folder_that_cannot_be_listed_is_an_error(videos, monkeypatch):
    touch(videos, "a.mp4", "closed/b.mp4")
    real = os.scandir

    def scandir(path):
        if Path(path).name == "closed":
            raise PermissionError(13, "Permission denied", str(path))
        return real(path)

    monkeypatch.setattr("os.scandir", scandir)
    with pytest.raises(CatalogueError, match=r"closed cannot be listed: Permission denied"):
        read_catalogue(videos)


# --- links ---


def test_a_link_to_the_outside_is_refused_and_one_inside_is_an_item(videos, tmp_path):
    touch(videos, "a.mp4")
    (videos / "b.mp4").symlink_to("a.mp4")
    assert ids(videos) == ["a", "b"]
    touch(tmp_path, "secret.mp4")
    (videos / "c.mp4").symlink_to(tmp_path / "secret.mp4")
    with pytest.raises(CatalogueError, match=r"c\.mp4 is a link to .*secret\.mp4"):
        read_catalogue(videos)


def test_a_linked_folder_outside_is_refused_and_one_inside_is_not_followed(videos, tmp_path):
    touch(videos, "sub/a.mp4")
    (videos / "again").symlink_to("sub")
    (videos / "sub" / "loop").symlink_to(videos)
    assert ids(videos) == ["a"]
    touch(tmp_path, "others/b.mp4")
    (videos / "others").symlink_to(tmp_path / "others")
    with pytest.raises(CatalogueError, match=r"others is a link to .*, outside .*; copy the file"):
        read_catalogue(videos)


def test_circular_links_are_items_that_cannot_be_read(videos):
    (videos / "a.mp4").symlink_to("b.mp4")
    (videos / "b.mp4").symlink_to("a.mp4")
    assert ids(videos) == ["a", "b"]


def test_a_caption_that_links_outside_is_refused(videos, tmp_path):
    touch(videos, "a.mp4")
    (tmp_path / "secret").write_text("password")
    (videos / "a.txt").symlink_to(tmp_path / "secret")
    with pytest.raises(CatalogueError, match=r"a\.txt is a link to .*secret, outside"):
        read_catalogue(videos)


def test_the_folder_itself_can_be_a_link(videos, tmp_path):
    touch(videos, "a.mp4")
    (videos / "b.mp4").symlink_to(videos / "a.mp4")
    (tmp_path / "link").symlink_to(videos)
    assert ids(tmp_path / "link") == ["a", "b"]


# --- files and patterns ---


def test_one_file_and_several_files_can_be_named(videos):
    touch(videos, "a.mp4", "b.mp4", "c.mp4", "odd.xyz", "c.txt", "captions.csv")
    (videos / "captions.csv").write_text("id,text\na,of a\nc,of c\n")
    assert ids(videos / "b.mp4") == ["b"]
    named = [videos / "c.mp4", str(videos / "odd.xyz"), videos / "c.txt", videos / "c.mp4"]
    catalogue = read_catalogue(named)
    assert [item.id for item in catalogue.items] == ["c", "odd"]
    assert catalogue.root == videos
    assert catalogue.items[0].caption == "of c"
    assert catalogue.notes == ()  # captions of other videos are expected here


def test_files_of_several_folders_have_no_common_root(videos):
    touch(videos, "a/x.mp4", "b/y.mp4")
    assert read_catalogue([videos / "a" / "x.mp4", videos / "b" / "y.mp4"]).root == Path()


def test_a_pattern_matches_media_files(videos):
    touch(videos, "a.mp4", "a.txt", "b.webm", "sub/c.mp4", "sub.mp4/d.mp4")
    assert ids(f"{videos}/*") == ["a", "b"]
    assert ids(f"{videos}/*.mp4") == ["a"]
    assert ids(f"{videos}/**/*.mp4") == ["a", "c", "d"]
    assert ids([f"{videos}/sub/*", videos / "b.webm"]) == ["b", "c"]


def test_an_existing_file_with_a_name_like_a_pattern_is_that_file(videos):
    touch(videos, "a[1].mp4", "a1.mp4")
    assert ids(f"{videos}/a[1].mp4") == ["a[1]"]
    assert ids([videos / "a[1].mp4"]) == ["a[1]"]


def test_an_existing_file_with_a_name_like_a_url_is_that_file(videos, monkeypatch):
    touch(videos, "Rick::Morty.mp4")
    monkeypatch.chdir(videos)
    assert ids("Rick::Morty.mp4") == ids(["Rick::Morty.mp4"]) == ["Rick::Morty"]


@pytest.mark.parametrize(
    ("given_videos", "match"),
    [
        (lambda folder: folder / "absent", r"there is no folder .*absent"),
        (lambda folder: f"{folder}/absent", r"there is no folder .*absent"),
        (lambda folder: [folder / "absent.mp4"], r"there is no file .*absent\.mp4"),
        (lambda folder: [folder], r"videos is a folder; name one folder and nothing else"),
        (lambda folder: [], "no files were named"),
        (lambda folder: [folder / "notes.txt"], "none of the 1 named files is a video, image"),
        (lambda folder: f"{folder}/*", r"no video matches .*\*"),
        (lambda folder: [f"{folder}/[a-c].mp4"], r"no video matches .*\[a-c\]\.mp4"),
        (lambda folder: folder, r"no videos in .*; known suffixes: .*\.mp4"),
    ],
)
def test_no_media_files_are_an_error(videos, given_videos, match):
    touch(videos, "notes.txt")
    with pytest.raises(CatalogueError, match=match):
        read_catalogue(given_videos(videos))
