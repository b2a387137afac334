"""Recommendations from a small run that is written by hand."""

import json
import shutil
import subprocess
import sys

import numpy as np
import polars as pl
import pytest

from mmgcn import Recommender
from mmgcn.data.ids import IdMap
from mmgcn.serving.ranking_options import RankingOptions
from mmgcn.serving.table_file import write_table
from tests.runs import write_vectors

USERS, ITEMS = ["ann", "bob", "cy"], ["a", "b", "c", "d", "e"]


@pytest.fixture
def run(tmp_path):
    """Item vectors are unit vectors in two channels; ann likes both, bob the first, cy none."""
    visual = np.array([[1, 0], [0.8, 0], [0, 0], [0, 0], [0.1, 0]], dtype=np.float32)
    acoustic = np.array([[0, 0], [0, 0.3], [0, 1], [0, 0.9], [0, 0]], dtype=np.float32)
    return write_vectors(
        tmp_path / "run",
        np.array([[1, 0.5], [1, 0], [0, 0]], dtype=np.float32),
        {"visual": visual, "acoustic": acoustic},
        users=USERS,
        items=ITEMS,
        popularity=np.array([1, 5, 3, 0, 0]),
        seen=[[0]],
        valid=[[2]],
    )


@pytest.fixture
def recommender(run):
    return Recommender.load(run)


def write_masks(run, **present):
    """Write which items have a channel."""
    config = json.loads((run / "config.json").read_text())
    (run / "config.json").write_text(json.dumps(config | {"incomplete_channels": [*present]}))
    (run / "present").mkdir()
    for channel, mask in present.items():
        np.save(run / "present" / f"{channel}.npy", np.array(mask))


def ids(table):
    return table["item_id"].to_list()


def test_the_best_items_come_first_without_seen_ones(recommender):
    table = recommender.recommend(["ann"], k=3)
    # ann's scores: a 1, b 0.95, c 0.5, d 0.45, e 0.1; a and c are seen.
    assert ids(table) == ["b", "d", "e"]
    assert table["score"].to_list() == pytest.approx([0.95, 0.45, 0.1])
    assert table["rank"].to_list() == [1, 2, 3]
    assert table.columns == ["user_id", "item_id", "score", "rank"]


def test_users_come_in_the_order_given(recommender):
    table = recommender.recommend(["bob", "ann"], k=1)
    assert table["user_id"].to_list() == ["bob", "ann"]
    assert ids(table) == ["a", "b"]


def test_seen_items_can_be_included(recommender):
    assert ids(recommender.recommend(["ann"], k=2, filter_seen=False)) == ["a", "b"]


def test_lists_can_be_limited_to_items_and_exclude_items(recommender):
    assert ids(recommender.recommend(["ann"], items=["d", "e"])) == ["d", "e"]
    assert ids(recommender.recommend(["ann"], exclude=["b"], k=1)) == ["d"]


def test_the_list_of_one_user_is_that_of_the_list_of_all(recommender):
    together = pl.concat(list(recommender.blocks(k=3)))
    apart = pl.concat([recommender.recommend([user], k=3) for user in USERS])
    assert together.equals(apart)


def test_lists_by_index_equal_lists_by_id(recommender):
    items, scores = recommender.recommend_by_index(np.array([1, 0]), k=4)
    table = recommender.recommend(["bob", "ann"], k=4)
    assert [ITEMS[item] for item in items.ravel() if item >= 0] == ids(table)
    assert scores[items >= 0].tolist() == table["score"].to_list()


@pytest.mark.parametrize(
    "users",
    [
        {"ann"},
        np.array(["ann"]),
        np.array(["ann"], dtype=object),
        pl.Series(["ann", "ann"], dtype=pl.Categorical).unique(),
        (name for name in ["ann"]),
        {"ann": 1}.keys(),
    ],
    ids=["set", "array", "objects", "categorical", "generator", "keys"],
)
def test_users_and_items_are_any_iterable_of_ids(recommender, users):
    assert ids(recommender.recommend(users, k=1, exclude=iter(["b"]))) == ["d"]


@pytest.mark.parametrize("unknown_users", ["error", "popularity"])
def test_a_missing_id_gets_no_list(recommender, unknown_users):
    with pytest.raises(ValueError, match="1 of the user ids are missing"):
        recommender.recommend(["0", None], unknown_users=unknown_users)


def test_a_history_is_any_iterable_of_ids(recommender):
    expected = ids(recommender.recommend_history(["a"]))
    assert ids(recommender.recommend_history(np.array(["a"]))) == expected
    assert ids(recommender.recommend_history(iter(["a"]))) == expected


def test_users_that_are_not_iterable_are_refused(recommender):
    with pytest.raises(TypeError, match=r"an iterable of str, not int; pass \['42'\]"):
        recommender.recommend(42)


