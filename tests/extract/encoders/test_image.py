"""The engine of the encoders of images: resizing, normalising, ONNX Runtime."""

import ctypes
import sys

import numpy as np
import pytest
import torch
from torchvision.transforms.v2 import functional

from extract.encoders import _image
from extract.encoders._fusion import folded, traced
from extract.encoders._image import ImageNetwork, resize_and_crop

RNG = np.random.default_rng(0)


def small_network(**more):
    torch.manual_seed(0)
    network = torch.nn.Sequential(
        torch.nn.Conv2d(3, 4, 3, padding=1),
        torch.nn.BatchNorm2d(4),
        torch.nn.ReLU(),
        torch.nn.AdaptiveAvgPool2d(1),
        torch.nn.Flatten(),
    )
    network[1].running_mean.uniform_()
    network[1].running_var.uniform_(1, 2)
    given = {"mean": (10.0, 20.0, 30.0), "std": (2.0, 4.0, 8.0), "input_px": 8, "batch_images": 2}
    return network, ImageNetwork(network, **{"device": "cpu", "engine": "torch"} | given | more)


@pytest.mark.parametrize(("height", "width"), [(90, 180), (180, 90), (300, 300), (64, 640)])
def test_the_middle_of_a_frame_is_kept(height, width):
    frame = np.zeros((1, height, width, 3), np.uint8)
    frame[:, height // 2 - 9 : height // 2 + 9, width // 2 - 9 : width // 2 + 9] = 255
    image = resize_and_crop(frame, shorter_px=64, crop_px=48, bicubic=False)
    assert image.shape == (1, 3, 48, 48)
    assert image[0, :, 24, 24].tolist() == [255, 255, 255]
    np.testing.assert_allclose(image, image[..., ::-1], atol=3)  # even on both sides
    np.testing.assert_allclose(image, image[..., ::-1, :], atol=3)


@pytest.mark.parametrize("size", [(2, 16_384), (16_384, 2)])
def test_of_a_thin_strip_only_the_middle_is_scaled(size, monkeypatch):
    resize, scaled = functional.resize, []

    def watched(images, *given, **more):
        scaled.append(sorted(images.shape[2:]))
        return resize(images, *given, **more)

    monkeypatch.setattr(functional, "resize", watched)
    strip = np.full((1, *size, 3), 7, np.uint8)
    assert np.unique(resize_and_crop(strip, shorter_px=8, crop_px=8, bicubic=True)).tolist() == [7]
    assert scaled == [[2, 32]]


def test_pixels_are_normalised_by_channel():
    network, engine = small_network()
    images = RNG.integers(0, 256, (2, 3, 8, 8), dtype=np.uint8)
    mean, std = np.array([10, 20, 30]), np.array([2, 4, 8])
    given = (images - mean.reshape(3, 1, 1)) / std.reshape(3, 1, 1)
    with torch.inference_mode():
        expected = network(torch.tensor(given, dtype=torch.float32))
    np.testing.assert_allclose(engine(images), expected, rtol=1e-4)


def test_folding_batch_norm_keeps_the_outputs():
    network, _ = small_network()
    images = torch.randn(2, 3, 8, 8)
    with torch.inference_mode():
        expected = network(images)
        found = folded(traced(network))
        torch.testing.assert_close(found(images), expected, rtol=1e-4, atol=1e-5)
    assert not any(isinstance(part, torch.nn.BatchNorm2d) for part in found.modules())


@pytest.mark.parametrize("num_images", [1, 2, 5])
def test_onnx_runtime_gives_the_same_numbers(onnx_engine, num_images):
    images = RNG.integers(0, 256, (num_images, 3, 8, 8), dtype=np.uint8)
    _, engine = small_network()
    np.testing.assert_allclose(onnx_engine(images), engine(images), rtol=1e-4, atol=1e-5)


@pytest.fixture(scope="module")
def onnx_engine():
    _, engine = small_network(engine="onnx")
    return engine


def test_onnx_runtime_is_for_the_cpu():
    with pytest.raises(ValueError, match="onnx runs on the CPU, not on cuda; use the device cpu"):
        small_network(engine="onnx", device="cuda")


@pytest.mark.parametrize("missing", ["onnxruntime", "onnxscript"])
def test_a_missing_extra_is_named(missing, monkeypatch):
    monkeypatch.setitem(sys.modules, missing, None)
    with pytest.raises(ImportError, match=rf"needs {missing}; install it with: .*\.\[onnx\]"):
        small_network(engine="onnx")


def calls_of_mallopt(monkeypatch, *, answers, platform="linux"):
    calls = []

    class Libc:
        def __init__(self, name):
            if answers is not None:
                self.mallopt = lambda option, value: calls.append((option, value)) or answers[value]

    monkeypatch.setattr(ctypes, "CDLL", Libc)
    monkeypatch.setattr(sys, "platform", platform)
    _image.keep_large_blocks.__wrapped__()
    return calls


def test_glibc_keeps_large_blocks(monkeypatch):
    answers = {1 << 30: 1, (1 << 31) - 1: 1}
    assert calls_of_mallopt(monkeypatch, answers=answers) == [(-3, 1 << 30), (-1, (1 << 31) - 1)]


def test_an_older_glibc_gets_its_maximum_threshold(monkeypatch):
    answers = {1 << 30: 0, 1 << 25: 1, (1 << 31) - 1: 1}
    calls = calls_of_mallopt(monkeypatch, answers=answers)
    assert calls == [(-3, 1 << 30), (-3, 1 << 25), (-1, (1 << 31) - 1)]


def test_other_systems_are_unchanged(monkeypatch):
    assert calls_of_mallopt(monkeypatch, answers=None) == []
    assert calls_of_mallopt(monkeypatch, answers={}, platform="darwin") == []
