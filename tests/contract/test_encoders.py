"""The contract of every encoder; a new one is tested here without a change.

An encoder whose weights do not come with a package needs a recipe for small ones in
`tests/networks.py`.
"""

import json
import shutil
from functools import cache
from pathlib import Path
from typing import get_args

import numpy as np
import pytest
import torch

from extract.config import Reads
from extract.encoder import ENCODERS, Encoder
from extract.weights import WeightsUnavailable, WrongWeights
from tests import networks

NAMES = ENCODERS.names()


@pytest.fixture(autouse=True)
def _small_speech_network(monkeypatch):
    monkeypatch.setattr("torchaudio.models.wav2vec2_base", networks.small_wav2vec2_base)


@pytest.fixture(params=NAMES)
def encoder(request):
    return networks.loaded(request.param)


def those_that_read(*kinds):
    return [name for name in NAMES if ENCODERS.get(name).reads in kinds]


HAVING_WEIGHTS = [name for name in NAMES if ENCODERS.get(name).weights]
with_weights = pytest.mark.parametrize("encoder", HAVING_WEIGHTS, indirect=True)
hearing = pytest.mark.parametrize("encoder", those_that_read("waveform"), indirect=True)
seeing = pytest.mark.parametrize("encoder", those_that_read("frames"), indirect=True)
taking_blocks = pytest.mark.parametrize(
    "encoder", those_that_read("frames", "waveform"), indirect=True
)


@cache
def output(name):
    """Five units, from one clip or from several, and their rows."""
    encoder = networks.loaded(name)
    if encoder.reads in ("frames", "waveform"):
        units = encoder.prepare(networks.sample(encoder, 5))
    else:
        samples = [networks.sample(encoder, 1, seed=seed) for seed in range(5)]
        units = [unit for sample in samples for unit in encoder.prepare(sample)]
    return units, encoder.encode(units)


@pytest.fixture
def units(encoder):
    return output(encoder.name)[0]


@pytest.fixture
def rows(encoder):
    return output(encoder.name)[1]


def test_its_name_is_the_registered_one(encoder, request):
    assert encoder.name == request.node.callspec.params["encoder"]
    assert encoder.reads in get_args(Reads)
    assert encoder.batch_units >= 1


def test_construction_loads_no_weights(encoder):
    assert type(encoder)("no/such/weights").given_weights == "no/such/weights"
    assert type(encoder)().given_weights is None


def test_each_unit_has_one_finite_row_of_width_dim(encoder, units, rows):
    assert len(units) == 5
    assert rows.shape == (5, encoder.dim)
    assert rows.dtype == np.float32
    assert np.isfinite(rows).all()


def test_different_units_have_different_rows(rows):
    assert len(np.unique(rows.round(4), axis=0)) == 5


def test_rows_do_not_depend_on_the_batch(encoder, units, rows):
    alone = np.concatenate([encoder.encode(units[i : i + 1]) for i in range(5)])
    np.testing.assert_allclose(rows, alone, rtol=1e-4, atol=1e-5 * np.abs(rows).max())


def test_rows_come_in_the_order_of_their_units(encoder, units, rows):
    order = [3, 0, 1, 4, 2]
    shuffled = [units[i] for i in order] if isinstance(units, list) else units[order]
    found = encoder.encode(shuffled)
    np.testing.assert_allclose(found, rows[order], rtol=1e-4, atol=1e-5 * np.abs(rows).max())


def test_the_same_units_give_the_same_rows_to_the_bit(encoder, units, rows):
    before = units.copy()
    np.testing.assert_array_equal(encoder.encode(units), rows)
    np.testing.assert_array_equal(units, before)


@taking_blocks
def test_units_do_not_depend_on_the_division_into_blocks(encoder):
    whole = networks.sample(encoder, 5)
    before = whole.data.copy()
    units = encoder.prepare(whole)
    blocks = [encoder.prepare(networks.part(whole, i, j)) for i, j in ((0, 1), (1, 4), (4, 5))]
    np.testing.assert_array_equal(np.concatenate(blocks), units)
    np.testing.assert_array_equal(whole.data, before)
    assert units.flags.c_contiguous


@hearing
def test_silence_has_a_finite_row(encoder):
    silence = networks.sample(encoder, 1)
    silence.data[:] = 0
    assert np.isfinite(encoder.encode(encoder.prepare(silence))).all()


@hearing
def test_audio_that_ends_early_has_a_finite_row(encoder):
    for num_samples in (1, 300, 20_000):
        short = networks.sample(encoder, 1)
        short.data[:, num_samples:] = 0
        assert np.isfinite(encoder.encode(encoder.prepare(short))).all()


@seeing
@pytest.mark.parametrize("size", [(1, 1), (3, 2), (1, 300), (224, 224), (37, 1001)])
def test_a_frame_of_any_size_has_a_finite_row(encoder, size):
    grey = networks.Frames(np.full((1, *size, 3), 90, dtype=np.uint8), np.zeros(1))
    assert np.isfinite(encoder.encode(encoder.prepare(grey))).all()


def test_its_provenance_is_json_and_names_it(encoder):
    message = encoder.provenance
    assert json.loads(json.dumps(message)) == message
    assert message["encoder"] == encoder.name
    assert message == encoder.provenance


@hearing
def test_its_provenance_has_the_audio_windows(encoder):
    message = encoder.provenance
    for name in ("sample_rate_hz", "window_seconds", "hop_seconds", "min_window_seconds"):
        assert message[name] == getattr(encoder, name)


@with_weights
def test_its_provenance_follows_its_weights(encoder, tmp_path):
    given = Path(networks.weights(encoder.name) or encoder.weights.locate())
    other = tmp_path / given.name
    if given.is_dir():
        shutil.copytree(given, other)
        numbers = other / "model.safetensors"
    else:
        numbers = shutil.copyfile(given, other)
    kind = type(encoder)
    assert kind(str(other)).provenance == kind(str(given)).provenance
    with numbers.open("ab") as file:
        file.write(b"\0")
    assert kind(str(other)).provenance != kind(str(given)).provenance


@pytest.mark.parametrize("name", HAVING_WEIGHTS)
def test_missing_weights_and_those_of_another_network_are_reported(name, tmp_path):
    kind = ENCODERS.get(name)
    with pytest.raises(WeightsUnavailable, match=r"no weights at .*absent; pass a path, or one"):
        kind(str(tmp_path / "absent")).load()
    torch.save({"weight": torch.ones(2)}, tmp_path / "other.pth")
    (tmp_path / "empty").mkdir()
    for other in ("other.pth", "empty"):
        with pytest.raises(
            WrongWeights, match=r"other network|contains no|is not a file|is a file"
        ):
            kind(str(tmp_path / other)).load()


def test_it_can_be_built_by_name_in_another_process(encoder):
    kind = type(encoder)
    assert issubclass(kind, Encoder)
    assert kind.__qualname__ == kind.__name__
    assert kind.__module__ != "__main__"
