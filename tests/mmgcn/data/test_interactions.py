"""Pairs of a user and an item, and the cores of them."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from mmgcn.data.ids import IdMap
from mmgcn.data.interactions import Interactions, InteractionsError, check_learnable
from tests.worlds import interactions_of


def test_columns_of_unequal_length_and_rows_outside_the_maps_are_refused():
    ids = IdMap(["a"], kind="user")
    with pytest.raises(InteractionsError, match="item_index has 1 values for 2 interactions"):
        Interactions(np.zeros(2, np.int32), np.zeros(1, np.int32), ids, ids)
    with pytest.raises(InteractionsError, match="from 0 to 1; there are 1 ids"):
        Interactions(np.array([0, 1]), np.array([0, 0]), ids, ids)


pairs = st.lists(st.tuples(st.integers(0, 5), st.integers(0, 5)), unique=True, min_size=1)


@given(pairs)
def test_compressed_rows_hold_every_users_items_sorted(rows):
    indptr, indices = interactions_of(rows, users=7, items=6).csr()
    for user in range(7):
        items = indices[indptr[user] : indptr[user + 1]].tolist()
        assert items == sorted(item for one, item in rows if one == user)


@given(pairs, st.data())
def test_compressed_rows_by_time_begin_with_the_oldest(rows, data):
    times = data.draw(
        st.none() | st.lists(st.integers(0, 3), min_size=len(rows), max_size=len(rows))
    )
    indptr, indices = interactions_of(rows, timestamp=times, users=7, items=6).csr(by_time=True)
    order = sorted(range(len(rows)), key=lambda row: 0 if times is None else times[row])
    for user in range(7):
        expected = [rows[row][1] for row in order if rows[row][0] == user]
        assert indices[indptr[user] : indptr[user + 1]].tolist() == expected


def test_a_core_is_as_computed_by_hand_and_reported():
    # i2 has one user; without it u1 has one item and falls too.
    core = interactions_of([(0, 0), (0, 1), (1, 0), (1, 2), (2, 0), (2, 1)]).k_core(
        k_user=2, k_item=2
    )
    assert core.users.ids.to_list() == ["u0", "u2"]
    assert core.items.ids.to_list() == ["i0", "i1"]
    assert core.notes == ["2,2-core: 4 of 6 interactions remain, 2 of 3 users and 2 of 3 items"]


def test_an_empty_core_is_an_error_with_a_remedy():
    with pytest.raises(
        InteractionsError, match=r"no interaction of 1 \(1 users, 1 items\).*lower `k_core`"
    ):
        interactions_of([(0, 0)]).k_core(k_user=2)


@given(pairs, st.integers(0, 3), st.integers(0, 3))
def test_a_core_equals_removing_nodes_one_at_a_time(rows, k_user, k_item):
    left = set(rows)
    while True:
        weak = next(
            (
                (user, item)
                for user, item in left
                if sum(one == user for one, _ in left) < k_user
                or sum(other == item for _, other in left) < k_item
            ),
            None,
        )
        if weak is None:
            break
        left.remove(weak)
    table = interactions_of(rows)
    if not left:
        with pytest.raises(InteractionsError, match=r"no interaction of .* remains"):
            table.k_core(k_user=k_user, k_item=k_item)
        return
    core = table.k_core(k_user=k_user, k_item=k_item)
    user, item = core.users.ids.gather(core.user_index), core.items.ids.gather(core.item_index)
    assert set(zip(user, item, strict=True)) == {(f"u{user}", f"i{item}") for user, item in left}
    assert len(core.users) == len({user for user, _ in left})


def test_duplicate_pairs_are_dropped_at_construction():
    """The earliest is kept; without times the first in the table."""
    users, items = IdMap(["a", "b"], kind="user"), IdMap(["x", "y"], kind="item")
    index = np.array([0, 0, 1, 0]), np.array([0, 1, 0, 0])
    table = Interactions(*index, users, items, np.array([5, 6, 7, 4]))
    assert table.timestamp.tolist() == [6, 7, 4]
    assert (table.num_duplicates, table.notes) == (1, ["1 duplicate pairs were dropped"])
    assert Interactions(*index, users, items).user_index.tolist() == [0, 0, 1]
    assert repr(table) == "Interactions(3 of 2 users and 2 items, with timestamps)"


def test_a_table_with_one_item_is_refused():
    with pytest.raises(InteractionsError, match="only one item, i0; there is nothing to rank"):
        check_learnable(interactions_of([(0, 0), (1, 0)]))
    assert "only one user" in check_learnable(interactions_of([(0, 0), (0, 1)]))[0]
    assert "a single interaction" in check_learnable(interactions_of([(0, 0), (1, 1)]))[0]
    assert check_learnable(interactions_of([(0, 0), (0, 1), (1, 0)])) == []
