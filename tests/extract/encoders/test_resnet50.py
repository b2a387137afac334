"""resnet50: torchvision's network with the preprocessing of its weights."""

import re

import numpy as np
import pytest
import torch
from torchvision.models import ResNet50_Weights, resnet50
from torchvision.models.resnet import Bottleneck, ResNet

from extract.encoders.resnet50 import IMAGENET1K_V2, ResNet50
from extract.media import Frames
from extract.weights import WrongWeights
from tests import networks


@pytest.fixture(scope="module")
def encoder():
    return networks.loaded("resnet50")


@pytest.fixture(scope="module")
def images(encoder):
    return encoder.prepare(networks.sample(encoder, 2))


def test_a_frame_is_preprocessed_by_the_transforms_of_the_weights(encoder):
    from PIL import Image

    transforms = ResNet50_Weights.IMAGENET1K_V2.transforms()
    mean, std = torch.tensor(transforms.mean), torch.tensor(transforms.std)
    frames = networks.sample(encoder, 2)
    for frame, image in zip(frames.data, encoder.prepare(frames), strict=True):
        theirs = transforms(Image.fromarray(frame)) * std.view(3, 1, 1) + mean.view(3, 1, 1)
        difference = np.abs(theirs.numpy() * 255 - image)
        assert difference.max() < 1.01  # a byte, which resizing rounds to
        assert difference.mean() < 0.01


def test_a_row_is_the_input_of_the_classifier(encoder, images):
    plain = resnet50()
    plain.load_state_dict(torch.load(networks.weights("resnet50"), weights_only=True))
    plain.fc = torch.nn.Identity()
    mean = torch.tensor([0.485, 0.456, 0.406]).view(1, 3, 1, 1)
    std = torch.tensor([0.229, 0.224, 0.225]).view(1, 3, 1, 1)
    with torch.inference_mode():
        expected = plain.eval()((torch.from_numpy(images) / 255 - mean) / std).numpy()
    found = encoder.encode(images)
    np.testing.assert_allclose(found, expected, rtol=1e-3, atol=1e-4 * np.abs(expected).max())


def test_the_weights_are_those_of_torchvision():
    assert IMAGENET1K_V2.where == ResNet50_Weights.IMAGENET1K_V2.url
    assert IMAGENET1K_V2.sha256 in IMAGENET1K_V2.file_name


@pytest.mark.slow
def test_onnx_runtime_gives_the_same_rows(images, tmp_path, monkeypatch):
    """The network has only the first block of each stage, with all operators of the others."""
    monkeypatch.setattr("torchvision.models.resnet50", lambda: ResNet(Bottleneck, [1, 1, 1, 1]))
    state = torch.load(networks.weights("resnet50"), weights_only=True)
    first = {n: value for n, value in state.items() if not re.match(r"layer\d\.[1-9]", n)}
    torch.save(first, tmp_path / "first.pth")
    rows = []
    for engine in ("torch", "onnx"):
        encoder = ResNet50(str(tmp_path / "first.pth"))
        encoder.load(engine=engine)
        rows.append(encoder.encode(images))
    expected, found = rows
    np.testing.assert_allclose(found, expected, rtol=1e-4, atol=1e-4 * np.abs(expected).max())


def test_weights_of_another_network_are_refused(tmp_path):
    torch.save({"conv1.weight": torch.zeros(64, 3, 7, 7)}, tmp_path / "a.pth")
    with pytest.raises(WrongWeights, match=r"a\.pth contains the weights of another network: it"):
        ResNet50(str(tmp_path / "a.pth")).load()


def test_a_frame_of_one_colour_stays_so(encoder):
    grey = Frames(np.full((1, 100, 60, 3), 77, np.uint8), np.zeros(1))
    assert np.unique(encoder.prepare(grey)).tolist() == [77]


@networks.needs_bfloat16
def test_bfloat16_reports_its_cosine_to_float32(encoder, images):
    other = ResNet50(networks.weights("resnet50"))
    other.precision = "bfloat16"
    other.load()
    assert other.cosine is None
    found, expected = other.encode(images), encoder.encode(images)
    assert found.dtype == np.float32
    cosines = (found * expected).sum(1) / np.linalg.norm(found, axis=1)
    cosines /= np.linalg.norm(expected, axis=1)
    assert other.cosine == pytest.approx(cosines.min(), abs=1e-6)
    assert 0.99 < other.cosine < 1
    np.testing.assert_array_equal(other.encode(images), found)  # without the float32 network


def test_other_weights_give_other_rows_and_another_provenance(encoder, images, tmp_path):
    state = torch.load(networks.weights("resnet50"), weights_only=True)
    state["conv1.weight"] = state["conv1.weight"].flip(0)
    torch.save(state, tmp_path / "other.pth")
    other = ResNet50(str(tmp_path / "other.pth"))
    assert other.provenance["weights_sha256"] != encoder.provenance["weights_sha256"]
    other.load()
    assert not np.allclose(other.encode(images), encoder.encode(images), rtol=0.1)
