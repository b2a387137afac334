"""Groups of items, and metrics that a reader can recompute."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from mmgcn.evaluation.groups import evaluate_groups, item_groups
from mmgcn.evaluation.ranking import evaluate


def csr(rows):
    counts = [len(row) for row in rows]
    indices = np.array([item for row in rows for item in sorted(row)], dtype=np.int32)
    return np.concatenate([[0], np.cumsum(counts)]), indices


@given(st.lists(st.integers(0, 30), max_size=30), st.sampled_from([0.2, 0.5, 0.8, 1.0]))
def test_groups_partition_the_items_and_the_head_is_minimal(counts, share):
    popularity = np.array(counts, dtype=np.int64)
    groups = item_groups(popularity, head_share=share)
    warm, head, tail, cold = (groups[name] for name in ("warm", "head", "tail", "cold"))
    assert (warm ^ cold).all()
    np.testing.assert_array_equal(head.astype(int) + tail, warm)
    assert (popularity[cold] == 0).all()
    interactions = popularity[head].sum()
    assert interactions >= share * popularity.sum() - 1e-9
    if head.any():
        assert interactions - popularity[head].min() < share * popularity.sum()
        assert popularity[head].min() >= popularity[tail].max(initial=0)


# Items 0 and 1 are warm, 2 to 5 cold; everybody ranks 5 first, then 4, ..., 0.
GROUPS = item_groups(np.array([8, 2, 0, 0, 0, 0]))
RELEVANT = csr([[0, 5], [4], [1]])
SEEN = [csr([[1], [0, 1], [0]])]


def backwards(user_index):
    return np.tile(np.arange(6.0), (len(user_index), 1))


def test_each_group_counts_its_own_users_and_items():
    found = evaluate_groups(backwards, groups=GROUPS, relevant=RELEVANT, seen=SEEN, ks=(1, 5))
    cold, warm = found["cold"], found["warm"]
    assert (cold.num_items, cold.num_users, cold.num_relevant) == (4, 2, 2)
    assert (warm.num_items, warm.num_users, warm.num_relevant) == (2, 2, 2)
    # 5 is user 0's first; user 1's 4 is second
    assert cold.metrics["recall@1"] == 1 / 2
    assert warm.metrics["recall@1"] == 0
    # at 5: user 0 has 5 4 3 2 0, and finds 0; user 2 has 5 4 3 2 1, and finds 1
    assert warm.metrics["recall@5"] == 1
    assert cold.metrics["recall@5"] == 1
    # the head holds 8 of 10 interactions, which is item 0
    assert found["head"].num_relevant == 1
    assert found["tail"].num_relevant == 1


def test_with_all_items_groups_equal_the_full_ranking():
    found = evaluate_groups(backwards, groups=GROUPS, relevant=RELEVANT, seen=SEEN, ks=(1, 3))
    plain = evaluate(backwards, num_items=6, relevant=RELEVANT, seen=SEEN, ks=(1, 3))
    assert found["all"].metrics == plain


def test_a_list_of_some_candidates_contains_no_others():
    found = evaluate_groups(
        lambda user_index: -backwards(user_index),  # 0 first
        groups=GROUPS,
        relevant=RELEVANT,
        seen=SEEN,
        ks=(3,),
        candidates=GROUPS["cold"],
    )
    # among 2 3 4 5, the first three are 2 3 4
    assert found["cold"].metrics["recall@3"] == 1 / 2
    assert found["warm"].metrics["recall@3"] == 0


def test_chance_is_the_list_length_over_the_unseen_items():
    found = evaluate_groups(backwards, groups=GROUPS, relevant=RELEVANT, seen=SEEN, ks=(2,))
    # user 0 has seen 1 of 6 items, user 1 has seen 2
    assert found["cold"].chance["recall@2"] == pytest.approx((2 / 5 + 2 / 4) / 2)
    among = evaluate_groups(
        backwards,
        groups=GROUPS,
        relevant=RELEVANT,
        seen=SEEN,
        ks=(2, 5),
        candidates=GROUPS["cold"],
    )
    assert among["cold"].chance == {"recall@2": 2 / 4, "recall@5": 1.0}


def test_a_random_order_reaches_the_recall_of_chance():
    rng = np.random.default_rng(0)
    relevant = csr([[int(item)] for item in rng.integers(0, 50, 2000)])
    found = evaluate_groups(
        lambda user_index: rng.random((len(user_index), 50)),
        groups={"all": np.ones(50, dtype=bool)},
        relevant=relevant,
        ks=(10,),
    )["all"]
    # 2,000 draws with probability 1/5: a deviation of sqrt(0.16 / 2000) = 0.009
    assert found.metrics["recall@10"] == pytest.approx(found.chance["recall@10"], abs=0.03)


def test_a_group_without_users_has_no_metrics():
    found = evaluate_groups(backwards, groups=GROUPS, relevant=csr([[0], [], []]), ks=(1,))
    assert found["cold"].num_users == 0
    assert found["cold"].metrics == found["cold"].chance == {}