def test_a_run_stays_the_one_that_latest_linked_to_when_it_was_loaded(run):
    """A later fit moves the link before ids and parts of the first run are read."""
    latest = run.parent / "latest"
    latest.symlink_to(run.name, target_is_directory=True)
    recommender = Recommender.load(latest)
    other = run.parent / "other"
    shutil.copytree(run, other)
    IdMap([f"x{user}" for user in range(len(USERS))]).save(other / "users.parquet")
    latest.unlink()
    latest.symlink_to(other.name, target_is_directory=True)
    assert recommender.run.users.ids.to_list() == USERS
    assert recommender.run.path == run


def test_a_string_or_a_number_is_refused_as_a_list_of_users(recommender):
    with pytest.raises(ValueError, match=r"'ann' is one text; pass \['ann'\]"):
        recommender.recommend("ann")
    with pytest.raises(ValueError, match="1 is int; pass '1'"):
        recommender.recommend([1])


def test_a_full_disk_is_an_error_with_the_path(recommender, tmp_path, monkeypatch):
    def full(*_):
        raise pl.exceptions.ComputeError("parquet: No space left on device")

    monkeypatch.setattr(pl.LazyFrame, "sink_parquet", full)
    with pytest.raises(OSError, match=r"lists.parquet cannot be written: .*No space left"):
        write_table(tmp_path / "lists.parquet", recommender.blocks())


def test_an_unknown_user_is_an_error_with_a_remedy(recommender):
    with pytest.raises(LookupError, match=r"'anne' is not in the data; the nearest.*ann"):
        recommender.recommend(["anne"])
    table = recommender.recommend(["anne"], unknown_users="popularity", k=2)
    assert ids(table) == ["b", "c"]
    assert table["user_id"].to_list() == ["anne", "anne"]
    diverse = recommender.recommend(["anne"], unknown_users="popularity", k=2, diversity=0.5)
    assert ids(diverse)[0] == "b"


def test_parts_add_up_to_the_score(recommender):
    for row in recommender.recommend(["ann", "bob"], k=5).to_dicts():
        why = recommender.explain(row["user_id"], row["item_id"])
        assert sum(why.parts.values()) == why.score
        assert why.score == pytest.approx(row["score"], abs=1e-6)
    why = recommender.explain("ann", "b")
    assert why.parts == pytest.approx({"visual": 0.8, "acoustic": 0.15})
    assert why.nearest["visual"] == [("a", 1.0)]


def test_inferred_contributions_are_separate_from_those_of_the_items_own_channels(run):
    """b has no audio: its acoustic part, 0.15 of ann's score, was inferred by the model."""
    write_masks(run, acoustic=[True, False, True, True, True])
    recommender = Recommender.load(run)
    why = recommender.explain("ann", "b")
    assert why.parts == pytest.approx({"visual": 0.8, "neighbours": 0.15})
    assert why.missing == ["acoustic"]
    assert why.as_dict()["missing"] == ["acoustic"]
    assert why.nearest == {"visual": [("a", 1.0)], "acoustic": []}
    whole = recommender.explain("ann", "d")
    assert whole.parts == pytest.approx({"visual": 0, "acoustic": 0.45})
    assert whole.missing == []
    assert recommender.explain("ann", "d").nearest["acoustic"] == [("c", 1.0)]
    table = recommender.with_parts(recommender.recommend(["ann"], k=2))
    assert ids(table) == ["b", "d"]
    assert table["part_acoustic"].to_list() == [None, pytest.approx(0.45)]
    assert table["part_neighbours"].to_list() == [pytest.approx(0.15), 0]
    added = table.select(pl.sum_horizontal(pl.selectors.starts_with("part_")))
    assert added.to_series().to_list() == table["score"].to_list()


def test_neighbours_in_a_channel_are_items_that_have_it(run):
    write_masks(run, acoustic=[True, False, True, True, True])
    recommender = Recommender.load(run)
    assert ids(recommender.similar("c", k=2, channel="acoustic")) == ["d", "a"]
    with pytest.raises(ValueError, match="'b' has no sound, and therefore no neighbours in the"):
        recommender.similar("b", channel="acoustic")
    # b's own channels are all in the first column, as for a.
    assert ids(recommender.recommend(["bob"], k=2, diversity=0.9, items=["a", "b", "c"]))[1] == "c"


def test_similar_items_by_all_or_by_one_channel(recommender):
    assert ids(recommender.similar("a", k=2)) == ["e", "b"]
    assert ids(recommender.similar("c", k=2, channel="acoustic")) == ["b", "d"]
    with pytest.raises(ValueError, match="no channel 'taste'; it has: visual, acoustic"):
        recommender.similar("a", channel="taste")


def test_a_history_ranks_for_an_unknown_user(recommender):
    # A user who watched only a has the list of ann, who did: b, c, d, e.
    table = recommender.recommend_history(["a"], k=4)
    assert ids(table) == ["b", "c", "d", "e"]
    why = recommender.explain_history(["a"], "b")
    assert sum(why.parts.values()) == why.score
    assert why.score == pytest.approx(table["score"][0], abs=1e-6)
    assert why.nearest["visual"] == [("a", 1.0)]
    with pytest.raises(ValueError, match="history is empty"):
        recommender.recommend_history([])


