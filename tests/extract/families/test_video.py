"""Windows of frames: rows are those of the libraries' own preprocessing and networks."""

import numpy as np
import pytest
import torch
from torchvision import models

from extract.family import UnknownModel, encoder_named
from extract.media import Frames
from extract.weights import WrongWeights
from tests import small_models


def frames(num):
    data = np.random.default_rng(0).integers(0, 256, (num, 45, 80, 3), dtype=np.uint8)
    return Frames(data.repeat(2, axis=1).repeat(2, axis=2), np.arange(float(num)))


def row_of(words, num_frames=None):
    """The row of one window, and its frames.

    Args:
        num_frames: of the window, in place of those that the weights state.
    """
    encoder = encoder_named(words, reads="video")
    encoder.load()
    if num_frames is not None:
        encoder.__dict__["_window"] = 15.0, num_frames
    given = frames(encoder.num_window_frames)
    rows = encoder.encode(encoder.prepare(given)[None])
    assert rows.shape == (1, encoder.dim)
    return rows[0], given.data


@pytest.mark.parametrize(
    ("name", "classifier", "num_frames", "size"),
    [("r2plus1d_18", "fc", 4, 112), ("s3d", "classifier", 16, 224)],
)
def test_a_network_of_torchvision_gives_the_input_of_its_classifier(
    name, classifier, num_frames, size
):
    file = small_models.torchvision_file(name)
    row, data = row_of(f"torchvision:{name}:{file}", num_frames=num_frames)
    network = models.get_model(name, weights=None).eval()
    network.load_state_dict(torch.load(file, weights_only=True))
    setattr(network, classifier, torch.nn.Identity())
    transform = models.get_model_weights(name).DEFAULT.transforms()
    window = transform(torch.from_numpy(data).permute(0, 3, 1, 2))  # (3, T, h, w)
    assert window.shape == (3, num_frames, size, size)
    with torch.inference_mode():
        expected = network(window[None])[0].numpy()
    np.testing.assert_allclose(row, expected, rtol=0, atol=1e-5)


@pytest.mark.parametrize(
    ("name", "num_frames", "fps", "width", "size"),
    [("r2plus1d_18", 16, 15.0, 512, 112), ("s3d", 128, 15.0, 1024, 224)],
)
def test_windows_are_those_of_the_published_accuracy(name, num_frames, fps, width, size):
    encoder = encoder_named(f"torchvision:{name}", reads="video")
    assert (encoder.num_window_frames, encoder.num_hop_frames) == (num_frames, num_frames)
    assert encoder.window_fps == fps
    assert encoder.dim == width
    assert encoder._unit_shape == (num_frames, 3, size, size)


@pytest.mark.parametrize("name", models.list_models(module=models.video))
def test_all_weights_of_torchvision_state_their_windows(name):
    encoder = encoder_named(f"torchvision:{name}", reads="video")
    assert encoder.window_fps in (7.5, 15.0)
    assert encoder.num_window_frames in (16, 32, 128)


def test_videomae_gives_the_mean_of_its_tokens():
    from transformers import AutoImageProcessor, VideoMAEForPreTraining

    row, data = row_of(f"hf:{small_models.videomae()}")
    network = VideoMAEForPreTraining.from_pretrained(small_models.videomae()).eval().videomae
    window = AutoImageProcessor.from_pretrained(small_models.videomae())(
        list(data), return_tensors="pt"
    )
    assert window["pixel_values"].shape == (1, 4, 3, 32, 32)
    with torch.inference_mode():
        expected = network(**window).last_hidden_state[0].mean(dim=0).numpy()
    np.testing.assert_allclose(row, expected, rtol=0, atol=1e-5)


@pytest.mark.parametrize("kind", ["Vivit", "Timesformer"])
def test_classifiers_of_transformers_give_their_class_token(kind):
    import transformers

    path = getattr(small_models, kind.lower())()
    row, data = row_of(f"hf:{path}")
    network = getattr(transformers, f"{kind}ForVideoClassification").from_pretrained(path).eval()
    window = transformers.AutoImageProcessor.from_pretrained(path)(list(data), return_tensors="pt")
    assert window["pixel_values"].shape == (1, 4, 3, 32, 32)
    tokens = []
    network.classifier.register_forward_hook(lambda _, inputs, __: tokens.append(inputs[0][0]))
    with torch.inference_mode():
        network(**window)
    np.testing.assert_allclose(row, tokens[0].numpy(), rtol=0, atol=1e-5)


def test_a_layer_of_a_video_network_is_a_module():
    file = small_models.torchvision_file("mc3_18")
    encoder = encoder_named(f"torchvision:mc3_18:{file}@layer1", reads="video")
    assert encoder.dim == 64


def test_a_network_for_images_is_refused():
    with pytest.raises(WrongWeights, match="no network for video: its configuration states no num"):
        _ = encoder_named(f"hf:{small_models.dinov2()}", reads="video").dim
    with pytest.raises(UnknownModel, match="network of torchvision for video is called 'resnet18'"):
        encoder_named("torchvision:resnet18", reads="video")
