"""Pickles: arrays come out, code does not run, and the process can reach nothing."""

import pickle
import subprocess
import sys
from collections import defaultdict

import numpy as np
import pytest
from scipy import sparse

from mmgcn.format import FormatError, ImportOptions
from mmgcn.formats import _unpickler
from mmgcn.formats._pickles import load_pickle

ALLOWED = ImportOptions(allow_pickle=True)


class Call:
    """An object whose pickle calls a function."""

    def __init__(self, function, *arguments):
        self.function, self.arguments = function, arguments

    def __reduce__(self):
        return self.function, self.arguments


def stored(folder, content, protocol=pickle.HIGHEST_PROTOCOL):
    path = folder / "x.pkl"
    path.write_bytes(pickle.dumps(content, protocol))
    return path


def read(content, protocol=pickle.HIGHEST_PROTOCOL):
    """Run the code of the sandboxed process in this process."""
    return _unpickler.as_arrays(_unpickler.load(pickle.dumps(content, protocol)))


def test_a_pickle_is_refused_unless_allowed(tmp_path):
    with pytest.raises(FormatError, match=r"which can run any code .* pass allow_pickle=True"):
        load_pickle(stored(tmp_path, [[1]]), ImportOptions())


@pytest.mark.parametrize("protocol", [0, pickle.HIGHEST_PROTOCOL])
def test_a_process_returns_the_entries_of_a_sparse_matrix(tmp_path, protocol):
    matrix = sparse.csr_matrix(np.array([[0, 2.0, 0], [1.0, 0, 3.0]]))
    arrays = load_pickle(stored(tmp_path, matrix, protocol), ALLOWED)
    assert arrays["row"].tolist() == [0, 1, 1]
    assert arrays["column"].tolist() == [1, 0, 2]


@pytest.mark.parametrize("kind", ["csr", "csc", "coo"])
@pytest.mark.parametrize("what", ["matrix", "array"])
def test_the_entries_of_a_sparse_matrix_are_those_that_are_not_zero(kind, what):
    dense = np.array([[0, 2.0, 0], [1.0, 0, 3.0]])
    arrays = read(getattr(sparse, f"{kind}_{what}")(dense))
    assert arrays["shape"].tolist() == [2, 3]
    assert set(zip(arrays["row"].tolist(), arrays["column"].tolist(), strict=True)) == {
        (0, 1),
        (1, 0),
        (1, 2),
    }


def test_lists_sets_and_dicts_come_out_as_numbers():
    for content in ([[5], [7, 8]], {0: {5}, 1: [8, 7]}, defaultdict(list, {0: [5], 1: [7, 8]})):
        arrays = read(content)
        assert arrays["keys"].tolist() == [0, 1]
        assert arrays["indptr"].tolist() == [0, 1, 3]
        assert sorted(arrays["values"].tolist()) == [5, 7, 8]


def test_a_matrix_comes_out_as_it_is():
    matrix = np.arange(6, dtype=np.float32).reshape(2, 3)
    np.testing.assert_array_equal(read(matrix)["matrix"], matrix)


def test_a_file_of_objects_that_numpy_wrote_is_read(tmp_path):
    rows = np.empty(2, dtype=object)
    rows[:] = [[0, 12], [1, 13, 14]]
    np.save(tmp_path / "rows.npy", rows, allow_pickle=True)
    assert load_pickle(tmp_path / "rows.npy", ALLOWED)["values"].tolist() == [0, 12, 1, 13, 14]
    np.save(tmp_path / "dict.npy", {3: [4]}, allow_pickle=True)
    arrays = _unpickler.as_arrays(_unpickler.load((tmp_path / "dict.npy").read_bytes()))
    assert (arrays["keys"].tolist(), arrays["values"].tolist()) == ([3], [4])


def test_a_pickle_that_calls_something_is_not_loaded(tmp_path):
    mark = tmp_path / "mark"
    for function, arguments in (
        (exec, (f"open({str(mark)!r}, 'w')",)),
        (subprocess.check_call, (["touch", str(mark)],)),
        (getattr, (mark, "touch")),
        (np.load, (str(mark),)),
    ):
        for protocol in (0, 2, pickle.HIGHEST_PROTOCOL):
            with pytest.raises(_unpickler.Refused, match="can run any code and is not loaded"):
                read(Call(function, *arguments), protocol)
    with pytest.raises(FormatError, match=r"x\.pkl is a pickle, and it names builtins\.exec"):
        load_pickle(stored(tmp_path, Call(exec, f"open({str(mark)!r}, 'w')")), ALLOWED)
    assert not mark.exists()


def test_damaged_and_too_large_pickles_are_errors_of_one_line(tmp_path):
    path = tmp_path / "x.pkl"
    path.write_bytes(b"\x80\x04nonsense")
    with pytest.raises(FormatError, match="is a pickle, and it cannot be read"):
        load_pickle(path, ALLOWED)
    with pytest.raises(FormatError, match="MemoryError"):
        load_pickle(stored(tmp_path, Call(bytearray, 10**13)), ALLOWED)


@pytest.mark.parametrize(
    "attempt",
    [
        "open('/etc/hostname')",
        "open(sys.argv[2], 'w')",
        "__import__('_socket').socket()",
        "__import__('os').pipe()",
    ],
)
def test_the_process_can_open_neither_files_nor_connections(tmp_path, attempt):
    """The limits alone suffice, without the list of allowed names."""
    code = (
        "import sys, runpy, _socket\n"
        "names = runpy.run_path(sys.argv[1])\n"
        "names['drop_rights'](0)\n"
        f"try:\n    {attempt}\n"
        "except OSError as error:\n    print(error.errno)\n"
        "else:\n    print('open')\n"
    )
    mark = tmp_path / "mark"
    done = subprocess.run(
        [sys.executable, "-I", "-c", code, _unpickler.__file__, str(mark)],
        capture_output=True,
        text=True,
        check=True,
    )
    assert done.stdout == "24\n"  # EMFILE: no descriptor is left
    assert not mark.exists()


def test_pickles_are_refused_where_the_process_cannot_be_limited(tmp_path, monkeypatch):
    monkeypatch.setattr("mmgcn.formats._pickles.find_spec", lambda name: None)
    with pytest.raises(FormatError, match="read on Linux and macOS only"):
        load_pickle(stored(tmp_path, [[1]]), ALLOWED)
