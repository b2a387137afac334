"""Safe file names for any id, atomic writes, and errors with a remedy."""

import errno
import os
from pathlib import Path
from urllib.parse import unquote

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from extract.store import StoreError, file_name, write_atomically
from extract.store.files import append_atomically, explain_write_errors
from tests.full_disk import small_files

# Any file name, including lone surrogates, which stand for undecodable bytes.
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
def test_two_ids_have_two_file_names_even_if_case_is_ignored(one, other):
    assert (file_name(one).lower() == file_name(other).lower()) == (one == other)


@given(st.text(st.characters(exclude_categories=["Cs"]), min_size=1, max_size=16))
def test_a_short_id_can_be_decoded_from_its_file_name(item_id):
    assert unquote(file_name(item_id)) == item_id


def test_long_ids_that_differ_at_the_end_have_two_file_names():
    assert file_name("a" * 400 + "b") != file_name("a" * 400 + "c")
    # An id that looks like a shortened name has another file name than that id.
    assert file_name(file_name("a" * 400)) != file_name("a" * 400)


# --- writes ---


@pytest.mark.parametrize("durable", [True, False])
@pytest.mark.parametrize("data", [b"new" * 50, [b"new"] * 50])
def test_a_failed_write_leaves_the_old_file(tmp_path, durable, data):
    path = tmp_path / "file"
    write_atomically(path, b"old", durable=durable)
    with small_files(), pytest.raises(OSError, match="File too large"):
        write_atomically(path, data, durable=durable)
    assert path.read_bytes() == b"old"
    assert list(tmp_path.iterdir()) == [path]


def test_an_interrupted_write_leaves_no_file(tmp_path):
    def parts():
        yield b"first"
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        write_atomically(tmp_path / "file", parts())
    assert list(tmp_path.iterdir()) == []


def test_two_writers_can_write_the_same_file_at_the_same_time(tmp_path):
    def parts():
        yield b"my "
        write_atomically(tmp_path / "file", b"yours")
        yield b"own"

    write_atomically(tmp_path / "file", parts())
    assert (tmp_path / "file").read_bytes() == b"my own"
    assert list(tmp_path.iterdir()) == [tmp_path / "file"]


def test_a_file_can_have_the_longest_name(tmp_path):
    path = tmp_path / f"{file_name('É' * 400)}.npy"
    write_atomically(path, b"rows")
    assert path.read_bytes() == b"rows"


def test_a_failed_append_leaves_no_part_of_a_line(tmp_path):
    path = tmp_path / "lines"
    append_atomically(path, b"a" * 59 + b"\n")
    with small_files(), pytest.raises(OSError, match="File too large"):
        append_atomically(path, b"b" * 59 + b"\n")
    append_atomically(path, b"c" * 39 + b"\n")
    assert path.read_bytes() == b"a" * 59 + b"\n" + b"c" * 39 + b"\n"


@given(st.lists(st.binary(max_size=9).map(lambda b: b.replace(b"\n", b"")), max_size=5))
def test_lines_come_back_in_order(tmp_path_factory, lines):
    path = tmp_path_factory.mktemp("lines") / "lines"
    for line in lines:
        append_atomically(path, line + b"\n")
    content = path.read_bytes() if lines else b""
    assert content.split(b"\n")[:-1] == lines


def test_an_incomplete_line_does_not_damage_the_next(tmp_path):
    path = tmp_path / "lines"
    path.write_bytes(b"first\nsec")
    append_atomically(path, b"third\n")
    assert path.read_bytes() == b"first\nsec\nthird\n"


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="there is no /dev/full")
def test_a_full_disk_is_reported_with_the_path_and_a_remedy(tmp_path):
    (tmp_path / "lines").symlink_to("/dev/full")
    with (
        pytest.raises(StoreError, match=r"cannot write .*: the disk is full; free some space and"),
        explain_write_errors(tmp_path),
    ):
        append_atomically(tmp_path / "lines", b"line\n")


@pytest.mark.parametrize(
    ("number", "match"),
    [
        (errno.ENOSPC, "the disk is full; free some space and run the same command again: fini"),
        (errno.EDQUOT, "your quota is used up; free some space"),
        (errno.EFBIG, "the file would be larger than the system allows; see ulimit"),
        (errno.EROFS, "the file system is read-only; choose another folder"),
        (errno.EACCES, "permission denied; choose a folder that you may write"),
        (errno.EPERM, "permission denied; choose a folder that you may write"),
        (errno.ENOTDIR, "a file is in the place of a folder"),
    ],
)
def test_a_system_error_of_a_write_has_a_path_and_a_remedy(tmp_path, number, match):
    with (
        pytest.raises(StoreError, match=f"cannot write {tmp_path}: {match}"),
        explain_write_errors(tmp_path),
    ):
        raise OSError(number, os.strerror(number))


def test_a_system_error_without_a_remedy_has_the_path(tmp_path):
    with (
        pytest.raises(StoreError, match=f"cannot write {tmp_path}: broken disk"),
        explain_write_errors(tmp_path),
    ):
        raise OSError(errno.EIO, "broken disk")


@pytest.mark.parametrize("error", [StoreError("has a path"), OSError("has no errno")])
def test_an_error_with_a_message_of_its_own_is_left_unchanged(tmp_path, error):
    with (
        pytest.raises(OSError, match=r"has (a path|no errno)") as caught,
        explain_write_errors(tmp_path),
    ):
        raise error
    assert caught.value is error
