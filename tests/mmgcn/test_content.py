"""Tables and arrays in memory: what is kept, and what is reported as dropped."""

import numpy as np
import polars as pl
import pytest

from mmgcn.content import UNSPLIT, Content, ContentError


def table(**columns):
    return pl.DataFrame(columns, schema=dict.fromkeys(columns, pl.String))


def test_rows_without_an_id_are_dropped_and_counted():
    content = Content()
    rows = table(u=["a", "", None, "b"], i=["x", "y", "z", "w"])
    content.add_part(UNSPLIT, rows, source="t.csv", user="u", item="i")
    assert content.parts[UNSPLIT].rows() == [("a", "x"), ("b", "w")]
    assert content.dropped == ["2 of 4 rows of t.csv: they have no user or no item"]
    assert content.found == ["2 interactions of 2 users and 2 items in t.csv"]
    assert content.users.to_list() == ["a", "b"]
    assert content.items.to_list() == ["x", "w"]


def test_a_column_with_empty_values_is_dropped_as_a_whole():
    content = Content()
    rows = table(u=["a", "b"], i=["x", "y"], t=["1", ""], r=["5", "4"])
    content.add_part("train", rows, source="t.csv", user="u", item="i", time="t", rating="r")
    assert content.parts["train"].columns == ["user_id", "item_id", "rating"]
    assert content.dropped == ["the column timestamp of t.csv: it is empty in 1 of 2 rows"]
    assert content.found == ["2 train interactions of 2 users and 2 items in t.csv, with rating"]


def test_a_missing_column_and_an_empty_table_are_refused():
    with pytest.raises(ContentError, match="t has no column v; it has: u, i"):
        Content().add_part(UNSPLIT, table(u=["a"], i=["x"]), source="t", user="v", item="i")
    with pytest.raises(ContentError, match="t contains no interactions"):
        Content().add_part(UNSPLIT, table(u=[""], i=["x"]), source="t", user="u", item="i")


def test_rows_that_are_not_finite_are_dropped_and_counted():
    content = Content()
    matrix = np.array([[1, 2], [np.nan, 0], [3, 4]], dtype=np.float32)
    content.add_features("visual", ["a", "b", "c"], matrix, source="v.npy")
    assert content.features["visual"].ids.to_list() == ["a", "c"]
    assert content.dropped == ["1 of 3 rows of v.npy: they are not finite"]
    assert content.found == ["visual features of 2 items, width 2, in v.npy"]


@pytest.mark.parametrize("value", [0.0, np.nan])
def test_features_without_any_value_are_dropped(value):
    content = Content()
    matrix = np.full((2, 2), value, dtype=np.float32)
    content.add_features("visual", ["a", "b"], matrix, source="v.npy")
    assert content.features == {}
    assert content.dropped[-1] == "v.npy: it is zero for all items, or has no item"


def test_two_features_of_one_name_are_refused():
    content = Content()
    content.add_features("visual", ["a"], np.ones((1, 2)), source="v.npy")
    with pytest.raises(ContentError, match=r"two sources have features named visual: w\.npy"):
        content.add_features("visual", ["a"], np.ones((1, 2)), source="w.npy")


def test_the_first_caption_of_an_item_that_is_not_empty_is_kept():
    content = Content()
    content.add_captions(["a", "b", "a", ""], [" one ", " ", "two", "x"], source="c.csv")
    assert content.captions.rows() == [("a", "one")]
    assert content.dropped == [
        "3 of 4 captions of c.csv: they are empty, or of an item that has one already"
    ]
