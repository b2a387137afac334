"""Quantised networks: steps compared with float32, scales compared with real activations."""

import os
import subprocess
import sys

import numpy as np
import pytest
import torch
from torch import nn

from extract.encoders import _int8, _onednn
from extract.encoders._fusion import Convolution, folded, traced
from extract.encoders._image import ImageNetwork
from extract.encoders._int8 import Channels, Scale, channels_by_path, quantise
from extract.encoders.efficientnet_lite0 import EfficientNetLite0
from tests import networks
from tests.networks import needs_int8


class Residual(nn.Module):
    """An untrained network whose batch norm has statistics of its inputs."""

    def __init__(self, ceiling=None):
        super().__init__()
        torch.manual_seed(0)
        rectifier = nn.ReLU if ceiling is None else nn.ReLU6
        self.first = nn.Sequential(
            nn.Conv2d(3, 16, 3, stride=2, padding=1, bias=False), nn.BatchNorm2d(16), rectifier()
        )
        self.pool = nn.MaxPool2d(3, stride=2, padding=1)
        self.deep = nn.Sequential(nn.Conv2d(16, 16, 3, padding=1, groups=16), nn.BatchNorm2d(16))
        self.last = nn.Sequential(nn.Conv2d(16, 32, 1), nn.BatchNorm2d(32), rectifier())
        self.relu = rectifier()
        for norm in self.modules():
            if isinstance(norm, nn.BatchNorm2d):
                norm.momentum = None  # of all it sees
                nn.init.uniform_(norm.weight, 0.5, 2)
                nn.init.normal_(norm.bias)
        with torch.no_grad():
            for _ in range(4):
                self(images(64))
        self.eval()

    def forward(self, x):
        x = self.pool(self.first(x))
        x = self.relu(self.deep(x) + x) if isinstance(self.relu, nn.ReLU) else self.deep(x) + x
        return self.last(x).mean((2, 3))


def images(count):
    return torch.randn(count, 3, 32, 32).clamp(-2, 2).to(memory_format=torch.channels_last)


def in_bytes(network):
    steps = traced(network)
    output = folded(steps)
    quantise(output, torch.zeros(1, 3, 32, 32), channels_by_path(steps), low=-2, high=2)
    return output


@needs_int8
@pytest.mark.parametrize("ceiling", [None, 6])
def test_rows_are_near_those_of_the_network(ceiling):
    network = Residual(ceiling)
    given = images(32)
    with torch.inference_mode():
        expected, found = network(given), in_bytes(network)(given)
    assert found.dtype == torch.float32
    assert torch.nn.functional.cosine_similarity(found, expected).min() > 0.995
    assert (found - expected).mean().abs() < 0.01 * expected.abs().mean()


@needs_int8
def test_a_row_does_not_depend_on_its_batch():
    network = in_bytes(Residual())
    given = images(5)
    with torch.inference_mode():
        one_by_one = torch.cat([network(image[None]) for image in given])
        assert torch.equal(network(given), one_by_one)


@needs_int8
def test_the_shift_by_rounding_the_weights_is_subtracted_from_the_bias():
    torch.manual_seed(0)
    conv = nn.Conv2d(64, 8, 1).requires_grad_(False)
    conv.weight[:, 0] = 20  # a large one makes the others coarse
    given = torch.randint(90, 110, (4, 64, 8, 8), dtype=torch.uint8)
    expected = conv(given.float() / 100)
    shifts = []
    for mean in (0.0, 1.0):
        output = convolved(conv, given, Scale(0.01, 0), Scale(0.2, 128), mean=mean)
        shifts.append(float((output - expected).mean((0, 2, 3)).abs().mean()))
    assert shifts[1] < 0.3 * shifts[0]


def convolved(conv, given, scale, output, *, mean=0.0, other=None, overwrites=False, ceiling=None):
    """The result of a quantised step as floats."""
    found = Convolution("", conv, "", None, tuple(given.shape), other, overwrites, ceiling)
    means = torch.full((given.shape[1],), mean)
    step = _int8._BytesStep(
        found, scale, means, output, None if other is None else Scale(0.05, 128)
    )
    with torch.inference_mode():
        given = given.contiguous(memory_format=torch.channels_last)
        result = step(given) if other is None else step(given, other)
    return (result.float() - output.zero) * output.step


@needs_int8
@pytest.mark.parametrize("ceiling", [None, float("inf"), 6.0])
@pytest.mark.parametrize(("groups", "stride"), [(1, 1), (1, 2), (4, 1), (16, 2)])
def test_a_step_is_the_rounded_convolution(ceiling, groups, stride):
    torch.manual_seed(0)
    conv = nn.Conv2d(16, 32, 3, stride=stride, padding=1, groups=groups).requires_grad_(False)
    conv.weight.copy_((conv.weight * 400).round().clamp(-126, 126) / 400)
    conv.weight[:, 0, 0, 0] = 127 / 400  # so that weights are not rounded
    given = torch.randint(0, 256, (3, 16, 12, 12), dtype=torch.uint8)
    scale, output = Scale(0.02, 100), Scale(0.1, 128 if ceiling is None else 0)
    expected = conv((given.float() - 100) * 0.02)
    if ceiling is not None:
        expected = expected.clamp(0, ceiling)
    found = convolved(conv, given, scale, output, ceiling=ceiling)
    assert (found - expected).abs().max() <= 0.0501  # half a byte


