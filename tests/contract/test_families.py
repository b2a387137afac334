"""The contract of the encoders of every family, tested with one model of each."""

import json

import numpy as np
import pytest
from torchvision.transforms._presets import VideoClassification

from extract.encoder import ENCODERS
from extract.encoders.sentence import PACKAGE
from extract.families.torchvision import TorchvisionVideo
from extract.family import FAMILIES, encoder_named
from extract.workers.messages import EncoderSpec
from tests import networks, small_models

# (family, what it reads) -> a small model of it, as after the family's name and colon.
MODELS = {
    ("timm", "frames"): lambda: f"test_convnext:{small_models.timm_file('test_convnext')}",
    ("torchvision", "frames"): lambda: (
        f"squeezenet1_1:{small_models.torchvision_file('squeezenet1_1')}"
    ),
    ("torchvision", "video"): lambda: f"mc3_18:{small_models.torchvision_file('mc3_18')}",
    ("hf", "video"): lambda: str(small_models.videomae()),
    ("hf", "frames"): lambda: str(small_models.clip()),
    ("hf", "waveform"): lambda: str(small_models.ast()),
    ("hf", "text"): lambda: str(small_models.bert()),
    ("st", "text"): lambda: str(PACKAGE.locate()),
}
OFFERS = [(name, reads) for name in FAMILIES.names() for reads in FAMILIES.get(name).reads]


@pytest.fixture(params=OFFERS, ids=lambda offer: "-".join(offer), scope="module")
def encoder(request):
    name, reads = request.param
    with pytest.MonkeyPatch.context() as patch:
        if (name, reads) == ("torchvision", "video"):  # frames of 112 pixels take seconds
            small = VideoClassification(crop_size=(24, 24), resize_size=(28, 36))
            patch.setattr(TorchvisionVideo, "_preset", small)
        found = encoder_named(f"{name}:{MODELS[request.param]()}", reads=reads)
        found.load()
        yield found


@pytest.fixture
def output(encoder):
    """Five units and their rows."""
    if encoder.reads == "text":
        texts = [networks.sample(encoder, 1, seed=seed) for seed in range(5)]
        units = [unit for text in texts for unit in encoder.prepare(text)]
    else:
        units = encoder.prepare(networks.sample(encoder, 5))
    if encoder.reads == "video":
        units = units.reshape(5, encoder.num_window_frames, *units.shape[1:])
    return units, encoder.encode(units)


def test_no_family_has_the_name_of_an_encoder():
    assert not set(FAMILIES.names()) & set(ENCODERS.names())


def test_each_unit_has_one_finite_row_of_width_dim(encoder, output):
    units, rows = output
    assert len(units) == 5
    assert rows.shape == (5, encoder.dim)
    assert rows.dtype == np.float32
    assert np.isfinite(rows).all()
    assert len(np.unique(rows.round(5), axis=0)) == 5


def test_rows_do_not_depend_on_the_batch(encoder, output):
    units, rows = output
    alone = np.concatenate([encoder.encode(units[i : i + 1]) for i in range(5)])
    np.testing.assert_allclose(rows, alone, rtol=1e-4, atol=1e-5 * np.abs(rows).max())


def test_units_do_not_depend_on_the_division_into_blocks(encoder):
    if encoder.reads == "text":
        pytest.skip("a text is one unit")
    whole = networks.sample(encoder, 5)
    units = encoder.prepare(whole)
    blocks = [encoder.prepare(networks.part(whole, i, j)) for i, j in ((0, 1), (1, 4), (4, 5))]
    np.testing.assert_array_equal(np.concatenate(blocks), units[:5])
    assert units.flags.c_contiguous


def test_a_batch_has_a_number_of_units_that_does_not_depend_on_the_machine(encoder):
    assert encoder.batch_units >= 1
    assert encoder.unit_bytes >= 1


def test_its_provenance_is_json_and_names_it(encoder):
    message = encoder.provenance
    assert json.loads(json.dumps(message)) == message
    assert message["encoder"] == encoder.name
    assert encoder.name.partition(":")[0] in FAMILIES.names()
    assert not any(str(networks.folder()) in str(value) for value in message.values())


def test_another_process_builds_the_same_encoder(encoder):
    spec = EncoderSpec.of(encoder)
    built = spec.build()
    assert type(built) is type(encoder)
    assert built.provenance == encoder.provenance
    assert built.dim == encoder.dim


def test_a_frame_of_the_smallest_size_has_a_row(encoder):
    if encoder.reads not in ("frames", "video"):
        pytest.skip("it does not read frames")
    for size in ((1, 1), (1, 300), (37, 1001)):
        grey = networks.Frames(np.full((1, *size, 3), 90, dtype=np.uint8), np.zeros(1))
        units = encoder.prepare(grey)
        if encoder.reads == "video":
            units = units.repeat(encoder.num_window_frames, axis=0)[None]
        assert np.isfinite(encoder.encode(units)).all()
