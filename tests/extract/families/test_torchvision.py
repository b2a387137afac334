"""torchvision: rows are the input of the classifier, with the weights' own preprocessing."""

import numpy as np
import pytest
import torch
from PIL import Image
from torchvision import models

from extract.families._network import without_weights
from extract.families._torchvision_weights import build_network, head_of
from extract.family import encoder_named
from extract.media import Frames
from extract.weights import WeightsUnavailable, WrongWeights
from tests import small_models


def frames():
    data = np.random.default_rng(0).integers(0, 256, (3, 90, 160, 3), dtype=np.uint8)
    return Frames(data.repeat(2, axis=1).repeat(2, axis=2), np.arange(3.0))


def loaded(words):
    encoder = encoder_named(f"torchvision:{words}", reads="frames")
    encoder.load()
    return encoder


def rows_of(words):
    encoder = loaded(words)
    rows = encoder.encode(encoder.prepare(frames()))
    assert rows.shape == (3, encoder.dim)
    return rows


def own_rows(name, path):
    """The input of a module of the library's network, with the library's own preprocessing."""
    network = models.get_model(name, weights=None).eval()
    network.load_state_dict(torch.load(small_models.torchvision_file(name), weights_only=True))
    transform = models.get_model_weights(name).DEFAULT.transforms()
    given = []
    network.get_submodule(path).register_forward_hook(lambda *call: given.append(call[1:]))
    with torch.inference_mode():
        network(torch.stack([transform(Image.fromarray(frame)) for frame in frames().data]))
    ((inputs, output),) = given
    return inputs[0], output


@pytest.mark.parametrize(
    ("name", "head"), [("shufflenet_v2_x0_5", "fc"), ("mobilenet_v3_small", "classifier.3")]
)
def test_rows_are_the_input_of_the_classifier(name, head):
    expected, _ = own_rows(name, head)
    rows = rows_of(f"{name}:{small_models.torchvision_file(name)}")
    np.testing.assert_allclose(rows, expected.numpy(), rtol=0, atol=1e-5)


def test_a_convolutional_classifier_is_skipped_and_its_input_pooled():
    """SqueezeNet: convolution, rectifier and mean; without the convolution, a mean of its input."""
    maps, _ = own_rows("squeezenet1_1", "classifier.1")
    rows = rows_of(f"squeezenet1_1:{small_models.torchvision_file('squeezenet1_1')}")
    np.testing.assert_allclose(rows, maps.mean(dim=(2, 3)).numpy(), rtol=0, atol=1e-5)


def test_a_layer_is_a_module_and_its_row_the_mean_over_positions():
    _, maps = own_rows("shufflenet_v2_x0_5", "stage3")
    file = small_models.torchvision_file("shufflenet_v2_x0_5")
    rows = rows_of(f"shufflenet_v2_x0_5:{file}@stage3")
    np.testing.assert_allclose(rows, maps.mean(dim=(2, 3)).numpy(), rtol=0, atol=1e-5)


@pytest.mark.parametrize(
    "name",
    [
        *("alexnet", "convnext_tiny", "densenet121", "efficientnet_b0", "googlenet"),
        *("inception_v3", "maxvit_t", "mnasnet0_5", "mobilenet_v2", "regnet_y_400mf", "resnet18"),
        *("swin_v2_t", "vgg11", "vit_b_16"),
    ],
)
def test_the_classifier_of_each_architecture_is_found(name):
    _, head = without_weights(lambda: head_of(build_network(name)))
    classes = getattr(head, "out_features", getattr(head, "out_channels", None))
    assert classes == 1000


def test_a_classifier_of_another_size_is_accepted(tmp_path):
    file = small_models.torchvision_file("shufflenet_v2_x0_5")
    seven = small_models.seven_classes(file, tmp_path / "7.pth", "fc.weight", "fc.bias")
    rows = rows_of(f"shufflenet_v2_x0_5:{seven}")
    np.testing.assert_array_equal(rows, rows_of(f"shufflenet_v2_x0_5:{file}"))


def test_weights_have_names_and_each_its_own_preprocessing():
    first, second = (
        encoder_named(f"torchvision:resnet50{weights}", reads="frames")
        for weights in (":IMAGENET1K_V1", "")
    )
    assert first.published.sha256 == "0676ba61"
    assert second.published.sha256 == "11ad3fa6"
    assert [encoder._preset.resize_size for encoder in (first, second)] == [[256], [232]]


def test_weights_of_another_network_are_refused(tmp_path):
    file = small_models.torchvision_file("squeezenet1_1")
    with pytest.raises(WrongWeights, match=r"another network: it lacks conv1\.0\.weight"):
        loaded(f"shufflenet_v2_x0_5:{file}")
    with pytest.raises(WeightsUnavailable, match=r"is a folder; the path of a file of weights is"):
        loaded(f"shufflenet_v2_x0_5:{tmp_path}")
    with pytest.raises(WeightsUnavailable, match=r"names no network; .*: torchvision:NAME:/"):
        loaded(str(file))
