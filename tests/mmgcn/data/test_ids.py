"""External ids and internal indices."""

import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st

from mmgcn.data.ids import FEW, IdMap, UnknownIds, nearest_ids

TEXTS = st.lists(st.text(st.characters(codec="utf-8"), max_size=6), unique=True, max_size=3 * FEW)


@given(TEXTS, TEXTS)
def test_a_lookup_equals_that_of_a_dictionary(known, requested):
    ids = IdMap(known)
    rows = {one: row for row, one in enumerate(known)}
    expected = [rows.get(one, -1) for one in requested]
    assert ids.get(requested).tolist() == expected
    assert [ids.get([one])[0] for one in requested] == expected  # many at once equals one by one


@given(TEXTS, TEXTS)
def test_joining_keeps_every_row_and_appends_unknown_ids(known, more):
    joined = IdMap(known).joined(more)
    assert joined.ids.to_list() == list(dict.fromkeys([*known, *more]))


def test_a_saved_map_comes_back(tmp_path):
    IdMap(["b", "a", ""], kind="item").save(tmp_path / "items.parquet")
    loaded = IdMap.load(tmp_path / "items.parquet", kind="item")
    assert (loaded.ids.to_list(), loaded.kind, loaded.id(1)) == (["b", "a", ""], "item", "a")


def test_a_file_without_ids_is_refused(tmp_path):
    (tmp_path / "items.parquet").write_bytes(b"nonsense")
    with pytest.raises(ValueError, match="contains no ids"):
        IdMap.load(tmp_path / "items.parquet")


def test_ids_that_are_not_unicode_are_refused():
    with pytest.raises(ValueError, match=r"ids are text in UTF-8, and 'a\\udcff' is not"):
        IdMap(["a"]).get(["a\udcff"])


def test_ids_that_are_numbers_are_refused_with_the_text_to_pass():
    with pytest.raises(ValueError, match="ids are text, and 42 is int; pass '42'"):
        IdMap(["42"]).get([42])


def test_a_string_is_refused_as_a_list_of_ids():
    with pytest.raises(ValueError, match=r"'42' is one text; pass \['42'\]"):
        IdMap(["42"]).get("42")


def test_a_table_is_not_read_column_by_column():
    with pytest.raises(TypeError, match="one column of text, not a DataFrame; pass the column"):
        IdMap(["42"]).get(pl.DataFrame({"user_id": ["42"]}))


def test_the_error_for_an_object_is_one_line():
    with pytest.raises(ValueError, match=r"ids are text, and shape: \(1,\) Series: .* is Series"):
        IdMap(["42"]).get([pl.Series(["a"])])


def test_a_number_is_refused_as_a_list_of_ids():
    with pytest.raises(TypeError, match="ids are an iterable of str, not int"):
        IdMap(["42"]).get(5)


@pytest.mark.parametrize("num_known", [1, 2 * FEW])
def test_a_missing_id_among_those_looked_up_is_refused(num_known):
    with pytest.raises(ValueError, match="1 of the user ids are missing"):
        IdMap([str(number) for number in range(num_known)], kind="user").index([None, "0"])


def test_a_missing_id_is_refused():
    with pytest.raises(ValueError, match="1 of the user ids are missing"):
        IdMap(pl.Series(["a", None]), kind="user")


def test_an_unknown_id_is_counted_once_and_the_error_keeps_it():
    with pytest.raises(UnknownIds, match="user 'x' and 1 others are not in the data") as caught:
        IdMap(["a", "b"], kind="user").index(["x", "a", "x", "y"])
    assert caught.value.unknown == ["x", "y"]


def test_the_nearest_id_is_found_among_many_of_its_length():
    many = [f"{number:08d}" for number in range(50_000)] + ["video-77"]
    assert nearest_ids("video-7", many)[0] == "video-77"
