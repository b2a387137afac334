"""Ids, interactions, splits and the joined data set."""

import numpy as np
import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from mmgcn.data.dataset import Dataset
from mmgcn.data.features import FeatureTable, from_file, read_features
from mmgcn.data.ids import IdMap
from mmgcn.data.interactions import read_interactions
from mmgcn.data.splits import Split, given_split, split
from tests.worlds import interactions_of


def table_of(name, ids, matrix=None, known=None):
    matrix = np.arange(len(ids), dtype=np.float32)[:, None] if matrix is None else matrix
    return FeatureTable(name, ids, matrix, frozenset(known or ids), {})


class TestIds:
    @given(st.lists(st.text(max_size=8), unique=True, max_size=20))
    def test_ids_go_in_and_come_out(self, ids):
        ids = [i for i in ids if not any(0xD800 <= ord(c) < 0xE000 for c in i)]
        rows = IdMap(ids).index(ids)
        assert rows.tolist() == list(range(len(ids)))

    def test_leading_zeros_stay(self, tmp_path):
        IdMap(["007", "7"]).save(tmp_path / "ids.parquet")
        assert IdMap.load(tmp_path / "ids.parquet").ids.to_list() == ["007", "7"]

    def test_an_unknown_id_is_named_with_the_nearest(self):
        with pytest.raises(LookupError, match=r"user 'alcie' not in the data.*alice"):
            IdMap(["alice", "bob"], kind="user").index(["alcie"])

    def test_an_id_that_stands_twice_is_refused(self):
        with pytest.raises(ValueError, match="'a' stands twice"):
            IdMap(["a", "b", "a"])


class TestReading:
    @pytest.mark.parametrize("suffix", [".csv", ".tsv", ".parquet", ".jsonl"])
    def test_every_format_gives_the_same(self, tmp_path, suffix):
        table = pl.DataFrame(
            {"user_id": ["007", "8"], "item_id": ["x", "y"], "timestamp": [5.0, 6.0]}
        )
        path = tmp_path / f"t{suffix}"
        if suffix == ".parquet":
            table.write_parquet(path)
        elif suffix == ".jsonl":
            table.write_ndjson(path)
        else:
            table.write_csv(path, separator="\t" if suffix == ".tsv" else ",")
        read = read_interactions(path)
        assert read.users.ids.to_list() == ["007", "8"]
        assert read.timestamp.tolist() == [5.0, 6.0]

    def test_a_missing_column_is_named_with_those_that_are_there(self, tmp_path):
        (tmp_path / "t.csv").write_text("user,item_id\n1,2\n")
        with pytest.raises(ValueError, match=r"no column user_id; it has: user, item_id"):
            read_interactions(tmp_path / "t.csv")

    @pytest.mark.parametrize(
        ("text", "message"),
        [
            ("", "is empty"),
            ("user_id,item_id\n", "a header and no rows"),
            ("user_id,item_id\n1,\n", "1 rows .* have no item_id"),
            ("user_id,item_id,timestamp\n1,2,soon\n", "timestamp .* 'soon'"),
            ("user_id,item_id,weight\n1,2,much\n", "weight .* 'much'"),
        ],
    )
    def test_what_cannot_be_used_is_refused(self, tmp_path, text, message):
        (tmp_path / "t.csv").write_text(text)
        with pytest.raises(ValueError, match=message):
            read_interactions(tmp_path / "t.csv")

    def test_no_file_says_which_option_to_pass(self, tmp_path):
        with pytest.raises(ValueError, match="--interactions FILE"):
            read_interactions(tmp_path / "nowhere.csv")

    def test_another_suffix_is_refused(self, tmp_path):
        (tmp_path / "t.xlsx").write_text("x")
        with pytest.raises(ValueError, match=r"none of \.csv"):
            read_interactions(tmp_path / "t.xlsx")

    def test_duplicates_are_dropped_and_counted(self, tmp_path):
        (tmp_path / "t.csv").write_text("user_id,item_id\n1,2\n1,2\n1,3\n")
        read = read_interactions(tmp_path / "t.csv")
        assert len(read) == 2
        assert "1 duplicate" in read.notes[0]

    def test_iso_dates_are_seconds(self, tmp_path):
        (tmp_path / "t.csv").write_text("user_id,item_id,timestamp\n1,2,1970-01-02T00:00:00\n")
        assert read_interactions(tmp_path / "t.csv").timestamp.tolist() == [86_400.0]


