"""clap: rows are those of the library's own feature extractor and network."""

import json
import shutil
from pathlib import Path

import numpy as np
import pytest
import torch

from extract.encoders.clap import Clap
from extract.weights import WrongWeights
from tests import networks


@pytest.fixture(scope="module")
def encoder():
    return networks.loaded("clap")


@pytest.fixture
def folder(tmp_path):
    return Path(shutil.copytree(networks.weights("clap"), tmp_path / "clap"))


def change(path, **settings):
    path.write_text(json.dumps(json.loads(path.read_text()) | settings))


def test_a_row_is_the_librarys_own_embedding_of_length_one(encoder):
    from transformers import ClapFeatureExtractor, ClapModel

    sample = networks.sample(encoder, 2)
    sample.data[1, 100_000:] = 0  # the clip ends here
    extractor = ClapFeatureExtractor.from_pretrained(networks.weights("clap"))
    network = ClapModel.from_pretrained(networks.weights("clap")).eval()
    for index, length in ((0, 480_000), (1, 100_000)):
        given = extractor(sample.data[index, :length], sampling_rate=48_000, return_tensors="pt")
        with torch.inference_mode():
            found = network.get_audio_features(given["input_features"])
        found = getattr(found, "pooler_output", found)[0]  # a tensor before transformers 5
        expected = found / found.norm()
        row = encoder.encode(encoder.prepare(sample))[index]
        np.testing.assert_allclose(row, expected, rtol=1e-3, atol=1e-5)
        np.testing.assert_allclose(np.linalg.norm(row), 1, rtol=1e-5)


def test_its_width_is_that_of_the_weights(encoder):
    assert encoder.dim == 24
    assert Clap().dim == 512


@pytest.mark.parametrize(
    ("settings", "match"),
    [
        ({"truncation": "fusion"}, "contains a fused CLAP network; an unfused one is expected"),
        (
            {"sampling_rate": 16_000, "frequency_max": 8_000},
            "contains a CLAP network for 16000 Hz; one for 48000 Hz is exp",
        ),
    ],
)
def test_a_fused_network_and_another_sample_rate_are_refused(folder, settings, match):
    change(folder / "preprocessor_config.json", **settings)
    with pytest.raises(WrongWeights, match=match):
        Clap(str(folder)).load()


def test_the_settings_of_the_spectrogram_are_part_of_the_provenance(folder):
    before = Clap(str(folder)).provenance
    change(folder / "preprocessor_config.json", frequency_min=60)
    assert Clap(str(folder)).provenance != before
