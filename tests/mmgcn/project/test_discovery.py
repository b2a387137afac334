"""mmgcn init: what it finds in a folder, and the file that it writes."""

import tomllib

import numpy as np
import polars as pl
import pytest

from mmgcn.data.table import read_interactions
from mmgcn.project.discovery import InteractionsFile, discover
from mmgcn.project.writing import project_text
from tests.videos import touch


def written(folder):
    return tomllib.loads(project_text(discover(folder), preset="offline"))


def table(path, header="user_id,item_id,timestamp", row="1,2,3"):
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(f"{header}\n{row}\n")


def test_videos_captions_and_interactions_with_other_column_names_are_found(tmp_path):
    touch(tmp_path, "clips/a/1.mp4", "clips/b/2.webm", "clips/a/1.jpg", ".hidden/3.mp4")
    table(tmp_path / "titles.csv", "video_id,title", "1,a cat")
    table(tmp_path / "views.tsv", "userId\tmovieId\tstars\tts", "1\t2\t5\t3")
    assert written(tmp_path) == {
        "videos": "clips",
        "captions": "titles.csv",
        "features": "features",
        "runs": "runs",
        "data": {
            "interactions": "views.tsv",
            "columns": "user=userId,item=movieId,time=ts,rating=stars",
        },
        "extract": {"modalities": ["visual", "acoustic", "textual"], "preset": "offline"},
        "fit": {"model": "linear_mmgcn"},
    }


def test_the_columns_that_are_written_read_the_table(tmp_path):
    table(tmp_path / "log.csv", "uid,asin,createdAt", "7,x,2024-01-02")
    data = written(tmp_path)["data"]
    read = read_interactions(tmp_path / data["interactions"], columns=data["columns"])
    assert (read.users.ids[0], read.items.ids[0]) == ("7", "x")
    assert read.timestamp is not None


def test_images_are_the_videos_of_a_folder_without_any(tmp_path):
    touch(tmp_path, "posters/1.jpg", "posters/2.png")
    found = discover(tmp_path)
    assert (str(found.videos), found.num_videos) == ("posters", 2)


def test_captions_alone_are_extracted_as_text(tmp_path):
    table(tmp_path / "films.csv", "item_id,caption", "1,a cat")
    assert written(tmp_path)["extract"]["modalities"] == ["textual"]


def test_arrays_are_the_features_where_nothing_can_be_extracted(tmp_path):
    table(tmp_path / "interactions.csv")
    np.save(tmp_path / "image-feat.npy", np.ones((3, 2)))
    np.save(tmp_path / "counts.npy", np.ones(3))
    content = written(tmp_path)
    assert content["features"] == ["image_feat=image-feat.npy"]
    assert "extract" not in content


def test_the_table_called_interactions_is_preferred_to_a_larger_one(tmp_path):
    table(tmp_path / "a.csv", row="1,2,3\n1,3,4\n1,4,5")
    table(tmp_path / "interactions.parquet")
    pl.DataFrame({"user_id": ["1"], "item_id": ["2"]}).write_parquet(
        tmp_path / "interactions.parquet"
    )
    found = discover(tmp_path)
    assert found.interactions == InteractionsFile(found.interactions.path)
    assert str(found.interactions.path) == "interactions.parquet"
    assert found.notes == ["interactions could also be a.csv"]


@pytest.mark.parametrize(
    "content", [b"", b"\x1f\x8b gzip", b"PK zip", b"\xff\xfe\x00", b"a,b\n1", b"user_id\n1\n"]
)
def test_files_that_are_no_tables_are_left_out(tmp_path, content):
    (tmp_path / "x.csv").write_bytes(content)
    (tmp_path / "y.npy").write_bytes(content)
    found = discover(tmp_path)
    assert (found.interactions, found.captions, found.arrays) == (None, None, [])


def test_a_folder_that_does_not_exist_is_an_error(tmp_path):
    with pytest.raises(NotADirectoryError, match=r"no folder .*nowhere"):
        discover(tmp_path / "nowhere")
