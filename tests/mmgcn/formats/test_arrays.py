"""Arrays of other programs: read without running their code, or refused in one line."""

import io
import pickle

import numpy as np
import pytest
import torch
from scipy import sparse

from mmgcn.format import FormatError, ImportOptions
from mmgcn.formats._arrays import read_lists, read_matrix, read_sparse

PLAIN = ImportOptions()
ALLOWED = ImportOptions(allow_pickle=True)
DENSE = np.array([[0, 2, 0], [1, 0, 3]])


def test_a_tensor_is_read_with_weights_only(tmp_path):
    torch.save(torch.arange(6.0).reshape(3, 2), tmp_path / "feat_v.pt")
    assert read_matrix(tmp_path / "feat_v.pt", PLAIN).tolist() == [[0, 1], [2, 3], [4, 5]]
    torch.save({"a": torch.ones(1)}, tmp_path / "dict.pt")
    with pytest.raises(FormatError, match="contains dict, not one tensor"):
        read_matrix(tmp_path / "dict.pt", PLAIN)
    torch.save(np.ones(3), tmp_path / "code.pt")
    with pytest.raises(FormatError, match="not a tensor that can be read without running its code"):
        read_matrix(tmp_path / "code.pt", ALLOWED)


def stored(save, *values, **named):
    """The bytes that numpy writes."""
    file = io.BytesIO()
    save(file, *values, **named)
    return file.getvalue()


@pytest.mark.parametrize(
    ("read", "name", "content", "message"),
    [
        (read_matrix, "words.npy", stored(np.save, ["a", "b"]), "contains <U1, not numbers"),
        (read_matrix, "m.npy", b"\x93NUMPY\x01\x00", r"m\.npy is not a \.npy file of numbers"),
        (read_matrix, "lists.pkl", pickle.dumps([[1]]), r"lists\.pkl contains no matrix"),
        (read_sparse, "m.npz", stored(np.savez, a=np.ones(2)), "no sparse matrix in csr, csc or"),
        (read_sparse, "n.npz", b"PK nonsense", r"n\.npz is not an \.npz file of a sparse matrix"),
        (read_sparse, "l.pkl", pickle.dumps([[1]]), r"l\.pkl contains no sparse matrix"),
    ],
)
def test_arrays_that_are_not_matrices_are_refused(tmp_path, read, name, content, message):
    (tmp_path / name).write_bytes(content)
    with pytest.raises(FormatError, match=message):
        read(tmp_path / name, ALLOWED)


def test_rows_of_equal_length_need_no_pickle(tmp_path):
    np.save(tmp_path / "rows.npy", np.array([[0, 5], [1, 6]]))
    keys, ends, values = read_lists(tmp_path / "rows.npy", PLAIN)
    assert (keys.tolist(), ends.tolist(), values.tolist()) == ([0, 1], [0, 2, 4], [0, 5, 1, 6])
    np.save(tmp_path / "row.npy", np.arange(3))
    with pytest.raises(FormatError, match="has 1 dimensions; rows of indices are expected"):
        read_lists(tmp_path / "row.npy", PLAIN)
    (tmp_path / "m.pkl").write_bytes(pickle.dumps(np.array([[0, 5], [1, 6]])))
    assert read_lists(tmp_path / "m.pkl", ALLOWED)[2].tolist() == [0, 5, 1, 6]
    (tmp_path / "s.pkl").write_bytes(pickle.dumps(sparse.csr_matrix(DENSE)))
    with pytest.raises(FormatError, match="contains no lists of indices"):
        read_lists(tmp_path / "s.pkl", ALLOWED)


@pytest.mark.parametrize("kind", ["csr", "csc", "coo"])
def test_sparse_matrices_of_scipy_are_read_without_scipy_objects(tmp_path, kind):
    sparse.save_npz(tmp_path / "m.npz", getattr(sparse, f"{kind}_matrix")(DENSE))
    (row, column), shape = read_sparse(tmp_path / "m.npz", PLAIN)
    assert set(zip(row.tolist(), column.tolist(), strict=True)) == {(0, 1), (1, 0), (1, 2)}
    assert shape == (2, 3)


def test_stored_zeros_are_not_interactions(tmp_path):
    matrix = sparse.csr_matrix(DENSE)
    matrix.data[0] = 0
    sparse.save_npz(tmp_path / "m.npz", matrix)
    (row, column), _ = read_sparse(tmp_path / "m.npz", PLAIN)
    assert list(zip(row.tolist(), column.tolist(), strict=True)) == [(1, 0), (1, 2)]


def test_entries_outside_of_the_matrix_are_refused(tmp_path):
    shape, ones = np.array([2, 2]), np.ones(1)
    np.savez(
        tmp_path / "m.npz",
        format=b"coo",
        row=np.array([9]),
        col=np.zeros(1, int),
        data=ones,
        shape=shape,
    )
    with pytest.raises(FormatError, match="is corrupt: it has entries outside of 2 x 2"):
        read_sparse(tmp_path / "m.npz", PLAIN)
