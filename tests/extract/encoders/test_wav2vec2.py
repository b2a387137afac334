"""wav2vec2: the mean over the audio of a window, and the network of a file."""

import numpy as np
import pytest
import torch
import torchaudio

from extract.encoders.wav2vec2 import BASE, NETWORKS, Wav2Vec2, _normalised
from extract.weights import WrongWeights
from tests import networks


@pytest.fixture(autouse=True)
def small_network(monkeypatch):
    monkeypatch.setattr("torchaudio.models.wav2vec2_base", networks.small_wav2vec2_base)


@pytest.fixture
def encoder():
    return networks.loaded("wav2vec2")


@pytest.fixture
def waves(encoder):
    return networks.sample(encoder, 2).data


def test_a_row_is_the_mean_of_the_last_layer(encoder, waves):
    network = networks.small_wav2vec2_base().eval()
    network.load_state_dict(torch.load(networks.weights("wav2vec2"), weights_only=True))
    with torch.inference_mode():
        states, _ = network(torch.from_numpy(waves))  # (2, 249, 768)
    np.testing.assert_allclose(encoder.encode(waves), states.mean(dim=1), rtol=1e-4, atol=1e-5)


def test_the_padding_of_the_last_window_does_not_count(encoder, waves):
    waves[1, 20_000:] = 0
    states, ends = encoder._network(torch.from_numpy(waves), torch.tensor([80_000, 20_000]))
    assert ends.tolist() == [249, 62]  # a frame every 320 samples, the first from 400
    np.testing.assert_allclose(encoder.encode(waves)[1], states[1, :62].mean(dim=0), rtol=1e-5)


def test_audio_is_normalised_window_by_window_without_its_padding():
    waves = torch.tensor([[1.0, 3.0, 0.0, 0.0], [4.0, -4.0, 4.0, -4.0]])
    found = _normalised(waves, torch.tensor([2, 4]))
    # (1, 3): mean 2, deviation 1; (4, -4, 4, -4): mean 0, deviation 4
    expected = torch.tensor([[-1.0, 1.0, 0.0, 0.0], [1.0, -1.0, 1.0, -1.0]])
    torch.testing.assert_close(found, expected, rtol=1e-4, atol=1e-5)


def test_tensors_named_as_when_they_were_published_are_read(encoder, waves, tmp_path):
    state = torch.load(networks.weights("wav2vec2"), weights_only=True)
    old = {
        name.replace("parametrizations.weight.original0", "weight_g").replace(
            "parametrizations.weight.original1", "weight_v"
        ): value
        for name, value in state.items()
    }
    assert old.keys() != state.keys()
    torch.save(old, tmp_path / BASE.file_name)
    other = Wav2Vec2(str(tmp_path / BASE.file_name))
    other.load()
    np.testing.assert_array_equal(other.encode(waves), encoder.encode(waves))


@pytest.mark.parametrize("published", NETWORKS, ids=lambda weights: weights.name)
def test_each_name_is_that_of_a_pipeline_with_such_a_network(published):
    network, pipeline = NETWORKS[published], getattr(torchaudio.pipelines, published.name)
    with torch.device("meta"):
        ours = getattr(torchaudio.models, network.builder)
        if network.builder == "wav2vec2_base":
            ours = torchaudio.models.wav2vec2.model.wav2vec2_base
        built, theirs = ours(), torchaudio.models.wav2vec2_model(**pipeline._params)
    shapes = {name: value.shape for name, value in built.state_dict().items()}
    assert shapes == {name: value.shape for name, value in theirs.state_dict().items()}
    assert published.file_name == pipeline._path
    assert network.normalises == pipeline._normalize_waveform
    assert network.dim == pipeline._params["encoder_embed_dim"]
    assert pipeline.sample_rate == Wav2Vec2.sample_rate_hz


@pytest.mark.parametrize(
    ("given", "network", "dim"),
    [
        (None, "WAV2VEC2_BASE", 768),
        ("own.pth", "WAV2VEC2_BASE", 768),
        ("WAV2VEC2_XLSR53", "WAV2VEC2_XLSR53", 1024),
        ("/some/where/hubert_fairseq_large_ll60k.pth", "HUBERT_LARGE", 1024),
    ],
)
def test_the_network_follows_from_the_name_of_the_weights(given, network, dim):
    encoder = Wav2Vec2(given)
    assert (encoder._like.name, encoder.dim) == (network, dim)


def test_weights_of_another_network_are_refused(tmp_path):
    torch.save({"a": torch.zeros(2)}, tmp_path / "a.pth")
    with pytest.raises(
        WrongWeights, match=r"a\.pth contains the weights of another network: it lacks"
    ):
        Wav2Vec2(str(tmp_path / "a.pth")).load()
