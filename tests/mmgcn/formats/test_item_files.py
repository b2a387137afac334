"""Features in one file per item: the mean row, and what is left out."""

import io
import json
import tarfile

import numpy as np
import polars as pl
import pytest

from mmgcn.content import Content
from mmgcn.format import FORMATS, FormatError, ImportOptions
from mmgcn.formats._item_files import add_item_files, mean_row
from tests import layouts

PLAIN = ImportOptions()


def read(name, path, options=PLAIN):
    return FORMATS.get(name).read(path, options)


def saved(folder, arrays):
    files = {}
    for name, array in arrays.items():
        files[name] = folder / f"{name}.npy"
        np.save(files[name], array)
    return files


@pytest.mark.parametrize("shape", [(2,), (1, 2), (3, 2), (1, 3, 2)])
def test_the_mean_is_over_all_axes_but_the_last(tmp_path, shape):
    array = np.broadcast_to(np.array([1.0, 5.0]), shape)
    np.testing.assert_array_equal(mean_row(array, tmp_path), [1, 5])


def test_files_without_rows_and_pickles_are_reported(tmp_path):
    files = saved(tmp_path, {"a": np.ones((2, 3)), "b": np.zeros((0, 3))})
    np.save(tmp_path / "c.npy", np.array([{}]), allow_pickle=True)
    files["c"] = tmp_path / "c.npy"
    content = Content()
    add_item_files(content, "visual", files, PLAIN, source="theirs")
    assert content.features["visual"].ids.to_list() == ["a"]
    assert content.dropped == [
        "1 files of theirs, such as b.npy: they have no rows",
        "1 files of theirs, such as c.npy: they are pickles; allow_pickle reads them",
    ]


def test_a_single_number_and_other_widths_are_refused(tmp_path):
    with pytest.raises(FormatError, match=r"a\.npy contains one number, not a vector"):
        add_item_files(Content(), "v", saved(tmp_path, {"a": np.float32(3)}), PLAIN, source="t")
    files = saved(tmp_path, {"a": np.ones(2), "b": np.ones(3)})
    with pytest.raises(FormatError, match="the vectors in t have widths from 2 to 3; one folder"):
        add_item_files(Content(), "v", files, PLAIN, source="t")


def test_two_models_of_one_modality_have_names_of_their_own(tmp_path):
    layouts.ducho(tmp_path)
    other = tmp_path / "visual_embeddings" / "torch" / "vgg19" / "4"
    other.mkdir(parents=True)
    np.save(other / "clip-0.npy", np.ones(4))
    names = set(read("ducho", tmp_path).features)
    assert names == {"visual_resnet50_avgpool", "visual_vgg19_4", "textual"}


def test_optical_flow_is_refused_as_a_vector(tmp_path):
    layouts.video_features(tmp_path)
    (tmp_path / "raft").mkdir()
    np.save(tmp_path / "raft" / "clip-1_raft.npy", np.ones((1, 2, 4, 4)))
    np.save(tmp_path / "resnet" / "clip-1_rgb.npy", np.ones((1, 4)))
    (tmp_path / "clip-1_rgb.pkl").write_bytes(b"")
    content = read("video_features", tmp_path)
    assert set(content.features) == {"visual_rgb", "visual_resnet", "acoustic"}
    assert "1 files *_raft.npy: optical flow is an image, no vector" in content.dropped
    assert "*.pkl: extract with on_extraction=save_numpy" in content.dropped


def test_shards_that_are_damaged_or_differ_in_width_are_refused(tmp_path):
    shard = tmp_path / "0_clip_embeddings.tar"
    shard.write_bytes(b"nonsense" * 100)
    with pytest.raises(FormatError, match=r"0_clip_embeddings\.tar cannot be read"):
        read("clip_video_encode", tmp_path)
    with tarfile.open(shard, "w") as archive:
        for name, width in (("a.npy", 512), ("b.npy", 768)):
            buffer = io.BytesIO()
            np.save(buffer, np.ones((1, width)))
            member = tarfile.TarInfo(name)
            member.size = len(buffer.getvalue())
            archive.addfile(member, io.BytesIO(buffer.getvalue()))
    with pytest.raises(FormatError, match="have different widths"):
        read("clip_video_encode", tmp_path)


