"""Speech: tokens are those that transformers' own Whisper generates."""

import re
import shutil

import numpy as np
import pytest
import torch

from extract.families._hf_speech import HfSpeech
from extract.weights import WrongWeights
from tests import small_models


@pytest.fixture(scope="module")
def encoder():
    found = HfSpeech(str(small_models.transcriber()))
    found.load()
    return found


@pytest.fixture(scope="module")
def windows(encoder):
    """Noise of 30 s, silence, and noise of 6 s."""
    samples = round(encoder.window_seconds * encoder.sample_rate_hz)
    noise = np.random.default_rng(0).normal(size=(3, samples)) * 0.1
    noise[1], noise[2, 96_000:] = 0, 0
    return noise.clip(-1, 1).astype(np.float32)


@pytest.fixture(scope="module")
def rows(encoder, windows):
    return encoder.encode(windows)


def test_tokens_are_those_that_the_library_generates(windows, rows):
    from transformers import WhisperFeatureExtractor, WhisperForConditionalGeneration

    extractor = WhisperFeatureExtractor.from_pretrained(small_models.transcriber())
    network = WhisperForConditionalGeneration.from_pretrained(small_models.transcriber()).eval()
    for row, window in ((rows[0], windows[0]), (rows[2], windows[2, :96_000])):
        features = extractor(window, sampling_rate=16_000, return_tensors="pt").input_features
        (expected,) = network.generate(
            features,
            attention_mask=torch.ones_like(features[:, 0]),
            return_timestamps=True,
            task="transcribe",
            num_beams=1,
            do_sample=False,
        )
        assert len(expected) > 5
        tokens = expected.tolist()
        while tokens[-1] == network.generation_config.eos_token_id:
            tokens.pop()
        assert row[: len(tokens)].tolist() == tokens
        assert set(row[len(tokens) :]) <= {-1}


def test_a_row_is_the_same_whatever_else_is_in_the_batch(encoder, windows, rows):
    for index in range(3):
        np.testing.assert_array_equal(encoder.encode(windows[[index]])[0], rows[index])


def test_tokens_beyond_the_width_are_not_kept(encoder, windows, rows, monkeypatch):
    monkeypatch.setattr(encoder, "dim", 3)
    np.testing.assert_array_equal(encoder.encode(windows[:1]), rows[:1, :3])


def test_words_and_times_are_those_of_the_library(encoder, rows):
    from transformers import WhisperTokenizer

    tokenizer = WhisperTokenizer.from_pretrained(small_models.transcriber())
    ids = [int(token) for token in rows[2] if token >= 0]
    spoken = tokenizer.decode(ids, skip_special_tokens=True, output_offsets=True)
    found = encoder.segments(rows[2:], np.array([90.0]))
    assert "".join(words for *_, words in found).split() == spoken["text"].split()
    if len(found) > 1:
        first = spoken["offsets"][0]["timestamp"]
        assert found[0][:2] == pytest.approx((90 + first[0], 90 + first[1]))


def test_windows_of_a_clip_follow_each_other(encoder, rows):
    together = encoder.segments(rows, np.array([0.0, 30.0, 60.0]))
    first, last = (encoder.segments(rows[i : i + 1], np.array([30.0 * i])) for i in (0, 2))
    assert together == first + last


def test_silence_has_no_words(encoder, rows):
    assert set(rows[1]) == {-1.0}
    assert encoder.segments(rows[1:2], np.zeros(1)) == ()


def test_words_without_timestamps_are_anywhere_in_the_window(encoder):
    row = np.full((1, encoder.dim), -1, dtype=np.float32)
    row[0, :2] = encoder._tokenizer.convert_tokens_to_ids(["h", "i"])
    assert encoder.segments(row, np.array([30.0])) == ((30.0, 60.0, "hi"),)


@pytest.mark.parametrize(
    ("file", "message"),
    [
        ("tokenizer.json", "contains no tokenizer: one of tokenizer.json, vocab.txt, vocab.json"),
        ("generation_config.json", "has no generation_config.json; copy the whole folder"),
    ],
)
def test_a_folder_that_was_copied_in_part_is_refused(tmp_path, file, message):
    folder = shutil.copytree(small_models.transcriber(), tmp_path / "net")
    (folder / file).unlink()
    with pytest.raises(WrongWeights, match=re.escape(message)):
        HfSpeech(str(folder)).load()


def test_another_network_is_refused():
    with pytest.raises(WrongWeights, match="contains a network 'wav2vec2'; a Whisper network is"):
        _ = HfSpeech(str(small_models.wav2vec2())).dim
