"""Encoders of families from a folder of clips to a feature store."""

import json
import shutil

import numpy as np
import pytest

from extract import ExtractConfig
from extract.catalogue import Item
from extract.family import encoder_named
from extract.media import Frames, Sampling, read_media
from extract.pipeline.target import choose_targets
from extract.store import FeatureStore
from extract.workers.messages import EncoderSpec
from tests import small_models
from tests.clips import make_clip
from tests.extraction import extract_items


@pytest.fixture(scope="module")
def items(tmp_path_factory):
    path = make_clip(tmp_path_factory.mktemp("videos") / "clip.mp4", num_frames=12)
    return [Item("clip", path, "a cat plays the piano")]


IMAGES = {
    "hf": lambda: f"hf:{small_models.clip()}",
    "timm": lambda: f"timm:{small_models.timm_folder('test_convnext')}",
}


def extract_frames(items, store, **more):
    settings = {"num_frames": 3, "dtype": "float32", "device": "cpu", "workers": 1}
    report = extract_items(items, store, **settings, **more)
    assert not report.failures


@pytest.fixture(scope="module")
def sets(items, tmp_path_factory):
    """Feature sets of two encoders of frames, by their families."""
    store = FeatureStore(tmp_path_factory.mktemp("store"))
    encoders = [("visual", words()) for words in IMAGES.values()]
    extract_frames(items, store, modalities=["visual"], encoders=encoders)
    return {each.manifest["encoder"].partition(":")[0]: each for each in store.all_sets()}


def test_several_families_share_one_pass_and_their_rows_are_those_of_the_encoder(items, sets):
    with read_media(items[0].path, sampling=Sampling(num_frames=3)) as blocks:
        (block,) = blocks
    for name, words in IMAGES.items():
        encoder = encoder_named(words(), reads="frames")
        encoder.load()
        expected = encoder.encode(encoder.prepare(block))
        np.testing.assert_allclose(sets[name].read("clip"), expected, rtol=0, atol=1e-5)
        assert sets[name].path.name.startswith(f"{name}-")
        assert ":" not in sets[name].path.name


def test_pooling_is_part_of_the_manifest_and_reaches_the_workers():
    targets = [
        choose_targets(
            ExtractConfig(
                modalities=["visual"],
                encoders={"visual": f"hf:{small_models.dinov2()}"},
                pooling=pooling,
            )
        )[0]
        for pooling in ("mean", "cls", None)
    ]
    assert len({str(target.manifest) for target in targets}) == 3
    built = [EncoderSpec.of(target.encoder).build() for target in targets]
    assert [encoder.pooling for encoder in built] == ["mean", "cls", None]


def test_a_pooling_that_no_encoder_supports_is_refused(items, tmp_path):
    with pytest.raises(ValueError, match="encoders supports pooling='cls' of token states"):
        extract_items(
            items,
            tmp_path,
            modalities=["textual"],
            encoders={"textual": "sentence:package"},
            pooling="cls",
            device="cpu",
        )


def test_weights_from_a_hub_are_recorded_with_their_commit(items, tmp_path, monkeypatch):
    snapshot = tmp_path / "hub" / "models--some--bert" / "snapshots" / "abc123"
    shutil.copytree(small_models.bert(), snapshot)
    (snapshot.parent.parent / "refs").mkdir()
    (snapshot.parent.parent / "refs" / "main").write_text("abc123")
    monkeypatch.setattr("huggingface_hub.constants.HF_HUB_CACHE", str(tmp_path / "hub"))
    extract_items(
        items,
        tmp_path / "store",
        modalities=["textual"],
        encoders={"textual": "hf:some/bert"},
        device="cpu",
    )
    features = FeatureStore(tmp_path / "store").feature_set("textual")
    manifest = json.loads((features.path / "manifest.json").read_text())
    assert manifest["versions"]["weights"] == "some/bert@abc123"
    assert manifest["encoder"] == "hf:some/bert"
    assert features.path.name.startswith("hf-some-bert-")


def test_windows_of_frames_and_single_frames_share_one_pass(items, sets, tmp_path):
    """Rows of frames are the same to the bit as without windows; windows have an end."""
    words = {"visual": IMAGES["hf"](), "motion": f"hf:{small_models.videomae()}"}
    store = FeatureStore(tmp_path)
    extract_frames(items, store, modalities=list(words), encoders=words)
    visual, motion = store.feature_set("visual"), store.feature_set("motion")
    np.testing.assert_array_equal(visual.read("clip"), sets["hf"].read("clip"))
    assert visual.records["clip"] == sets["hf"].records["clip"]

    record = motion.records["clip"]
    # 12 frames, 24 a second, are 0.5 s; at 7.5 a second 4 frames: 0, 3, 6 and 9.
    assert (record.pts_seconds, record.end_seconds) == ((0.0,), (0.533333,))
    assert motion.manifest["sampling"] == {"fps": 7.5}
    encoder = encoder_named(words["motion"], reads="video")
    encoder.load()
    with read_media(items[0].path, sampling=Sampling(every_nth=1)) as blocks:
        (block,) = blocks
    window = encoder.prepare(Frames(block.data[[0, 3, 6, 9]], np.arange(4.0)))[None]
    np.testing.assert_allclose(motion.read("clip"), encoder.encode(window), rtol=0, atol=1e-5)
