"""Names that any id can have, and writes that happen whole or not at all."""

import errno
import os
import resource
from contextlib import contextmanager
from pathlib import Path
from urllib.parse import unquote

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from extract.store import StoreError, file_name, write_atomically
from extract.store.files import append_whole, explained

# Any text a file system can give, the halves of surrogate pairs that stand for odd bytes included.
IDS = st.text(st.characters(), min_size=1, max_size=300)


# --- names ---


@given(IDS)
@example("con")
@example("..")
@example(".hidden")
@example("a/../../b")
@example("a\x00b\n")
def test_a_file_name_is_safe_on_every_file_system(item_id):
    name = file_name(item_id)
    assert 0 < len(name) <= 200
    assert set(name) <= set("abcdefghijklmnopqrstuvwxyz0123456789._-%~ABCDEF")
    assert not name.startswith(".")


@given(IDS, IDS)
@example("A", "a")
@example("a b", "a%20b")
@example("%c3", "%C3")
@example("é", "e\u0301")  # one letter, two ways to write it
@example("\udce9", "é")
def test_two_ids_have_two_file_names_even_where_case_is_ignored(one, other):
    assert (file_name(one).lower() == file_name(other).lower()) == (one == other)


@given(st.text(st.characters(exclude_categories=["Cs"]), min_size=1, max_size=16))
def test_a_short_id_can_be_read_from_its_file_name(item_id):
    assert unquote(file_name(item_id)) == item_id


def test_ids_that_differ_far_behind_have_two_file_names():
    assert file_name("a" * 400 + "b") != file_name("a" * 400 + "c")
    # An id that looks like a shortened name is not taken for one.
    assert file_name(file_name("a" * 400)) != file_name("a" * 400)


# --- writes ---


@contextmanager
def small_files():
    """Have the system refuse files of more than 100 bytes, after taking what fits.

    Not a fixture: pytest's own output may go into a file, and is written before one ends.
    """
    before = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (100, before[1]))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, before)


@pytest.mark.parametrize("durable", [True, False])
@pytest.mark.parametrize("data", [b"new" * 50, [b"new"] * 50])
def test_a_file_is_written_whole_or_not_at_all(tmp_path, durable, data):
    path = tmp_path / "file"
    write_atomically(path, b"old", durable=durable)
    with small_files(), pytest.raises(OSError, match="File too large"):
        write_atomically(path, data, durable=durable)
    assert path.read_bytes() == b"old"
    assert list(tmp_path.iterdir()) == [path]


def test_a_file_is_written_whole_or_not_at_all_when_its_making_stops(tmp_path):
    def parts():
        yield b"first"
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        write_atomically(tmp_path / "file", parts())
    assert list(tmp_path.iterdir()) == []


def test_two_may_write_one_file_at_a_time(tmp_path):

    def parts():
        yield b"my "
        write_atomically(tmp_path / "file", b"yours")
        yield b"own"

    write_atomically(tmp_path / "file", parts())
    assert (tmp_path / "file").read_bytes() == b"my own"
    assert list(tmp_path.iterdir()) == [tmp_path / "file"]


def test_a_file_may_have_the_longest_name_there_is(tmp_path):
    path = tmp_path / f"{file_name('É' * 400)}.npy"
    write_atomically(path, b"rows")
    assert path.read_bytes() == b"rows"


def test_a_line_is_appended_whole_or_not_at_all(tmp_path):
    path = tmp_path / "lines"
    append_whole(path, b"a" * 59 + b"\n")
    with small_files(), pytest.raises(OSError, match="File too large"):
        append_whole(path, b"b" * 59 + b"\n")
    append_whole(path, b"c" * 39 + b"\n")
    assert path.read_bytes() == b"a" * 59 + b"\n" + b"c" * 39 + b"\n"


@given(st.lists(st.binary(max_size=9).map(lambda b: b.replace(b"\n", b"")), max_size=5))
def test_lines_come_back_in_order(tmp_path_factory, lines):
    path = tmp_path_factory.mktemp("lines") / "lines"
    for line in lines:
        append_whole(path, line + b"\n")
    held = path.read_bytes() if lines else b""
    assert held.split(b"\n")[:-1] == lines


def test_what_was_left_of_a_line_spoils_no_other(tmp_path):
    path = tmp_path / "lines"
    path.write_bytes(b"first\nsec")
    append_whole(path, b"third\n")
    assert path.read_bytes() == b"first\nsec\nthird\n"


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="no disk that is always full")
def test_a_full_disk_is_told_in_words(tmp_path):
    (tmp_path / "lines").symlink_to("/dev/full")
    with (
        pytest.raises(StoreError, match=r"cannot write .*: the disk is full; free some space and"),
        explained(tmp_path),
    ):
        append_whole(tmp_path / "lines", b"line\n")


@pytest.mark.parametrize(
    ("number", "match"),
    [
        (errno.ENOSPC, "the disk is full; free some space and run the same command again: what"),
        (errno.EDQUOT, "your quota is used up; free some space"),
        (errno.EFBIG, "the file would be larger than the system allows; see ulimit"),
        (errno.EROFS, "the file system is read-only; name another folder with --out"),
        (errno.EACCES, "permission denied; name a folder that you may write"),
        (errno.EPERM, "permission denied; name a folder that you may write"),
        (errno.ENOTDIR, "a file stands where a folder is needed"),
    ],
)
def test_what_the_system_says_of_a_write_is_told_in_words(tmp_path, number, match):
    with pytest.raises(StoreError, match=f"cannot write {tmp_path}: {match}"), explained(tmp_path):
        raise OSError(number, os.strerror(number))


@pytest.mark.parametrize("error", [OSError(errno.EIO, "broken disk"), StoreError("said already")])
def test_another_error_is_not_explained_away(tmp_path, error):
    with pytest.raises(OSError, match=r"broken disk|said already") as caught, explained(tmp_path):
        raise error
    assert caught.value is error