class TestCore:
    def test_the_core_is_what_is_left_when_nothing_more_falls_off(self):
        # i2 has one user; without it u1 has one item and falls too.
        pairs = [(0, 0), (0, 1), (1, 0), (1, 2), (2, 0), (2, 1)]
        core = interactions_of(pairs).k_core(k_user=2, k_item=2)
        assert core.users.ids.to_list() == ["u0", "u2"]
        assert core.items.ids.to_list() == ["i0", "i1"]
        assert len(core) == 4

    def test_an_empty_core_says_what_to_do(self):
        with pytest.raises(ValueError, match="lower --k-core"):
            interactions_of([(0, 0)]).k_core(k_user=2)


class TestSplits:
    @settings(deadline=None, max_examples=30)
    @given(
        st.lists(
            st.tuples(st.integers(0, 6), st.integers(0, 9)), unique=True, min_size=1, max_size=50
        ),
        st.sampled_from(["leave-last-out", "random"]),
    )
    def test_the_parts_are_disjoint_and_complete(self, pairs, name):
        table = interactions_of(pairs, timestamp=np.arange(len(pairs)))
        made = split(table, name, seed=1)
        parts = [
            set(zip(p.user_index.tolist(), p.item_index.tolist(), strict=True))
            for p in (made.train, made.valid, made.test)
        ]
        assert sum(map(len, parts)) == len(pairs)
        assert set.union(*parts) == set(pairs)

    def test_the_last_is_test_and_the_one_before_it_valid(self):
        table = interactions_of([(0, 3), (0, 1), (0, 2), (0, 0)], timestamp=[4, 2, 3, 1])
        made = split(table, "leave-last-out")
        assert made.test.item_index.tolist() == [3]
        assert made.valid.item_index.tolist() == [2]
        assert sorted(made.train.item_index.tolist()) == [0, 1]

    def test_a_user_with_two_keeps_both(self):
        made = split(interactions_of([(0, 0), (0, 1)]), "leave-last-out")
        assert len(made.train) == 2

    def test_a_temporal_split_is_cut_in_time(self):
        table = interactions_of([(0, i) for i in range(10)], timestamp=range(10))
        made = split(table, "temporal")
        assert made.test.item_index.tolist() == [9]
        assert made.valid.item_index.tolist() == [8]

    def test_a_temporal_split_needs_timestamps(self):
        with pytest.raises(ValueError, match="needs a column timestamp"):
            split(interactions_of([(0, 0)]), "temporal")

    def test_an_unknown_split_names_the_known_ones(self):
        with pytest.raises(ValueError, match="known: leave-last-out"):
            split(interactions_of([(0, 0)]), "last")

    def test_given_parts_share_the_ids_of_all_files(self, tmp_path):
        (tmp_path / "a.csv").write_text("user_id,item_id\n1,x\n2,y\n")
        (tmp_path / "b.csv").write_text("user_id,item_id\n2,x\n3,x\n")
        made = given_split(tmp_path / "a.csv", tmp_path / "b.csv")
        assert made.users.ids.to_list() == ["1", "2", "3"]
        assert len(made.valid) == 2
        assert "1 of 2 valid interactions" in made.notes[0]


