"""Parts that are disjoint, complete and cut where they should be."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from mmgcn.data.split_rules import SplitError
from mmgcn.data.splits import given_split, split
from tests.worlds import interactions_of

pairs = st.lists(
    st.tuples(st.integers(0, 5), st.integers(0, 12)), unique=True, min_size=1, max_size=60
)


def pairs_of(part):
    return list(zip(part.user_index.tolist(), part.item_index.tolist(), strict=True))


def parts_of(parts):
    return [pairs_of(part) for part in (parts.train, parts.valid, parts.test)]


@given(
    rows=pairs,
    name=st.sampled_from(["leave-last-out", "temporal", "random", "cold-items", "none"]),
    shares=st.sampled_from([(0.1, 0.1), (0.0, 0.3), (0.45, 0.45), (0.0, 0.0)]),
    data=st.data(),
)
def test_every_interaction_is_in_one_part_with_its_time(rows, name, shares, data):
    times = data.draw(st.lists(st.integers(0, 4), min_size=len(rows), max_size=len(rows)))
    table = interactions_of(rows, timestamp=times)
    try:
        parts = split(table, name, seed=3, valid_share=shares[0], test_share=shares[1])
    except SplitError:
        assert len(rows) < 11  # so few that nothing is left to learn from
        return
    together = [row for part in parts_of(parts) for row in part]
    assert sorted(together) == sorted(rows)
    time_of = dict(zip(rows, times, strict=True))
    for part in (parts.train, parts.valid, parts.test):
        assert part.timestamp.tolist() == [time_of[row] for row in pairs_of(part)]
        assert part.users is table.users
        assert part.items is table.items


def test_none_holds_nothing_out_and_an_empty_part_is_noted():
    table = interactions_of([(0, 0), (0, 1), (1, 0), (2, 0)])
    whole = split(table, "none")
    assert (len(whole.train), len(whole.valid), len(whole.test)) == (4, 0, 0)
    assert whole.notes == []
    assert split(table, "leave-last-out").notes == [
        "the interactions have no timestamps; the order of the table is used as that of time",
        "the split 'leave-last-out' of 4 interactions leaves no validation and no test part",
    ]


@given(rows=pairs, data=st.data())
def test_the_last_of_each_user_are_held_out(rows, data):
    times = data.draw(st.lists(st.integers(0, 4), min_size=len(rows), max_size=len(rows)))
    parts = split(interactions_of(rows, timestamp=times), "leave-last-out")
    for user in range(6):
        mine = [
            (time, index)
            for index, (time, row) in enumerate(zip(times, rows, strict=True))
            if row[0] == user
        ]
        ordered = [rows[index] for _, index in sorted(mine)]  # equal times by the table's order
        train, valid, test = ([row for row in part if row[0] == user] for part in parts_of(parts))
        if len(ordered) < 3:
            assert (sorted(train), valid, test) == (sorted(ordered), [], [])
        else:
            assert (sorted(train), valid, test) == (
                sorted(ordered[:-2]),
                ordered[-2:-1],
                ordered[-1:],
            )


@given(rows=pairs, data=st.data())
def test_later_interactions_are_never_in_an_earlier_part(rows, data):
    times = data.draw(st.lists(st.integers(0, 9), min_size=len(rows), max_size=len(rows)))
    parts = split(interactions_of(rows, timestamp=times), "temporal")
    latest = -1
    for part in (parts.train, parts.valid, parts.test):
        if len(part):
            assert part.timestamp.min() > latest
            latest = part.timestamp.max()
    assert len(parts.test) <= round(0.1 * len(rows))


def test_the_last_and_the_one_before_it_by_hand():
    table = interactions_of([(0, 3), (0, 1), (0, 2), (0, 0)], timestamp=[4, 2, 3, 1])
    parts = split(table, "leave-last-out")
    assert parts_of(parts) == [[(0, 1), (0, 0)], [(0, 2)], [(0, 3)]]


def test_a_temporal_split_is_cut_in_time():
    parts = split(interactions_of([(0, i) for i in range(10)], timestamp=range(10)), "temporal")
    assert parts_of(parts)[1:] == [[(0, 8)], [(0, 9)]]


def test_a_temporal_split_needs_timestamps():
    with pytest.raises(SplitError, match="columns='time=NAME'; pass split='random'"):
        split(interactions_of([(0, 0)]), "temporal")


def test_an_unknown_split_names_the_known_ones():
    with pytest.raises(SplitError, match="'last'; known: leave-last-out, temporal, random"):
        split(interactions_of([(0, 0)]), "last")


def test_a_random_split_follows_its_seed():
    table = interactions_of([(user, item) for user in range(4) for item in range(20)])
    first, again, other = (parts_of(split(table, "random", seed=seed)) for seed in (1, 1, 2))
    assert first == again != other
    assert [len(part) for part in first] == [4 * 16, 4 * 2, 4 * 2]


def test_shares_that_leave_an_empty_part_are_refused():
    with pytest.raises(SplitError, match="their sum must be less than 1"):
        split(interactions_of([(0, 0)]), "random", valid_share=0.5, test_share=0.5)


def test_a_temporal_split_of_very_little_is_refused():
    table = interactions_of([(0, 0)], timestamp=[1])
    with pytest.raises(SplitError, match="leaves no training part"):
        split(table, "temporal", valid_share=0.4, test_share=0.55)


def test_given_files_define_the_ids_together_and_unknown_ids_count(tmp_path):
    (tmp_path / "train.csv").write_text("user_id,item_id\n1,x\n2,y\n")
    (tmp_path / "valid.csv").write_text("user_id,item_id\n2,x\n3,z\n")
    (tmp_path / "test.csv").write_text("user_id,item_id\n1,w\n")
    parts = given_split(*(tmp_path / f"{name}.csv" for name in ("train", "valid", "test")))
    assert parts.train.users.ids.to_list() == ["1", "2", "3"]
    assert parts.train.items.ids.to_list() == ["x", "y", "z", "w"]
    assert parts_of(parts) == [[(0, 0), (1, 1)], [(1, 0), (2, 2)], [(0, 3)]]
    assert parts.notes == [
        "1 of 2 valid interactions have a user (1) or an item (1) without training interactions; "
        "they count in the metrics",
        "1 of 1 test interactions have a user (0) or an item (1) without training interactions; "
        "they count in the metrics",
    ]


def test_given_files_are_read_with_the_same_options(tmp_path):
    (tmp_path / "train.csv").write_text("userId,item_id,rating\n1,x,5\n2,y,1\n")
    (tmp_path / "test.csv").write_text("userId,item_id,rating\n1,y,1\n1,z,5\n")
    files = tmp_path / "train.csv", None, tmp_path / "test.csv"
    parts = given_split(*files, columns="user=userId", min_rating=3)
    assert (parts.train.users.ids.to_list(), parts.train.items.ids.to_list()) == (["1"], ["x", "z"])
    assert parts_of(parts) == [[(0, 0)], [], [(0, 1)]]


def test_a_pair_in_two_files_stays_in_the_first(tmp_path):
    (tmp_path / "train.csv").write_text("user_id,item_id\n1,x\n1,y\n")
    (tmp_path / "test.csv").write_text("user_id,item_id\n1,y\n1,x\n2,x\n")
    parts = given_split(tmp_path / "train.csv", test=tmp_path / "test.csv")
    assert parts_of(parts) == [[(0, 0), (0, 1)], [], [(1, 0)]]
    assert "2 of 3 test pairs are also in an earlier part" in parts.notes[0]


def test_parts_can_be_changed_together():
    parts = split(interactions_of([(0, item) for item in range(5)]), "leave-last-out")
    shorter = parts.map(lambda part: part.take(np.arange(min(1, len(part)))))
    assert [len(part) for part in parts_of(shorter)] == [1, 1, 1]


@pytest.mark.parametrize("seed", range(3))
def test_cold_items_are_held_out_with_all_their_interactions(seed):
    table = interactions_of([(user, item) for user in range(20) for item in range(user % 7, 40)])
    parts = split(table, "cold-items", seed=seed)
    known = set(parts.train.item_index.tolist())
    watched = np.bincount(table.item_index)
    for part in (parts.valid, parts.test):
        cold = set(part.item_index.tolist()) - known
        assert len(cold) == 4  # a tenth of the items
        rows = np.isin(part.item_index, list(cold))
        assert rows.sum() == sum(watched[item] for item in cold)
        # of the rest about a tenth, which training knows
        assert 0 < (~rows).sum() < len(parts.train) / 4
    assert pairs_of(split(table, "cold-items", seed=seed).test) == pairs_of(parts.test)
    assert pairs_of(split(table, "cold-items", seed=seed + 9).test) != pairs_of(parts.test)


@pytest.mark.parametrize("timestamp", [None, [7] * 60])
def test_without_times_the_default_is_a_random_split_with_a_note(timestamp):
    table = interactions_of([(u, i) for u in range(6) for i in range(10)], timestamp=timestamp)
    parts = split(table, seed=3)
    assert parts.name == "random"
    assert parts_of(parts) == parts_of(split(table, "random", seed=3))
    assert "so the split is random; pass `split` leave-last-out if" in parts.notes[0]
    timed = split(interactions_of(pairs_of(table), timestamp=range(60)))
    assert timed.name == "leave-last-out"
    assert "split is random" not in " ".join(timed.notes)


@pytest.mark.parametrize(
    ("rows", "message"),
    [
        (
            [(user, item) for user in range(6) for item in range(10)],
            "items of each user are sorted by id",
        ),
        ([(u, i) for i in (3, 1, 2, 0) for u in range(9)], "the rows are sorted by item"),
    ],
)
def test_the_last_of_a_sorted_table_is_refused_without_times(rows, message):
    with pytest.raises(SplitError, match=f"{message}, so that the last item of a user is not"):
        split(interactions_of(rows), "leave-last-out")
    assert len(split(interactions_of(rows, timestamp=range(len(rows))), "leave-last-out").test)


def test_a_part_that_training_contains_is_refused(tmp_path):
    (tmp_path / "train.csv").write_text("user_id,item_id\n1,x\n1,y\n2,x\n")
    (tmp_path / "valid.csv").write_text("user_id,item_id\n1,y\n2,x\n")
    with pytest.raises(SplitError, match="all 2 pairs of `valid` are also in an earlier part"):
        given_split(tmp_path / "train.csv", tmp_path / "valid.csv")


def test_a_split_has_a_short_repr():
    parts = split(interactions_of([(0, item) for item in range(5)], timestamp=range(5)))
    assert repr(parts) == (
        "Split(leave-last-out: 3 training, 1 validation and 1 test interactions of 1 users and "
        "5 items)"
    )
