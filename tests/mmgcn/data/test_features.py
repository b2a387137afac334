"""Tables of features, from a store and from a user's own file."""

import numpy as np
import pytest

from extract.store import FeatureStore, Record
from mmgcn.data.features import FeatureError, FeatureTable, from_file, from_store, read_features


def save(tmp_path, array, ids=None):
    np.save(tmp_path / "f.npy", array)
    if ids is None:
        return f"x={tmp_path / 'f.npy'}"
    (tmp_path / "ids.txt").write_bytes(ids.encode())
    return f"x={tmp_path / 'f.npy'},{tmp_path / 'ids.txt'}"


def test_rows_are_items_by_number_without_ids(tmp_path):
    assert from_file(save(tmp_path, np.eye(3))).ids.to_list() == ["0", "1", "2"]


@pytest.mark.parametrize("text", ["007\n a \nb,c", "\ufeff007\r\n a \r\nb,c\r\n"])
def test_each_line_of_the_file_of_ids_is_an_id(tmp_path, text):
    assert from_file(save(tmp_path, np.eye(3), text)).ids.to_list() == ["007", " a ", "b,c"]


def test_one_number_an_item_is_one_column(tmp_path):
    assert from_file(save(tmp_path, np.array([1.0, 2.0]))).matrix.shape == (2, 1)


@pytest.mark.parametrize("dtype", ["float16", "float64", "int8", "bool"])
def test_the_file_is_mapped_as_it_is(tmp_path, dtype):
    table = from_file(save(tmp_path, np.ones((2, 3), dtype)))
    assert isinstance(table.matrix, np.memmap)
    assert table.matrix.dtype == dtype


def test_what_changes_a_number_changes_the_digest(tmp_path):
    digests = {
        from_file(save(tmp_path, array, ids)).source["digest"]
        for array in (np.eye(2), 2 * np.eye(2))
        for ids in (None, "a\nb\n", "b\na\n")
    }
    assert len(digests) == 6


def test_pickled_arrays_are_never_loaded(tmp_path):
    np.save(tmp_path / "f.npy", np.array([{"a": 1}], dtype=object), allow_pickle=True)
    with pytest.raises(FeatureError, match=r"not a \.npy file of numbers"):
        from_file(f"x={tmp_path / 'f.npy'}")


@pytest.mark.parametrize(
    ("array", "ids", "message"),
    [
        (np.zeros((2, 2, 2)), None, r"\(2, 2, 2\) of float64; they must be \(N, D\) numbers"),
        (np.array([["a"]]), None, "of <U1; they must be"),
        (np.array([[1j]]), None, "of complex128; they must be"),
        (np.array(1.0), None, r"not a \.npy file of one table"),
        (
            np.array([[np.nan], [1.0], [np.inf]]),
            None,
            "2 of 3 rows .* such as those of 0, 2; leave",
        ),
        (np.array([[1e300], [1.0]]), None, "1 of 2 rows of x features are not finite"),
        (np.zeros((2, 1)), "a\n", "1 ids for the 2 rows"),
        (np.zeros((2, 1)), "", "0 ids for the 2 rows"),
        (np.zeros((2, 1)), "a\na\n", "'a' occurs twice"),
        (np.zeros((2, 1)), "a\n\nb\n", "line 2 of .* is empty"),
    ],
)
def test_invalid_tables_of_features_are_refused(tmp_path, array, ids, message):
    with pytest.raises(FeatureError, match=message):
        from_file(save(tmp_path, array, ids))


def test_invalid_names_of_files_are_refused(tmp_path):
    for words, message in (
        ("=", r"NAME=FILE\.npy"),
        ("x=nowhere.npy", r"no features at nowhere\.npy"),
        (save(tmp_path, np.eye(2)) + ",nowhere.txt", r"no file of ids at nowhere\.txt"),
    ):
        with pytest.raises(FeatureError, match=message):
            from_file(words)
    (tmp_path / "text.npy").write_text("1 2 3")
    with pytest.raises(FeatureError, match=r"text\.npy is not a \.npy file of numbers$"):
        from_file(f"x={tmp_path / 'text.npy'}")
    (tmp_path / "cut.npy").write_bytes((tmp_path / "f.npy").read_bytes()[:-3])
    with pytest.raises(FeatureError, match=r"cut\.npy is not"):
        from_file(f"x={tmp_path / 'cut.npy'}")


@pytest.fixture
def store(tmp_path):
    store = FeatureStore(tmp_path / "features")
    for modality, dim in (("acoustic", 2), ("visual", 3)):
        manifest = {"encoder": "features", "dim": dim, "dtype": "float32", "pooling": "mean"}
        features = store.create(modality, manifest)
        features.write(Record("b"), np.full((2, dim), 2.0))
        features.write(Record("a"), np.full((1, dim), 1.0))
        features.write(Record("mute", status="missing", reason="no sound"), None)
        features.finish()
    return store


def test_a_file_that_is_taken_for_a_store_needs_a_name(tmp_path):
    save(tmp_path, np.eye(2))
    with pytest.raises(FeatureError, match=r"f\.npy is a file; .*`features` NAME=\S*f\.npy"):
        from_store(tmp_path / "f.npy")


def test_a_store_is_a_table_per_modality_with_missing_items(store):
    acoustic, visual = from_store(store.root)
    assert (acoustic.name, visual.name) == ("acoustic", "visual")
    assert acoustic.ids.to_list() == ["a", "b"]
    assert acoustic.matrix.tolist() == [[1, 1], [2, 2]]
    assert sorted(acoustic.known.ids.to_list()) == ["a", "b", "mute"]
    assert acoustic.source["digest"] == store.feature_set("acoustic").digest


def test_an_empty_store_is_an_error_with_the_command_to_fill_it(tmp_path):
    with pytest.raises(FeatureError, match="mmgcn extract"):
        from_store(tmp_path)


def test_stores_and_files_can_be_mixed_under_different_names(store, tmp_path):
    own = save(tmp_path, np.eye(2))
    assert [table.name for table in read_features([own, str(store.root)])] == [
        "x",
        "acoustic",
        "visual",
    ]
    with pytest.raises(FeatureError, match="two `features` have the name 'x'"):
        read_features([own, own])


def test_large_tables_are_read_in_blocks(monkeypatch):
    monkeypatch.setattr("mmgcn.data.features.BLOCK_VALUES", 4)
    matrix = np.arange(14.0).reshape(7, 2)
    ids = [f"i{row}" for row in range(7)]
    table = FeatureTable("x", ids, matrix)
    values, present = table.aligned(FeatureTable("y", ids[::-1], matrix).known)
    np.testing.assert_array_equal(values, matrix[::-1])
    assert present.all()
    matrix[5, 1] = np.nan
    with pytest.raises(FeatureError, match=r"1 of 7 rows .* those of i5"):
        FeatureTable("x", ids, matrix)