class TestFeatures:
    def test_rows_are_items_by_number_without_ids(self, tmp_path):
        np.save(tmp_path / "f.npy", np.eye(3))
        assert list(from_file(f"x={tmp_path / 'f.npy'}").ids) == ["0", "1", "2"]

    def test_prices_are_one_column(self, tmp_path):
        np.save(tmp_path / "p.npy", np.array([1.0, 2.0]))
        assert from_file(f"price={tmp_path / 'p.npy'}").matrix.shape == (2, 1)

    def test_pickled_arrays_are_never_loaded(self, tmp_path):
        np.save(tmp_path / "f.npy", np.array([{"a": 1}], dtype=object), allow_pickle=True)
        with pytest.raises(ValueError, match=r"no \.npy file of numbers"):
            from_file(f"x={tmp_path / 'f.npy'}")

    @pytest.mark.parametrize(
        ("array", "ids", "message"),
        [
            (np.zeros((2, 2, 2)), None, "features are"),
            (np.array([["a"]]), None, "features are"),
            (np.array([[np.nan], [1.0]]), None, "1 rows .* not finite, such as those of 0"),
            (np.zeros((2, 1)), "a\n", "1 ids for the 2 rows"),
            (np.zeros((2, 1)), "a\na\n", "names an item twice"),
        ],
    )
    def test_what_is_no_table_of_features_is_refused(self, tmp_path, array, ids, message):
        np.save(tmp_path / "f.npy", array)
        words = f"x={tmp_path / 'f.npy'}"
        if ids is not None:
            (tmp_path / "i.txt").write_text(ids)
            words += f",{tmp_path / 'i.txt'}"
        with pytest.raises(ValueError, match=message):
            from_file(words)

    def test_two_of_one_name_are_refused(self, tmp_path):
        np.save(tmp_path / "f.npy", np.eye(2))
        with pytest.raises(ValueError, match="two --features are called 'x'"):
            read_features([f"x={tmp_path / 'f.npy'}"] * 2)

    def test_what_names_nothing_is_refused(self):
        with pytest.raises(ValueError, match=r"NAME=FILE\.npy"):
            from_file("=")
        with pytest.raises(ValueError, match="no features at"):
            from_file("x=nowhere.npy")


class TestDataset:
    def plain(self, num_items=4):
        table = interactions_of([(0, i) for i in range(num_items)])
        empty = table.take(np.zeros(0, dtype=int))
        return Split(table, empty, empty, "given")

    @settings(deadline=None, max_examples=30)
    @given(st.permutations(range(6)))
    def test_an_item_never_gets_the_vector_of_another(self, order):
        ids = [f"i{n}" for n in order]
        values = np.array(order, dtype=np.float32)[:, None]
        data = Dataset.build(self.plain(6), [table_of("x", ids, values)])
        assert data.features["x"][:, 0].tolist() == [0, 1, 2, 3, 4, 5]

    def test_an_item_without_sound_is_masked_and_counted(self):
        known = ["i0", "i1", "i2", "i3"]
        data = Dataset.build(self.plain(), [table_of("sound", ["i1", "i3"], known=known)])
        assert data.present["sound"].tolist() == [False, True, False, True]
        assert any("2 of 4 items have no sound features" in note for note in data.notes)

    def test_an_item_that_was_never_extracted_is_an_error_unless_asked_for(self):
        tables = [table_of("a", ["i0", "i1", "i2", "i3"]), table_of("b", ["i0", "i1", "i2"])]
        with pytest.raises(ValueError, match=r"b features cover 3 of 4 items; pass --missing mask"):
            Dataset.build(self.plain(), tables)
        masked = Dataset.build(self.plain(), tables, missing="mask")
        assert masked.present["b"].tolist() == [True, True, True, False]
        dropped = Dataset.build(self.plain(), tables, missing="drop")
        assert dropped.items.ids.to_list() == ["i0", "i1", "i2"]
        assert len(dropped.train) == 3

    def test_ids_that_match_no_video_are_counted_with_examples(self):
        with pytest.raises(ValueError, match=r"2 of 4 items .* match no video: i2, i3"):
            Dataset.build(self.plain(), [table_of("a", ["i0", "i1"])])
        with pytest.raises(ValueError, match="none of the 4 items"):
            Dataset.build(self.plain(), [table_of("a", ["x.mp4"])])

    def test_videos_that_nobody_watched_come_along(self):
        data = Dataset.build(self.plain(), [table_of("a", ["i0", "i1", "i2", "i3", "new"])])
        assert data.items.ids.to_list()[-1] == "new"
        assert data.features["a"].shape == (5, 1)
