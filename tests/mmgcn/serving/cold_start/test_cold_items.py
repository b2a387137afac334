"""Videos that are not in the run: what is refused before anything is extracted."""

import json

import pytest

from mmgcn.run import Run
from mmgcn.serving.cold_start.cold_items import ColdItemError, item_vectors
from tests.runs import write_run_folder


@pytest.fixture
def run(tmp_path):
    """A run that was trained on visual features of a store that is empty now."""
    write_run_folder(tmp_path / "run", ["a", "b", "c", "d"])
    config = json.loads((tmp_path / "run" / "config.json").read_text())
    source = {"store": str(tmp_path / "features"), "encoder": "resnet50", "digest": "0123"}
    config["features"] = {"visual": source}
    (tmp_path / "run" / "config.json").write_text(json.dumps(config))
    return Run.load(tmp_path / "run")


@pytest.fixture
def video(tmp_path):
    (tmp_path / "new.mp4").write_bytes(b"")
    return tmp_path / "new.mp4"


def test_a_video_that_does_not_exist_is_refused(run, tmp_path):
    with pytest.raises(ColdItemError, match=r"no video at .*nowhere\.mp4"):
        item_vectors(run, [tmp_path / "nowhere.mp4"])


def test_a_run_without_extracted_features_is_refused(run, video):
    run.config["features"] = {"price": {"file": "price.npy"}}
    with pytest.raises(ColdItemError, match="was trained without extracted features"):
        item_vectors(run, [video])


def test_a_store_without_the_features_of_the_run_is_refused(run, video):
    with pytest.raises(ColdItemError, match=r"no longer contains the visual .*resnet50-0123"):
        item_vectors(run, [video])
