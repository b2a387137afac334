"""Cases of each format beyond the samples of the contract suite."""

import json

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from mmgcn.format import FORMATS, FormatError, ImportOptions, detect
from mmgcn.formats._tables import first_line, only_file, read_rows, read_table
from mmgcn.formats._user_lists import read_json_lists, read_user_lines
from tests import layouts

PLAIN = ImportOptions()
ALLOWED = ImportOptions(allow_pickle=True)


def read(name, path, options=PLAIN):
    return FORMATS.get(name).read(path, options)


def test_nothing_at_a_path_has_no_format(tmp_path):
    with pytest.raises(FormatError, match=r"there is no file and no folder .*absent"):
        detect(tmp_path / "absent")


def test_a_title_that_is_missing_is_reported_with_its_row(tmp_path):
    layouts.movielens(tmp_path)
    (tmp_path / "u.item").write_text("1|Film\n2\n")
    with pytest.raises(FormatError, match=r"u\.item has a row without a title: 2"):
        read("movielens", tmp_path)


def test_one_table_of_ratings_is_enough(tmp_path):
    layouts.movielens(tmp_path)
    content = read("movielens", tmp_path / "u.data")
    assert content.min_rating == 4
    assert FORMATS.get("movielens").detect(tmp_path / "u.item") is None


@given(st.dictionaries(st.integers(0, 99), st.lists(st.integers(0, 99), max_size=5), min_size=1))
def test_lists_are_read_as_they_were_written(tmp_path_factory, lists):
    folder = tmp_path_factory.mktemp("lists")
    lines = [" ".join(map(str, [user, *items])) for user, items in lists.items()]
    (folder / "train.txt").write_text("\n".join(lines) + "\n")
    (folder / "train.json").write_text(json.dumps(lists))
    pairs = [(str(user), str(item)) for user, items in lists.items() for item in items]
    empty = sum(not items for items in lists.values())
    for table, count in (
        read_user_lines(folder / "train.txt"),
        read_json_lists(folder / "train.json"),
    ):
        assert table.rows() == pairs
        assert count == empty


def test_users_without_items_are_reported(tmp_path):
    (tmp_path / "train.txt").write_text("0 1 2\n1 \n2 2\n")
    content = read("lightgcn", tmp_path)
    assert content.dropped == ["1 users of train.txt: their lists are empty"]
    (tmp_path / "train.txt").unlink()
    (tmp_path / "test.txt").write_text("0 1\n")
    with pytest.raises(FormatError, match=r"contains no train\.txt"):
        read("lightgcn", tmp_path)


@pytest.mark.parametrize("text", ["[1]", '{"0": 1}', "{"])
def test_json_without_lists_is_refused(tmp_path, text):
    (tmp_path / "train.json").write_text(text)
    with pytest.raises(FormatError, match=r"train\.json is not"):
        read("lattice", tmp_path)


def test_sampled_negatives_are_not_interactions(tmp_path):
    np.save(tmp_path / "train.npy", np.array([(0, 2), (1, 3), (1, 1501)]))
    row = [0, *range(2, 1002), 7, 9]
    np.save(tmp_path / "val.npy", np.array([row, [1, *row[1:]]]))
    content = read("mmgcn", tmp_path)
    assert set(content.parts["valid"].rows()) == {("0", "5"), ("0", "7"), ("1", "5"), ("1", "7")}
    assert "1,000 items without interaction in each row of val.npy" in content.dropped[0]


def test_rows_of_different_lengths_are_a_pickle(tmp_path):
    layouts.mmgcn(tmp_path)
    rows = np.empty(2, dtype=object)
    rows[:] = [[0, 12, 13], [1, 14]]
    np.save(tmp_path / "val_full.npy", rows, allow_pickle=True)
    with pytest.raises(FormatError, match=r"val_full\.npy is a pickle"):
        read("mmgcn", tmp_path)
    content = read("mmgcn", tmp_path, ALLOWED)
    assert content.parts["valid"].rows() == [("0", "0"), ("0", "1"), ("1", "2")]