def test_folders_of_elliot_are_modalities(tmp_path):
    layouts.elliot(tmp_path)
    (tmp_path / "my prices").mkdir()
    np.save(tmp_path / "my prices" / "3.npy", np.ones(1))
    assert set(read("elliot", tmp_path).features) == {"visual", "textual", "my_prices"}
    (tmp_path / "train.tsv").write_text("1\t2\t3\t4\t5\n")
    with pytest.raises(FormatError, match="has 5 columns; user, item, rating and timestamp"):
        read("elliot", tmp_path)


def test_flat_features_are_numbers_or_words(tmp_path):
    layouts.rectools(tmp_path)
    (tmp_path / "item_features.csv").write_text(
        "id,feature,value\n0,year,1999\n0,genre,war\n1,genre,love\n1,genre,war\n"
    )
    features = read("rectools", tmp_path).features["item_features"]
    assert features.matrix.tolist() == [[1999, 1, 0], [0, 1, 1]]
    (tmp_path / "item_features.csv").write_text("id,colour\n0,red\n")
    with pytest.raises(FormatError, match="has no columns id, feature and value; it has"):
        read("rectools", tmp_path)
    rows = [f"0,word,w{n}\n" for n in range(10_001)]
    (tmp_path / "item_features.csv").write_text("id,feature,value\n" + "".join(rows))
    with pytest.raises(FormatError, match="has 10,001 different features; at most 10,000 are read"):
        read("rectools", tmp_path)
    (tmp_path / "interactions.parquet").write_bytes(b"nonsense")
    with pytest.raises(FormatError, match=r"interactions\.parquet is not Parquet"):
        read("rectools", tmp_path)
    assert FORMATS.get("rectools").detect(tmp_path / "interactions.parquet") is None


def test_broken_captions_of_kuairec_are_counted(tmp_path):
    layouts.kuairec(tmp_path)
    file = tmp_path / "kuairec_caption_category.csv"
    file.write_text("video_id,manual_cover_text,caption\n0,Cover,\n1,UNKNOWN,Dance\n2,x\nno,y,z\n")
    content = read("kuairec", tmp_path)
    assert content.captions.rows() == [("0", "Cover"), ("1", "Dance")]
    assert any(line.startswith("2 of 4 rows of kuairec_caption") for line in content.dropped)
    assert any(
        line.startswith("small_matrix.csv: it is for evaluation") for line in content.dropped
    )
    assert read("kuairec", tmp_path / "small_matrix.csv").parts["interactions"].height == 1
    file.write_text("video,text\n0,Cover\n")
    with pytest.raises(FormatError, match="has no columns video_id and caption; it has"):
        read("kuairec", tmp_path)


def test_unreadable_data_sets_are_refused(tmp_path):
    layouts.datasets(tmp_path)
    state = tmp_path / "test" / "state.json"
    state.write_text(json.dumps(json.loads(state.read_text()) | {"_indices_data_files": ["x"]}))
    with pytest.raises(
        FormatError, match=r"it has indices; save it again after flatten_indices\(\)"
    ):
        read("datasets", tmp_path)
    state.write_text("{}")
    with pytest.raises(FormatError, match="cannot be read as a data set: '_data_files'"):
        read("datasets", tmp_path)


def test_unused_columns_are_reported(tmp_path):
    table = pl.DataFrame({"a": [1], "b": [2]})
    table.write_parquet(tmp_path / "train-00000-of-00001.parquet")
    with pytest.raises(
        FormatError, match=r"no column of .* looks like users or items: a, b; rename"
    ):
        read("datasets", tmp_path)
    table = pl.DataFrame(
        {"user_id": [1, 2], "item_id": [3, 4], "v": [[1.0], [1.0, 2.0]], "z": [0, 0]}
    )
    table.write_parquet(tmp_path / "train-00000-of-00001.parquet")
    table.write_parquet(tmp_path / "extra-00000-of-00001.parquet")
    content = read("datasets", tmp_path)
    assert content.features == {}
    assert content.dropped == [
        "the part extra: it is neither train, validation nor test",
        "the column v: its lists have different lengths",
        "columns z: they are not used",
    ]


def test_a_table_of_cornac_needs_numbers(tmp_path):
    (tmp_path / "x.txt").write_text("user,item,stars\na,b,3\n")
    with pytest.raises(
        FormatError, match="contains no table of user, item, rating and optionally time"
    ):
        read("cornac", tmp_path / "x.txt")
