"""Sessions: likes move a list before the next training."""

import numpy as np
import pytest

from mmgcn.data.ids import UnknownIds
from mmgcn.serving.ranking_options import RankingOptions
from mmgcn.serving.recommender import Recommender
from mmgcn.serving.session import SessionRanker
from tests.runs import write_vectors

OPTIONS = RankingOptions(k=20)
NUM_ITEMS, NUM_USERS = 20, 30


@pytest.fixture
def recommender(tmp_path):
    """Items 0-9 point one way, 10-19 another; users watched three of the first and like those."""
    rng = np.random.default_rng(0)
    item = np.repeat(np.eye(2), 10, axis=0) + 0.1 * rng.standard_normal((NUM_ITEMS, 2))
    group = np.arange(NUM_USERS) % 2
    user = np.eye(2)[group] + 0.05
    seen = [g * 10 + rng.permutation(10)[:3] for g in group]
    counts = {"num_interactions": {"seen": 3 * NUM_USERS, "skipped": 1}}
    skipped = [[], [], [19]]
    write_vectors(tmp_path, user, {"visual": item}, config=counts, seen=seen, skipped=skipped)
    return Recommender.load(tmp_path)


def second_half(item_ids):
    return [int(item[1:]) >= 10 for item in item_ids]


def test_without_a_session_the_list_is_that_of_the_run(recommender):
    found = SessionRanker(recommender).recommend("u0", {}, OPTIONS)
    plain = recommender.recommend(["u0"], OPTIONS)
    assert found.table["item_id"].to_list() == plain["item_id"].to_list()
    assert found.table["score"].to_list() == pytest.approx(plain["score"].to_list())
    assert found.table["rank"].to_list() == found.table["rank_before"].to_list()
    assert found.table["because"].null_count() == found.table.height
    assert (found.items, found.is_reranked) == ([], False)


def test_likes_move_the_list_towards_similar_items(recommender):
    ranker = SessionRanker(recommender)
    before = ranker.recommend("u0", {}, OPTIONS).table["item_id"].to_list()
    assert not any(second_half(before[:5]))
    session = {"i11": 2.0, "i12": 2.0, "i13": 2.0, "i14": 2.0, "zz": 2.0, "i15": -1.0}
    after = ranker.recommend("u0", session, OPTIONS)
    assert (after.items, after.is_reranked) == (["i11", "i12", "i13", "i14"], True)
    ids = after.table["item_id"].to_list()
    assert all(second_half(ids[:4]))
    assert sorted(ids) == sorted(before)
    ranks = {item: rank for rank, item in enumerate(before, start=1)}
    for item, rank, rank_before, because in after.table.select(
        "item_id", "rank", "rank_before", "because"
    ).rows():
        assert rank_before == ranks[item]
        assert (because is not None) == (rank < rank_before)
        assert because in (None, *after.items)
        assert because != item


def test_more_weight_moves_further_and_no_like_of_the_history_moves(recommender):
    ranker = SessionRanker(recommender)
    watched = recommender.history("u0")
    assert not ranker.recommend("u0", dict.fromkeys(watched, 2.0), OPTIONS).is_reranked
    found = [ranker.recommend("u0", {"i11": weight}, OPTIONS).table for weight in (1.0, 2.0, 8.0)]
    light, medium, heavy = (dict(table.select("item_id", "score").rows())["i12"] for table in found)
    assert light < medium < heavy


def test_parts_of_an_explanation_add_up_to_the_score_of_the_session(recommender):
    ranker, session = SessionRanker(recommender), {"i11": 2.0}
    table = ranker.recommend("u0", session, OPTIONS).table
    (score,) = table.filter(table["item_id"] == "i12")["score"]
    why = ranker.explain("u0", "i12", session)
    assert sum(why.parts.values()) == pytest.approx(score, rel=1e-5)
    assert "i11" in [item for item, _ in why.nearest["visual"]]


def test_an_unknown_user_with_a_session_gets_a_list_from_it(recommender):
    ranker = SessionRanker(recommender)
    found = ranker.recommend("new", {"i11": 2.0, "i12": 2.0}, RankingOptions(k=3))
    assert all(second_half(found.table["item_id"]))
    assert found.is_reranked
    with pytest.raises(UnknownIds, match="user 'new' is not in the data"):
        ranker.recommend("new", {}, OPTIONS)


def test_skipped_items_are_in_no_list_of_their_user(recommender):
    ranker = SessionRanker(recommender)
    for user, expected in (("u2", False), ("u4", True)):
        everything = RankingOptions(k=NUM_ITEMS, filter_seen=False)
        lists = [
            recommender.recommend([user], everything)["item_id"],
            ranker.recommend(user, {"i11": 2.0}, everything).table["item_id"],
        ]
        assert [("i19" in found.to_list()) for found in lists] == [expected, expected]


def test_for_models_of_item_weights_a_like_is_one_more_item(tmp_path):
    weights = np.array([[0, 0.9, 0.1], [0.9, 0, 0.8], [0.1, 0.8, 0]], dtype=np.float32)
    names = {"users": ["ann", "bob"], "items": ["a", "b", "c"]}
    folder = write_vectors(tmp_path, None, {"id": weights}, **names, seen=[[0], [2]])
    ranker = SessionRanker(Recommender.load(folder))
    table = ranker.recommend("ann", {"b": 2.0}, OPTIONS).table
    scores = dict(table.select("item_id", "score").rows())
    assert scores == pytest.approx({"b": 0.9, "c": 0.9})  # 0.1 of a, and 0.8 of b