def test_tensors_of_words_are_dropped_and_vectors_read(tmp_path):
    layouts.mmgcn(tmp_path)
    for file in tmp_path.glob("Feature*"):
        file.unlink()
    torch.save(torch.from_numpy(layouts.VISUAL), tmp_path / "feat_v.pt")
    torch.save(torch.zeros(2, 40, dtype=torch.int64), tmp_path / "feat_t.pt")
    np.save(tmp_path / "user_item_dict.npy", {0: [1]}, allow_pickle=True)
    content = read("mmgcn", tmp_path)
    assert list(content.features) == ["visual"]
    assert any("feat_t.pt: it has pairs of an item and a word" in line for line in content.dropped)
    assert "user_item_dict.npy: it repeats train.npy" in content.dropped


def test_an_ambiguous_number_of_users_needs_an_option(tmp_path):
    np.save(
        tmp_path / "train.npy", np.array([(0, 12), (1, 13)])
    )  # users 2 to 11 and 14 ...: unknown
    np.save(tmp_path / "FeatureVideo_normal.npy", np.ones((8, 2)))
    with pytest.raises(FormatError, match=r"between 6 and 12, .* features; pass num_users"):
        read("mmgcn", tmp_path)
    content = read("mmgcn", tmp_path, ImportOptions(num_users=10))
    assert content.parts["interactions"].rows() == [("0", "2"), ("1", "3")]
    with pytest.raises(FormatError, match="num_users is 13; the files allow 6 to 12"):
        read("mmgcn", tmp_path, ImportOptions(num_users=13))


def test_the_published_sizes_need_no_number(tmp_path):
    np.save(tmp_path / "train.npy", np.array([(0, 55_490), (9, 55_500)]))
    np.save(tmp_path / "FeatureVideo_normal.npy", np.ones((5_986, 1)))
    assert read("mmgcn", tmp_path).parts["interactions"].rows() == [("0", "5"), ("9", "15")]


def test_items_that_are_numbered_from_0_are_refused(tmp_path):
    np.save(tmp_path / "train.npy", np.array([(0, 1), (5, 2)]))
    with pytest.raises(FormatError, match="items must be numbered from the number of users on"):
        read("mmgcn", tmp_path)
    np.save(tmp_path / "train.npy", np.ones((3, 4)))
    with pytest.raises(FormatError, match=r"has the shape \(3, 4\); rows \(user, item\)"):
        read("mmgcn", tmp_path)


def test_features_that_are_not_a_matrix_are_refused(tmp_path):
    layouts.mmgcn(tmp_path)
    np.save(tmp_path / "FeatureVideo_normal.npy", np.ones((12, 2, 2)))
    with pytest.raises(FormatError, match="a matrix is expected"):
        read("mmgcn", tmp_path)


def test_parts_of_mmrec_are_0_1_and_2(tmp_path):
    (tmp_path / "a.inter").write_text("userID\titemID\tx_label\n0\t1\t0\n0\t2\t7\n")
    with pytest.raises(FormatError, match=r"1 rows of .* have another x_label .* such as '7'"):
        read("mmrec", tmp_path)
    (tmp_path / "a.inter").write_text("userID\tthing\tx_label\n0\t1\t0\n")
    with pytest.raises(FormatError, match="has no column itemID or item_id or item; it has"):
        read("mmrec", tmp_path)
    (tmp_path / "a.inter").write_text("user_id\titem_id\n0\t1\n0\t2\n")
    assert list(read("mmrec", tmp_path).parts) == ["interactions"]
    (tmp_path / "b.inter").write_text("user_id\titem_id\n0\t1\n0\t2\n")
    with pytest.raises(FormatError, match=r"several tables: a\.inter, b\.inter; name one"):
        read("mmrec", tmp_path)


