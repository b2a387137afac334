"""hf for audio: rows are those of the library's own feature extractor and network."""

import json
import shutil

import numpy as np
import pytest
import torch

from extract.family import UnknownModel, encoder_named
from extract.weights import WrongWeights
from tests import networks, small_models


def windows(encoder):
    """Two windows; the clip ends in the second."""
    sample = networks.sample(encoder, 2)
    length = round(0.4 * sample.data.shape[1])
    sample.data[1, length:] = 0
    return sample, (sample.data.shape[1], length)


def rows_of(words):
    encoder = encoder_named(f"hf:{words}", reads="waveform")
    encoder.load()
    sample, lengths = windows(encoder)
    rows = encoder.encode(encoder.prepare(sample))
    assert rows.shape == (2, encoder.dim)
    given = [data[:length] for data, length in zip(sample.data, lengths, strict=True)]
    return rows, given, encoder


def own_outputs(folder, waveforms, call=None):
    """The output of the library for each waveform alone."""
    from transformers import AutoFeatureExtractor, AutoModel

    extractor = AutoFeatureExtractor.from_pretrained(folder)
    network = AutoModel.from_pretrained(folder).eval()
    name = extractor.model_input_names[0]
    for waveform in waveforms:
        found = extractor(waveform, sampling_rate=extractor.sampling_rate, return_tensors="pt")
        with torch.inference_mode():
            yield (call or network.__class__.__call__)(network, found[name].float())


@pytest.mark.parametrize("make", [small_models.wav2vec2, small_models.hubert, small_models.wavlm])
def test_a_speech_network_gives_the_mean_of_its_last_states(make):
    rows, given, encoder = rows_of(make())
    assert (encoder.sample_rate_hz, encoder.window_seconds) == (16_000, 5.0)
    for row, found in zip(rows, own_outputs(make(), given), strict=True):
        expected = found.last_hidden_state[0].mean(dim=0).numpy()
        np.testing.assert_allclose(row, expected, rtol=0, atol=1e-5)


def test_whisper_gives_the_mean_of_its_encoder_over_the_audio():
    rows, given, encoder = rows_of(small_models.whisper())
    assert (encoder.sample_rate_hz, encoder.window_seconds) == (16_000, 30.0)
    outputs = own_outputs(
        small_models.whisper(), given, lambda net, batch: net.get_encoder()(batch)
    )
    for row, found, samples in zip(rows, outputs, given, strict=True):
        states = found.last_hidden_state[0]  # (1500, D), one per 320 samples
        assert len(states) == 1500
        expected = states[: -(-len(samples) // 320)].mean(dim=0).numpy()
        np.testing.assert_allclose(row, expected, rtol=0, atol=1e-5)


def test_ast_gives_its_pooled_output():
    rows, given, encoder = rows_of(small_models.ast())
    assert encoder.window_seconds == pytest.approx(0.64)
    for row, found in zip(rows, own_outputs(small_models.ast(), given), strict=True):
        np.testing.assert_allclose(row, found.pooler_output[0].numpy(), rtol=0, atol=1e-5)


def test_clap_gives_the_projected_audio():
    rows, given, encoder = rows_of(small_models.clap())
    assert (encoder.sample_rate_hz, encoder.window_seconds) == (48_000, 10.0)
    outputs = own_outputs(
        small_models.clap(), given, lambda net, batch: net.get_audio_features(batch)
    )
    for row, found in zip(rows, outputs, strict=True):
        expected = getattr(found, "pooler_output", found)[0].numpy()
        np.testing.assert_allclose(row, expected, rtol=0, atol=1e-5)


def test_a_number_is_a_hidden_state():
    rows, given, _ = rows_of(f"{small_models.wav2vec2()}@1")

    def states(network, batch):
        return network(batch, output_hidden_states=True).hidden_states[1]

    for row, found in zip(rows, own_outputs(small_models.wav2vec2(), given, states), strict=True):
        np.testing.assert_allclose(row, found[0].mean(dim=0).numpy(), rtol=0, atol=1e-5)


def test_the_path_of_a_module_is_refused():
    with pytest.raises(UnknownModel, match=r"number of a hidden state is called 'encoder\.layers'"):
        encoder_named(f"hf:{small_models.wav2vec2()}@encoder.layers", reads="waveform")


def test_windows_are_part_of_the_provenance():
    message = encoder_named(f"hf:{small_models.ast()}", reads="waveform").provenance
    assert message["window_seconds"] == message["hop_seconds"] == pytest.approx(0.64)
    assert message["spectrogram"] in ("torchaudio", "numpy")


def test_a_fused_network_is_refused(tmp_path):
    folder = shutil.copytree(small_models.clap(), tmp_path / "clap")
    path = folder / "preprocessor_config.json"
    path.write_text(json.dumps(json.loads(path.read_text()) | {"truncation": "fusion"}))
    with pytest.raises(WrongWeights, match="contains a fused CLAP network; an unfused one"):
        _ = encoder_named(f"hf:{folder}", reads="waveform").dim


def test_a_network_for_images_is_refused():
    with pytest.raises(WrongWeights, match=r"contains .*feature extractor"):
        _ = encoder_named(f"hf:{small_models.dinov2()}", reads="waveform").window_seconds
