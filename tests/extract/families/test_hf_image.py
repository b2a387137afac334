"""hf for images: rows are those of the library's own image processor and network."""

import json
import shutil

import numpy as np
import pytest
import torch
from PIL import Image

from extract.family import UnknownModel, encoder_named
from extract.media import Frames
from extract.weights import WeightsUnavailable, WrongWeights
from tests import small_models


def frames():
    data = np.random.default_rng(0).integers(0, 256, (3, 45, 80, 3), dtype=np.uint8)
    return Frames(data, np.arange(3.0))


def rows_of(words, *, pooling=None):
    encoder = encoder_named(f"hf:{words}", reads="frames")
    encoder.pooling = pooling
    encoder.load()
    rows = encoder.encode(encoder.prepare(frames()))
    assert rows.shape == (3, encoder.dim)
    return rows


def own_outputs(folder, call=None):
    """The output of the library's own processor and network, for images of PIL."""
    from transformers import AutoImageProcessor, AutoModel

    processor = AutoImageProcessor.from_pretrained(folder)
    network = AutoModel.from_pretrained(folder).eval()
    images = [Image.fromarray(frame) for frame in frames().data]
    inputs = processor(images=images, return_tensors="pt")
    with torch.inference_mode():
        return (call or network.__class__.__call__)(network, **inputs)


def test_clip_gives_the_projected_image():
    found = own_outputs(small_models.clip(), lambda net, **given: net.get_image_features(**given))
    expected = getattr(found, "pooler_output", found).numpy()
    np.testing.assert_allclose(rows_of(small_models.clip()), expected, rtol=0, atol=1e-5)


@pytest.mark.parametrize("make", [small_models.dinov2, small_models.convnext])
def test_other_networks_give_their_pooled_output(make):
    expected = own_outputs(make()).pooler_output.flatten(1).numpy()
    np.testing.assert_allclose(rows_of(make()), expected, rtol=0, atol=1e-5)


@pytest.mark.filterwarnings("ignore")  # transformers reports the pooler that it makes up
def test_a_pooler_without_weights_is_not_used():
    """The file of a classifier has none; transformers would initialise one at random."""
    expected = own_outputs(small_models.vit()).last_hidden_state[:, 0].numpy()
    np.testing.assert_allclose(rows_of(small_models.vit()), expected, rtol=0, atol=1e-5)


@pytest.mark.parametrize("pooling", ["mean", "cls"])
def test_pooling_is_as_requested(pooling):
    states = own_outputs(small_models.dinov2()).last_hidden_state
    expected = states.mean(dim=1) if pooling == "mean" else states[:, 0]
    rows = rows_of(small_models.dinov2(), pooling=pooling)
    np.testing.assert_allclose(rows, expected.numpy(), rtol=0, atol=1e-5)


def test_a_number_is_a_hidden_state():
    def states(network, **given):
        return network(**given, output_hidden_states=True).hidden_states

    expected = own_outputs(small_models.dinov2(), states)[1].mean(dim=1).numpy()
    np.testing.assert_allclose(rows_of(f"{small_models.dinov2()}@1"), expected, rtol=0, atol=1e-5)


def test_an_unknown_hidden_state_is_reported():
    with pytest.raises(UnknownModel, match="network, which has 3 hidden states, is called '9'"):
        _ = encoder_named(f"hf:{small_models.dinov2()}@9", reads="frames").dim


def test_other_processors_normalise_each_frame(tmp_path):
    """The output of a processor that does more than scale and normalise is used unchanged."""
    folder = shutil.copytree(small_models.dinov2(), tmp_path / "net")
    path = folder / "preprocessor_config.json"
    settings = json.loads(path.read_text()) | {"image_processor_type": "EfficientNetImageProcessor"}
    size = {"height": 36, "width": 36}
    path.write_text(
        json.dumps(settings | {"rescale_offset": True, "include_top": False, "size": size})
    )
    encoder = encoder_named(f"hf:{folder}", reads="frames")
    encoder.load()
    units = encoder.prepare(frames())
    assert units.dtype == np.float32
    expected = own_outputs(folder).pooler_output.numpy()
    np.testing.assert_allclose(encoder.encode(units), expected, rtol=0, atol=1e-5)


def test_torch_files_are_read_too(tmp_path):
    from safetensors.torch import load_file

    folder = shutil.copytree(small_models.dinov2(), tmp_path / "net")
    torch.save(load_file(folder / "model.safetensors"), folder / "pytorch_model.bin")
    (folder / "model.safetensors").unlink()
    expected = rows_of(small_models.dinov2())
    np.testing.assert_array_equal(rows_of(folder), expected)


def test_shards_are_one_set_of_weights(tmp_path):
    from transformers import Dinov2Model

    folder = shutil.copytree(small_models.dinov2(), tmp_path / "net")
    (folder / "model.safetensors").unlink()
    network = Dinov2Model.from_pretrained(small_models.dinov2())
    network.save_pretrained(folder, max_shard_size="8kB")
    assert len(list(folder.glob("model-*.safetensors"))) > 1
    np.testing.assert_array_equal(rows_of(folder), rows_of(small_models.dinov2()))
    before = encoder_named(f"hf:{folder}", reads="frames").provenance
    last = sorted(folder.glob("model-*.safetensors"))[-1]
    last.write_bytes(last.read_bytes() + b"\0")
    assert encoder_named(f"hf:{folder}", reads="frames").provenance != before


def test_a_folder_of_another_kind_is_refused(tmp_path):
    (tmp_path / "config.json").write_text("{}")
    with pytest.raises(WrongWeights, match="contains no network of transformers: "):
        _ = encoder_named(f"hf:{tmp_path}", reads="frames").dim


def test_missing_tensors_are_not_initialised_at_random(tmp_path):
    from safetensors.torch import load_file, save_file

    folder = shutil.copytree(small_models.dinov2(), tmp_path / "net")
    state = load_file(folder / "model.safetensors")
    state.pop("layernorm.weight")
    save_file(state, folder / "model.safetensors", metadata={"format": "pt"})
    with pytest.raises(WrongWeights, match=r"it lacks 1 tensors, layernorm\.weight"):
        rows_of(folder)


def test_code_in_a_folder_is_never_run(tmp_path):
    folder = shutil.copytree(small_models.dinov2(), tmp_path / "net")
    (folder / "own.py").write_text("raise SystemExit('code of the folder was run')")
    path = folder / "config.json"
    settings = json.loads(path.read_text())
    settings |= {"model_type": "own", "auto_map": {"AutoConfig": "own.Config"}}
    path.write_text(json.dumps(settings))
    with pytest.raises(WrongWeights, match=r"contains no network for images: .* custom code"):
        rows_of(folder)


def test_a_name_that_is_neither_a_folder_nor_on_the_hub_is_reported():
    with pytest.raises(
        WeightsUnavailable, match="no folder at clip; pass the path of a folder, or"
    ):
        rows_of("clip")
