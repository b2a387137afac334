"""Videos that are not in the run: what is refused, and by which encoders they are extracted."""

import json
import shutil

import numpy as np
import pytest

from extract.catalogue import Item
from extract.store import FeatureStore
from mmgcn.run import Run
from mmgcn.serving.cold_start.cold_items import ColdItemError, item_vectors
from mmgcn.serving.cold_start.projection import Projection
from tests import small_models
from tests.clips import make_clip
from tests.extraction import extract_items
from tests.runs import write_run_folder

ITEMS = list(enumerate("abcd"))


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


def test_encoders_of_families_are_those_that_the_manifests_of_the_run_name(tmp_path):
    """Weights in folders, one of them renamed, a layer and a pooling.

    The vector is that of the item's own rows.
    """
    clips = {name: make_clip(tmp_path / f"{name}.mp4", num_frames=4 + n) for n, name in ITEMS}
    items = [Item(name, path, f"a cat and {name}") for name, path in clips.items()]
    store = FeatureStore(tmp_path / "features")
    extract_items(
        items,
        store,
        modalities=["visual", "textual"],
        encoders={
            "visual": f"hf:{small_models.dinov2()}@1",
            "textual": f"hf:{small_models.bert()}",
        },
        pooling="cls",
        num_frames=2,
        dtype="float32",
        device="cpu",
        workers=1,
    )
    sets = {name: store.feature_set(name) for name in ("visual", "textual")}
    write_run_folder(tmp_path / "run", list(clips))
    path = tmp_path / "run" / "config.json"
    sources = {
        name: {"store": str(store.root), "encoder": "hf", "digest": features.digest}
        for name, features in sets.items()
    }
    path.write_text(json.dumps(json.loads(path.read_text()) | {"features": sources}))
    run = Run.load(tmp_path / "run")

    shutil.copy(clips["b"], tmp_path / "new.mp4")
    (tmp_path / "new.txt").write_text("a cat and b")
    renamed = shutil.copytree(small_models.bert(), tmp_path / "renamed")
    found = item_vectors(run, [tmp_path / "new.mp4"], encoders={"textual": f"hf:{renamed}"})

    own = {name: features.align(list(clips)) for name, features in sets.items()}
    rows = {name: aligned.features for name, aligned in own.items()}
    present = {name: aligned.present for name, aligned in own.items()}
    expected = Projection.fit(rows, present, run.item_vectors).vectors(rows, present)
    np.testing.assert_allclose(found[0], expected[1], rtol=0, atol=1e-5)
