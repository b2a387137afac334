"""Transcripts as captions of clips that have no other."""

import numpy as np
import pytest

from extract import ExtractConfig
from extract.catalogue import Item
from extract.family import encoder_named
from extract.pipeline.plan import text_hash
from extract.pipeline.speech import speech_target
from extract.store import FeatureStore
from extract.weights import WeightsUnavailable
from tests import small_models
from tests.clips import Audio, make_clip
from tests.extraction import extract_items


def run(items, store):
    return extract_items(
        items,
        store,
        modalities=["textual"],
        encoders={"textual": f"hf:{small_models.bert()}"},
        speech=str(small_models.transcriber()),
        dtype="float32",
        device="cpu",
        workers=1,
    )


def test_words_of_clips_without_a_caption_are_stored_once_and_encoded(tmp_path):
    noise = np.random.default_rng(0).normal(size=(1, 32_000)).clip(-1, 1).astype(np.float32) / 2
    audio = Audio(samples=noise)
    silence = Audio(samples=np.zeros_like(noise))
    clips = {
        "spoken": make_clip(tmp_path / "spoken.mp4", num_frames=4, audio=audio),
        "titled": make_clip(tmp_path / "titled.mp4", num_frames=4, audio=audio, title="a cat"),
        "silent": make_clip(tmp_path / "silent.mp4", num_frames=4, audio=silence),
        "mute": make_clip(tmp_path / "mute.mp4", num_frames=4),
        "written": make_clip(tmp_path / "written.mp4", num_frames=4, audio=audio),
    }
    captions = {"written": "a cat plays the piano"}
    items = [Item(name, path, captions.get(name)) for name, path in clips.items()]
    store = FeatureStore(tmp_path / "features")
    report = run(items, store)
    assert report.counts["speech"] == {"skipped": 0, "done": 1, "missing": 3}
    assert report.counts["textual"] == {"skipped": 0, "done": 3, "missing": 2}

    transcripts = store.captions.feature_set("speech").records
    reasons = {record.id: record.reason for record in transcripts.sorted()}
    assert reasons == {
        "mute": "it has no audio",
        "silent": "nothing is said",
        "spoken": None,
        "titled": "it has a title, which is its caption",
    }
    spoken = transcripts["spoken"]
    assert spoken.content_hash
    assert all(start >= 0 and words for start, _, words in spoken.segments)
    assert store.spoken_captions() == {"spoken": spoken.caption}

    texts = {"spoken": spoken.caption, "written": "a cat plays the piano", "titled": "a cat"}
    features = store.feature_set("textual")
    encoder = encoder_named(f"hf:{small_models.bert()}", reads="text")
    encoder.load()
    for name, text in texts.items():
        expected = encoder.encode(encoder.prepare(text))
        np.testing.assert_allclose(features.read(name), expected, rtol=0, atol=1e-5)
    assert features.records["spoken"].content_hash == text_hash(spoken.caption)
    assert "speech" not in store.modalities()

    again = run(items, store)
    assert again.counts["speech"]["skipped"] == 4
    assert again.counts["textual"]["skipped"] == 5


def test_weights_that_cannot_be_fetched_are_an_error_with_the_alternatives(monkeypatch, tmp_path):
    def no_network(name):
        raise OSError("no network")

    monkeypatch.setattr("extract.hub.list_model", no_network)
    monkeypatch.setattr("huggingface_hub.constants.HF_HUB_CACHE", str(tmp_path))
    with pytest.raises(WeightsUnavailable, match=r"some/whisper are not .* its path as `speech`"):
        speech_target(ExtractConfig(speech="some/whisper"))