def test_diversity_lowers_items_similar_to_earlier_ones(recommender):
    plain = ids(recommender.recommend(["bob"], k=5))
    diverse = ids(recommender.recommend(["bob"], k=5, diversity=0.9))
    assert plain[:2] == ["a", "b"]
    assert diverse[0] == "a"
    assert diverse[1] in {"c", "d"}
    assert sorted(diverse) == sorted(plain)


def test_a_creator_has_no_more_than_its_maximum(recommender):
    creators = {"a": "x", "b": "x", "c": "y", "d": "y"}  # nobody knows who made e
    options = RankingOptions(k=5, filter_seen=False, creators=creators, per_creator=1)
    assert ids(recommender.recommend(["ann"], options)) == ["a", "c", "e"]
    assert ids(recommender.recommend(["ann"], options, per_creator=2)) == ["a", "b", "c", "d", "e"]


def test_creators_and_their_limit_need_each_other(recommender):
    with pytest.raises(ValueError, match="creators has no effect without per_creator; pass both"):
        recommender.recommend(["ann"], creators={"a": "x"})
    with pytest.raises(ValueError, match="per_creator has no effect without creators; pass both"):
        recommender.recommend(["ann"], per_creator=2)


def test_similar_items_are_ranked_with_the_same_options(recommender):
    assert ids(recommender.similar("a", k=2, exclude=["e"])) == ["b", "c"]
    assert ids(recommender.similar("b", items=["c", "d"], k=1)) == ["c"]


@pytest.mark.parametrize("changes", [{"filter_seen": False}, {"unknown_users": "popularity"}])
def test_an_option_that_a_method_would_ignore_is_refused(recommender, changes):
    (name,) = changes
    with pytest.raises(ValueError, match=f"similar ignores {name}"):
        recommender.similar("a", **changes)
    with pytest.raises(ValueError, match=f"recommend_history ignores {name}"):
        recommender.recommend_history(["a"], **changes)


def test_a_table_with_parts_adds_up(recommender):
    table = recommender.with_parts(
        recommender.recommend(["ann", "anne"], k=2, unknown_users="popularity")
    )
    assert table.columns[-2:] == ["part_visual", "part_acoustic"]
    known = table.filter(pl.col("user_id") == "ann")
    assert (known["part_visual"] + known["part_acoustic"] == known["score"]).all()
    unknown = table.filter(pl.col("user_id") == "anne")
    assert unknown["part_visual"].null_count() == unknown.height == 2
    assert unknown["score"].to_list() == [5, 3]


def test_arguments_out_of_range_are_refused(recommender):
    with pytest.raises(ValueError, match="k is 0"):
        recommender.recommend(["ann"], k=0)
    with pytest.raises(ValueError, match="diversity is 2"):
        recommender.recommend(["ann"], diversity=2)
    with pytest.raises(LookupError, match="item 'z' is not in the data"):
        recommender.recommend(["ann"], exclude=["z"])


def test_recommendations_need_no_torch(run):
    code = (
        "import sys; from mmgcn import Recommender; "
        f"r = Recommender.load({str(run)!r}); r.recommend(['ann']); r.explain('ann', 'b'); "
        "r.similar('a'); assert 'torch' not in sys.modules"
    )
    subprocess.run([sys.executable, "-c", code], check=True)


@pytest.mark.parametrize("suffix", [".parquet", ".csv", ".jsonl"])
def test_lists_of_all_users_are_written_in_blocks(recommender, tmp_path, suffix):
    from mmgcn.serving.table_file import write_table

    out = tmp_path / f"recs{suffix}"
    blocks = [recommender.recommend([user], k=2) for user in USERS]
    assert write_table(out, iter(blocks)) == 6
    if suffix == ".parquet":
        read = pl.read_parquet(out)
    elif suffix == ".csv":
        read = pl.read_csv(out)
    else:
        read = pl.read_ndjson(out)
    assert read["item_id"].to_list() == [i for block in blocks for i in ids(block)]
    assert not list(tmp_path.glob("*.part"))


def test_another_suffix_is_refused(recommender, tmp_path):
    from mmgcn.serving.table_file import write_table

    with pytest.raises(ValueError, match=r"none of \.parquet"):
        write_table(tmp_path / "recs.xlsx", iter([]))


def test_vectors_are_exported_with_their_ids(recommender, tmp_path):
    from mmgcn.serving.export import export_vectors

    export_vectors(recommender.run, tmp_path)
    table = pl.read_parquet(tmp_path / "items.parquet")
    assert table["id"].to_list() == ITEMS
    np.testing.assert_array_equal(table["vector"].to_numpy(), np.load(tmp_path / "items.npy"))
    text = pl.read_csv(tmp_path / "users.pgvector.csv", infer_schema=False)
    assert text.row(0) == ("ann", "[1.0,0.5]")
    sql = (tmp_path / "load.sql").read_text()
    assert "vector vector(2)" in sql
