"""Lists without scoring every item."""

import numpy as np
import polars as pl
import pytest

from mmgcn import Recommender
from mmgcn.serving.item_index import ItemIndex
from tests.runs import write_vectors

pytest.importorskip("faiss")
NUM_USERS, NUM_ITEMS = 300, 2_000


@pytest.fixture(scope="module")
def recommender(tmp_path_factory):
    """Clustered tastes, as in trained vectors; user 0 has watched nearly everything."""
    rng = np.random.default_rng(0)
    folder = tmp_path_factory.mktemp("run")
    centre = rng.normal(size=(20, 16))
    item = centre[rng.integers(20, size=NUM_ITEMS)] + 0.3 * rng.normal(size=(NUM_ITEMS, 16))
    user = centre[rng.integers(20, size=NUM_USERS)] + 0.3 * rng.normal(size=(NUM_USERS, 16))
    watched = [np.sort(rng.permutation(NUM_ITEMS)[:20]) for _ in range(NUM_USERS)]
    watched[0] = np.arange(NUM_ITEMS - 3)
    popularity = np.ones(NUM_ITEMS, dtype=int)
    write_vectors(
        folder,
        user.astype(np.float32),
        {"id": item.astype(np.float32)},
        popularity=popularity,
        seen=watched,
    )
    return Recommender.load(folder)


def test_the_index_reaches_its_stated_recall(recommender):
    index = ItemIndex(recommender, k=5, target_recall=0.95)
    assert index.num_probes < index.num_clusters
    table = pl.concat(list(index.blocks()))
    exact = recommender.recommend(recommender.run.users.ids.to_list(), k=5)
    assert table.columns == exact.columns
    common = table.join(exact, on=["user_id", "item_id"]).height / exact.height
    assert common > 0.93
    assert index.recall == pytest.approx(common, abs=0.05)


def test_all_clusters_give_the_exact_lists(recommender):
    index = ItemIndex(recommender, k=5, target_recall=1)
    index.num_probes = index.num_clusters
    table = pl.concat(list(index.blocks()))
    exact = recommender.recommend(recommender.run.users.ids.to_list(), k=5)
    assert table["item_id"].to_list() == exact["item_id"].to_list()
    np.testing.assert_allclose(table["score"], exact["score"], rtol=1e-4)


def test_a_user_who_watched_nearly_everything_gets_the_other_items(recommender, monkeypatch):
    monkeypatch.setattr("mmgcn.serving.item_index.MAX_SEEN", 100)
    best, _ = ItemIndex(recommender, k=5).lists(np.array([0]))
    assert sorted(best[0].tolist()) == [-1, -1, NUM_ITEMS - 3, NUM_ITEMS - 2, NUM_ITEMS - 1]


def test_an_invalid_share_is_refused(recommender):
    with pytest.raises(ValueError, match="target_recall is 2"):
        ItemIndex(recommender, target_recall=2)
