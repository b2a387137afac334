"""Data sets from tables and arrays in memory."""

import datetime

import numpy as np
import pandas as pd
import polars as pl
import pyarrow as pa
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from mmgcn import Dataset
from mmgcn.data.features import FeatureError
from mmgcn.data.frames import interactions_of_frame
from mmgcn.data.interactions import InteractionsError

ROWS = {
    "user_id": [7, 7, 7, 8, 8, 8],
    "item_id": ["a", "b", "c", "a", "b", "d"],
    "timestamp": [1.5, 2.5, 3.5, 4.5, 5.5, 6.5],
}
LIBRARIES = {"pandas": pd.DataFrame, "polars": pl.DataFrame, "arrow": pa.table}


def pairs(table):
    users, items = table.users.ids.to_list(), table.items.ids.to_list()
    return [(users[u], items[i]) for u, i in zip(table.user_index, table.item_index, strict=True)]


@pytest.fixture(params=LIBRARIES.values(), ids=LIBRARIES)
def frame_of(request):
    return request.param


def test_a_table_of_each_library_has_the_same_interactions(frame_of):
    table = interactions_of_frame(frame_of(ROWS))
    assert pairs(table) == list(zip(map(str, ROWS["user_id"]), ROWS["item_id"], strict=True))
    assert table.timestamp.tolist() == ROWS["timestamp"]
    assert table.users.ids.to_list() == ["7", "8"]  # in the order of their first appearance


def test_dates_are_seconds_since_1970(frame_of):
    days = [datetime.datetime(1970, 1, 2), datetime.datetime(1970, 1, 1, 0, 0, 1)]
    table = interactions_of_frame(
        frame_of({"user_id": [1, 2], "item_id": [1, 2], "timestamp": days})
    )
    assert table.timestamp.tolist() == [86_400, 1]


def test_text_dates_are_seconds_too(frame_of):
    days = ["1970-01-02", "1970-01-01T00:00:01"]
    table = interactions_of_frame(
        frame_of({"user_id": [1, 2], "item_id": [1, 2], "timestamp": days})
    )
    assert table.timestamp.tolist() == [86_400, 1]


def test_columns_of_other_names_and_low_ratings(frame_of):
    frame = frame_of({"u": ["x", "x", "y"], "i": ["1", "2", "3"], "stars": [5, 2, 4]})
    table = interactions_of_frame(frame, columns="user=u,item=i,rating=stars", min_rating=4)
    assert pairs(table) == [("x", "1"), ("y", "3")]
    assert table.notes == ["1 rows below the rating 4 left out"]


@given(st.lists(st.tuples(st.text(min_size=1), st.integers(-5, 5)), min_size=1, unique=True))
def test_ids_come_back_as_they_were_given(rows):
    frame = pd.DataFrame({"user_id": [u for u, _ in rows], "item_id": [i for _, i in rows]})
    assert pairs(interactions_of_frame(frame)) == [(user, str(item)) for user, item in rows]


@pytest.mark.parametrize(
    ("frame", "message"),
    [
        ({"user_id": [1]}, "interactions are a table of pandas, polars or Arrow, not dict"),
        (
            pl.DataFrame({"userId": [1], "movie": [2]}),
            r"no column user_id and no column item_id; it has: 'userId', 'movie'; pass "
            r"columns='user=userId,item=movie'",
        ),
        (pl.DataFrame({"user_id": [], "item_id": []}), "the table of interactions has no rows"),
        (
            pd.DataFrame({"user_id": [1, None], "item_id": [1, 2]}),
            r"user_id is Float64, such as .*; ids are text or whole numbers",
        ),
        (
            pl.DataFrame({"user_id": ["1", None], "item_id": [1, 2]}),
            "1 values of user_id are missing",
        ),
        (
            pl.DataFrame({"user_id": [1], "item_id": [1], "timestamp": ["noon"]}),
            "1 of 1 values of timestamp are not times",
        ),
    ],
)
def test_a_table_that_cannot_be_used_is_refused(frame, message):
    with pytest.raises(InteractionsError, match=message):
        interactions_of_frame(frame)


def test_ratings_that_are_no_numbers_are_refused():
    frame = pl.DataFrame({"user_id": [1], "item_id": [1], "rating": ["good"]})
    with pytest.raises(InteractionsError, match="rating is String; expected numbers"):
        interactions_of_frame(frame, min_rating=1)


# --- features ---


@pytest.mark.parametrize("ids", [["d", "b", "a", "c"], np.array(["d", "b", "a", "c"])])
def test_rows_of_arrays_are_joined_by_id_not_by_order(ids):
    dataset = Dataset.from_frames(
        pl.DataFrame(ROWS),
        {"visual": np.arange(8).reshape(4, 2), "price": torch.tensor([4, 2, 1, 3])},
        items=ids,
        split="none",
    )
    assert dataset.items.ids.to_list() == ["a", "b", "c", "d"]
    assert dataset.features["visual"].tolist() == [[4, 5], [2, 3], [6, 7], [0, 1]]
    assert dataset.features["price"].tolist() == [[1], [2], [3], [4]]


def test_ids_of_features_may_be_numbers_of_any_library():
    frame = pd.DataFrame({"user_id": [1, 1, 2], "item_id": [5, 6, 5]})
    for items in (pd.Series([6, 5]), pl.Series([6, 5]), [6, 5], np.array([6, 5])):
        data = Dataset.from_frames(
            frame, {"x": np.array([[6.0], [5.0]])}, items=items, split="none"
        )
        assert data.features["x"].tolist() == [[5], [6]]


def test_the_tables_are_not_changed():
    frame, array = pd.DataFrame(ROWS), np.ones((4, 2), dtype=np.float16)
    before = frame.copy()
    Dataset.from_frames(frame, {"v": array}, items=list("abcd"))
    pd.testing.assert_frame_equal(frame, before)
    assert array.dtype == np.float16


def test_equal_arrays_have_equal_digests():
    def digest(array):
        data = Dataset.from_frames(pl.DataFrame(ROWS), {"v": array}, items=list("abcd"))
        return data.sources["v"]["digest"]

    array = np.arange(8.0).reshape(4, 2)
    assert digest(array) == digest(np.asfortranarray(array)) != digest(array + 1)


def test_features_without_ids_are_refused():
    with pytest.raises(FeatureError, match="`items` are missing: the id of each row"):
        Dataset.from_frames(pl.DataFrame(ROWS), {"v": np.ones((4, 2))})


def test_another_number_of_ids_than_rows_is_refused():
    with pytest.raises(FeatureError, match="there are 2 ids for the 4 rows of v features"):
        Dataset.from_frames(pl.DataFrame(ROWS), {"v": np.ones((4, 2))}, items=["a", "b"])
