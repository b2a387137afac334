"""Interactions and features, joined by id."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from mmgcn.data.dataset import Dataset
from mmgcn.data.features import FeatureError, FeatureTable
from mmgcn.data.splits import Split
from tests.worlds import interactions_of


def table_of(name, ids, values=None, known=None):
    values = range(len(ids)) if values is None else values
    return FeatureTable(name, ids, np.array(values, dtype=np.float32)[:, None], known or ids)


def plain(num_items=4):
    table = interactions_of([(0, item) for item in range(num_items)])
    nothing = table.take(np.zeros(0, dtype=int))
    return Split(table, nothing, nothing, "given")


@given(data=st.data(), num_items=st.integers(1, 12))
def test_an_item_never_gets_the_vector_of_another(data, num_items):
    """Whatever the order of the rows, and whatever rows there are of items that nobody watched."""
    numbers = data.draw(st.permutations(range(num_items + 5)))
    cut = data.draw(st.integers(1, len(numbers)))
    covered = numbers[:cut]
    if min(covered) >= num_items:
        covered = [*covered, 0]
    built = Dataset.build(
        plain(num_items),
        [table_of("x", [f"i{number}" for number in covered], [number + 1 for number in covered])],
        missing="mask",
    )
    for row, item in enumerate(built.items.ids.to_list()):
        number = int(item[1:])
        assert built.present["x"][row] == (number in covered)
        assert built.features["x"][row] == (number + 1 if number in covered else 0)
    assert set(built.items.ids.to_list()) == {f"i{n}" for n in (*range(num_items), *covered)}


def test_features_are_float32_in_rows(tmp_path):
    np.save(tmp_path / "f.npy", np.asfortranarray(np.ones((4, 3), dtype=np.float16)))
    matrix = np.load(tmp_path / "f.npy", mmap_mode="r")
    table = FeatureTable("x", ["i0", "i1", "i2", "i3"], matrix)
    features = Dataset.build(plain(), [table]).features["x"]
    assert features.dtype == np.float32
    assert features.flags.c_contiguous


def test_an_item_without_audio_is_masked_and_counted():
    known = ["i0", "i1", "i2", "i3"]
    built = Dataset.build(plain(), [table_of("sound", ["i1", "i3"], known=known)])
    assert built.present["sound"].tolist() == [False, True, False, True]
    assert built.notes == ["2 of 4 items have no sound features and are masked there"]


class TestAnItemThatWasNeverExtracted:
    tables = (table_of("a", ["i0", "i1", "i2", "i3"]), table_of("b", ["i0", "i1", "i2"]))

    def test_is_an_error(self):
        with pytest.raises(
            FeatureError,
            match=r"b features cover 3 of 4 items; pass missing='mask', or extract the 1 others, "
            r"such as i3",
        ):
            Dataset.build(plain(), self.tables)

    def test_is_masked_on_request(self):
        built = Dataset.build(plain(), self.tables, missing="mask")
        assert built.present["b"].tolist() == [True, True, True, False]
        assert built.present["a"].all()

    def test_is_dropped_with_its_interactions_on_request(self):
        built = Dataset.build(plain(), self.tables, missing="drop")
        assert built.items.ids.to_list() == ["i0", "i1", "i2"]
        assert built.train.item_index.tolist() == [0, 1, 2]
        assert built.split.valid.items is built.items
        assert (
            "1 items without features were dropped, with 1 training, 0 validation and 0 test "
            "interactions" in built.notes[0]
        )

    def test_dropping_every_item_is_an_error(self):
        tables = [table_of("a", ["i0", "i1"]), table_of("b", ["i2", "i3"])]
        with pytest.raises(FeatureError, match="no training interaction remains"):
            Dataset.build(plain(), tables, missing="drop")

    def test_an_unknown_policy_is_refused(self):
        with pytest.raises(
            FeatureError, match="missing is 'ignore'; it must be one of error, mask, drop"
        ):
            Dataset.build(plain(), self.tables, missing="ignore")


def test_ids_that_match_no_video_are_counted_with_examples():
    tables = [table_of("a", ["i0", "i1"])]
    message = "2 of 4 items of the interactions match no video: i2, i3"
    with pytest.raises(FeatureError, match=f"{message}; pass missing='drop'"):
        Dataset.build(plain(), tables)
    assert message in Dataset.build(plain(), tables, missing="mask").notes


def test_ids_of_which_none_matches_show_both_sides():
    with pytest.raises(
        FeatureError, match=r"none of the 4 .* contain i0, i1, i2, .*features x\.mp4;"
    ):
        Dataset.build(plain(), [table_of("a", ["x.mp4"])])


def test_unwatched_videos_are_items_and_broken_ones_are_not():
    tables = [
        table_of("a", ["i0", "i1", "i2", "i3", "new"], known=["i0", "broken"]),
        table_of("b", ["i0", "i1", "i2", "i3"], known=["new", "broken"]),
    ]
    built = Dataset.build(plain(), tables)
    assert built.items.ids.to_list() == ["i0", "i1", "i2", "i3", "new"]
    assert built.present["a"][4]
    assert not built.present["b"][4]
    assert built.train.items is built.split.test.items is built.items


def test_a_data_set_may_have_no_features():
    built = Dataset.build(plain())
    assert built.features == {}
    assert len(built.items) == 4
