"""Data options and the data set that they describe."""

from pathlib import Path

import numpy as np
import pytest

from mmgcn.data.features import FeatureError
from mmgcn.data.interactions import InteractionsError
from mmgcn.data.loading import load_dataset
from mmgcn.data.options import DataOptions, DataOptionsError


@pytest.fixture
def world(tmp_path, monkeypatch):
    """Six users and items 1 to 6; item 6 has one user."""
    monkeypatch.chdir(tmp_path)
    rows = [f"u{user},{item},{item}" for user in range(6) for item in range(1, 6)] + ["u0,6,9"]
    Path("interactions.csv").write_text("\n".join(["user_id,item_id,timestamp", *rows]))
    np.save("v.npy", np.arange(1, 13, dtype=np.float32).reshape(6, 2))
    return tmp_path


def test_ids_from_1_are_not_read_as_row_numbers_from_0(world):
    for missing in ("error", "mask"):
        with pytest.raises(FeatureError, match=r"item 6 and no item 0; pass .* or first_id=1 if"):
            load_dataset(DataOptions(features=("v=v.npy",), missing=missing))
    dataset = load_dataset(DataOptions(features=("v=v.npy",), first_id=1))
    (row,) = dataset.items.get(["1"])
    assert dataset.features["v"][row].tolist() == [1, 2]


def test_items_removed_by_a_core_are_not_candidates_unless_kept(world):
    features = {"features": ("v=v.npy",), "first_id": 1}
    dataset = load_dataset(DataOptions(k_core=2, **features))
    assert sorted(dataset.items.ids) == ["1", "2", "3", "4", "5"]
    kept = load_dataset(DataOptions(k_core=2, keep_removed_items=True, **features))
    assert sorted(kept.items.ids) == ["1", "2", "3", "4", "5", "6"]


def write_duplicates():
    """Of ten items, 8 is item 2 with other rounding, and 9 has the vector of 2, too."""
    vectors = np.random.default_rng(0).normal(size=(10, 6)).astype(np.float32)
    vectors[8], vectors[9] = vectors[2] + 1e-3, vectors[2]
    np.save("visual.npy", vectors)
    rows = [
        *("a,8,1", "a,2,2", "a,3,3", "a,4,4", "b,2,1", "b,5,2", "b,6,3"),
        *("c,8,1", "c,0,2", "c,1,3", "d,8,1", "d,7,2", "d,3,3"),
    ]
    Path("interactions.csv").write_text("\n".join(["user_id,item_id,timestamp", *rows]))


def test_near_duplicates_become_the_item_with_the_most_interactions(world):
    write_duplicates()
    options = DataOptions(features=("visual=visual.npy",), split="none", merge_duplicates=0.98)
    dataset = load_dataset(options)
    assert dataset.merged == {"2": "8", "9": "8"}
    assert sorted(dataset.items.ids) == ["0", "1", "3", "4", "5", "6", "7", "8"]
    users, items = dataset.users.ids.to_list(), dataset.items.ids.to_list()
    pairs = sorted(
        (users[user], items[item], int(time))
        for user, item, time in zip(
            dataset.train.user_index, dataset.train.item_index, dataset.train.timestamp, strict=True
        )
    )
    assert [pair for pair in pairs if pair[1] == "8"] == [
        *(("a", "8", 1), ("b", "8", 1)),  # a had 8 at 1 and 2 at 2
        *(("c", "8", 1), ("d", "8", 1)),
    ]
    assert len(pairs) == 12
    assert any(
        note == "2 near-duplicates (cosine of at least 0.98) were merged into 1 items: 2, 9"
        for note in dataset.notes
    )
    plain = load_dataset(DataOptions(features=("visual=visual.npy",), split="none"))
    assert (len(plain.items), plain.merged) == (10, {})


def test_merging_needs_features(world):
    with pytest.raises(FeatureError, match="`merge_duplicates` compares features, and there are"):
        load_dataset(DataOptions(merge_duplicates=0.98))


def test_features_that_are_all_zero_are_refused(world):
    np.save("zero.npy", np.zeros((7, 2)))
    with pytest.raises(FeatureError, match="zero features are zero for all 7 items"):
        load_dataset(DataOptions(features=("zero=zero.npy",)))


def test_a_single_text_and_paths_are_accepted(world):
    options = DataOptions(Path("interactions.csv"), features="v=v.npy", first_id=1)
    assert (options.interactions, options.features) == ("interactions.csv", ("v=v.npy",))
    assert repr(load_dataset(options)).endswith("users and 6 items), features: v 2)")


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"interactions": 3}, "`interactions` is a path, not int"),
        ({"features": 3}, "`features` are paths or texts"),
        ({"features": ("none", "f")}, "are none, and others"),
        ({"missing": "ignore"}, "`missing` is 'ignore'; it must be one of error, mask, drop"),
        ({"split": "last"}, "`split` is 'last'; it must be one of leave-last-out"),
        (
            {"merge_duplicates": 0.9, "features": ("none",)},
            "`merge_duplicates` compares `features`, and they are none",
        ),
        ({"merge_duplicates": 1.5}, "`merge_duplicates` is 1.5; it must be above 0 and at most 1"),
        (
            {"merge_duplicates": 0.9, "test": "t.csv"},
            "`merge_duplicates` applies to a single",
        ),
        ({"k_core": -1}, "`k_core` is -1; it must be at least 0"),
        ({"event_weights": "like=3"}, "`event_weights` have no effect"),
        ({"keep_removed_items": True}, "`keep_removed_items` has no effect without `k_core`"),
        ({"first_id": 1}, "`first_id` has no effect"),
        ({"first_id": 1, "features": ("v=v.npy,ids.txt",)}, "`first_id` has no effect"),
        ({"valid": "v.csv", "split": "random"}, "`split` applies to a single table"),
        ({"test": "t.csv", "k_core": 2}, "`k_core` applies to a single table"),
        ({"test": "t.csv", "feedback": "sqlite:///f.db"}, "`feedback` applies to a single table"),
    ],
)
def test_options_that_are_malformed_or_ignored_are_refused(options, message):
    with pytest.raises(DataOptionsError, match=message):
        DataOptions(**options)


def test_given_parts_without_training_interactions_are_refused(tmp_path):
    for name in ("train", "test"):
        rows = [f"{name}-{user},x\n" for user in range(3)]
        (tmp_path / f"{name}.csv").write_text("user_id,item_id\n" + "".join(rows))
    options = DataOptions(tmp_path / "train.csv", test=tmp_path / "test.csv")
    with pytest.raises(InteractionsError, match="only one item, x; there is nothing to rank"):
        load_dataset(options)