@needs_int8
@pytest.mark.parametrize("overwrites", [True, False])
def test_a_sum_is_that_of_the_numbers(overwrites):
    torch.manual_seed(0)
    conv = nn.Conv2d(16, 16, 1).requires_grad_(False)
    given = torch.randint(0, 256, (2, 16, 8, 8), dtype=torch.uint8)
    other = torch.randint(0, 256, (2, 16, 8, 8), dtype=torch.uint8)
    other = other.contiguous(memory_format=torch.channels_last)
    before = other.clone()
    expected = conv(given.float() * 0.01) + (before.float() - 128) * 0.05
    found = convolved(
        conv, given, Scale(0.01, 0), Scale(0.1, 128), other=other, overwrites=overwrites
    )
    assert (found - expected).abs().max() < 0.06
    assert torch.equal(other, before) != overwrites


def test_the_largest_byte_of_each_window():
    given = torch.randint(0, 256, (2, 5, 11, 14), dtype=torch.uint8)
    given = given.contiguous(memory_format=torch.channels_last)
    for size, stride, padding in ((3, 2, 1), (2, 2, 0), (3, 1, 1), (2, 3, 0)):
        pool = nn.MaxPool2d(size, stride, padding)
        found = _int8._BytesPool(pool)(given)
        assert torch.equal(found.float(), pool(given.float()))


@pytest.mark.parametrize(("low", "high"), [(-1, 3), (0, 6), (0.5, 6), (-4, -1), (0, 0)])
def test_a_scale_reaches_both_ends_and_zero(low, high):
    scale = Scale.between(low, high)
    least, most = ((byte - scale.zero) * scale.step for byte in (0, 255))
    assert 0 <= scale.zero <= 255
    assert least <= min(low, 0) + scale.step / 2
    assert most >= max(high, 0) - scale.step / 2


def test_moments_after_clipping_are_those_of_clipped_samples():
    mean, std = torch.tensor([-1.0, 0.0, 5.0, 2.0]), torch.tensor([1.0, 2.0, 3.0, 0.0])
    found = Channels(mean, std).clipped(6)
    drawn = (mean + std * torch.randn(100_000, 4)).clamp(0, 6)
    torch.testing.assert_close(found.mean, drawn.mean(0), atol=0.03, rtol=0)
    torch.testing.assert_close(found.std, drawn.std(0), atol=0.03, rtol=0)


@needs_int8
def test_trained_weights_give_nearly_the_same_rows_and_report_their_cosine():
    encoder = networks.loaded("efficientnet_lite0")
    other = EfficientNetLite0()
    other.precision = "int8"
    other.load()
    given = encoder.prepare(networks.sample(encoder, 3))
    expected, found = encoder.encode(given), other.encode(given)
    cosines = (found * expected).sum(1) / np.linalg.norm(found, axis=1)
    cosines /= np.linalg.norm(expected, axis=1)
    assert other.cosine == pytest.approx(cosines.min(), abs=1e-6)
    assert 0.97 < other.cosine < 1


def small(**more):
    network = nn.Sequential(nn.Conv2d(3, 4, 3, bias=False), nn.BatchNorm2d(4), nn.Flatten())
    given = {"mean": (1.0,) * 3, "std": (1.0,) * 3, "input_px": 8, "batch_images": 1}
    return ImageNetwork(network, **given, **({"device": "cpu", "engine": "torch"} | more))


def test_other_devices_and_engines_refuse_it():
    with pytest.raises(ValueError, match="int8 is computed on the CPU, not on meta"):
        small(precision="int8", device="meta")
    with pytest.raises(ValueError, match="the engine onnx computes in float32"):
        small(precision="int8", engine="onnx")


def test_a_processor_without_vnni_is_refused(monkeypatch):
    monkeypatch.setattr(_int8, "is_available", lambda: False)
    with pytest.raises(ValueError, match="int8 needs an x86 processor with VNNI or AMX"):
        small(precision="int8")


def test_a_processor_without_avx512_is_refused_for_bfloat16(monkeypatch):
    monkeypatch.setattr(_onednn, "is_available", lambda: True)
    monkeypatch.setattr(_onednn, "computes_bfloat16", lambda: False)
    with pytest.raises(ValueError, match="bfloat16 needs an x86 processor with AVX-512"):
        small(precision="bfloat16")


@needs_int8
@pytest.mark.slow
def test_processors_without_vnni_are_recognised_by_their_sums():
    script = "from extract.encoders._int8 import is_available; print(is_available())"
    done = subprocess.run(
        [sys.executable, "-c", script],
        env=os.environ | {"ONEDNN_MAX_CPU_ISA": "AVX2"},
        stdout=subprocess.PIPE,
        text=True,
        check=True,
    )
    assert done.stdout == "False\n"