def test_sequences_of_microlens_are_in_order(tmp_path):
    (tmp_path / "m_pairs.tsv").write_text("1\t5 3 4\n2\t3\n3\t\n")
    content = read("microlens", tmp_path)
    assert content.parts["interactions"].rows() == [
        ("1", "5", 0),
        ("1", "3", 1),
        ("1", "4", 2),
        ("2", "3", 0),
    ]
    assert content.dropped == ["1 users of m_pairs.tsv: their lists are empty"]
    (tmp_path / "m_pairs.tsv").write_text("1\t5\t3\n")
    with pytest.raises(FormatError, match="has 3 columns; a user and a list are expected"):
        read("microlens", tmp_path)


def test_videos_and_titles_of_microlens_are_found(tmp_path):
    layouts.microlens(tmp_path)
    (tmp_path / "MicroLens-50k_videos").mkdir()
    (tmp_path / "MicroLens-50k_videos" / "1.mp4").write_bytes(b"")
    (tmp_path / "MicroLens-50k_title_en.csv").write_text("7,Salt, pepper\n8,\n")
    (tmp_path / "MicroLens-50k_likes_and_views.txt").write_text("1\t2\t3\n")
    content = read("microlens", tmp_path)
    assert content.videos == tmp_path / "MicroLens-50k_videos"
    assert content.captions.rows() == [("7", "Salt, pepper")]
    assert any("likes_and_views.txt: no model" in line for line in content.dropped)


def test_recbole_parts_are_read_and_unusable_columns_reported(tmp_path):
    header = "user_id:token\titem_id:token\n"
    for part, item in (("train", "a"), ("valid", "b"), ("test", "c")):
        (tmp_path / f"x.{part}.inter").write_text(f"{header}u\t{item}\n")
    (tmp_path / "x.user").write_text("user_id:token\tage:float\nu\t3\n")
    content = read("recbole", tmp_path)
    assert {name: part.rows() for name, part in content.parts.items()} == {
        "train": [("u", "a")],
        "valid": [("u", "b")],
        "test": [("u", "c")],
    }
    assert content.dropped == ["x.user: no model of mmgcn uses it"]
    (tmp_path / "y.inter").write_text(f"{header}u\ta\n")
    assert "y.inter: the parts are read" in read("recbole", tmp_path).dropped
    assert list(read("recbole", tmp_path / "y.inter").parts) == ["interactions"]


def test_unreadable_recbole_tables_are_refused(tmp_path):
    (tmp_path / "s.inter").write_text("user_id:token\titem_id_list:token_seq\nu\ta b\n")
    with pytest.raises(FormatError, match="has sequences in item_id_list"):
        read("recbole", tmp_path)
    (tmp_path / "t.inter").write_text("user_id:token\titem_id:token\nu\ta\n")
    with pytest.raises(FormatError, match=r"contains 2 files \.inter; name one of them"):
        read("recbole", tmp_path)
    (tmp_path / "s.inter").unlink()
    (tmp_path / "t.v").write_text("iid:token\temb:float_seq\na\t1 2\nb\t1\n")
    with pytest.raises(FormatError, match=r"the rows of emb .* have 1 to 2 numbers"):
        read("recbole", tmp_path)


def test_a_ragged_row_is_reported_with_its_line(tmp_path):
    (tmp_path / "t.csv").write_text("a,b\n1,2\n1,2,3\n")
    with pytest.raises(FormatError, match="line 3 has 3 columns where the first line has 2: 1,2,3"):
        read_table(tmp_path / "t.csv", ",", header=True)
    (tmp_path / "t.csv").write_text("")
    with pytest.raises(FormatError, match=r"t\.csv is empty"):
        read_table(tmp_path / "t.csv", ",", header=True)
    with pytest.raises(FormatError, match=r"absent\.csv cannot be read"):
        read_rows(tmp_path / "absent.csv", ",")


def test_binary_files_have_no_first_line(tmp_path):
    (tmp_path / "x.bin").write_bytes(b"a\0b\n")
    assert first_line(tmp_path / "x.bin") == first_line(tmp_path / "absent") == ""
    assert only_file(tmp_path, "*.nothing") is None
