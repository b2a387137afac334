"""Convolutions fused with the steps after them: the same outputs as separate steps."""

import pytest
import torch
from torch import nn

from extract.encoders import _onednn
from extract.encoders._fusion import traced
from extract.encoders._image import ImageNetwork
from extract.encoders._onednn import fuse_convolutions

pytestmark = pytest.mark.skipif(not _onednn.is_available(), reason="no oneDNN, or no x86 processor")


class Block(nn.Module):
    """The steps of a residual network, and some others."""

    def __init__(self, combine):
        super().__init__()
        torch.manual_seed(0)
        self.first = nn.Conv2d(3, 8, 3, stride=2, padding=1)
        self.second = nn.Conv2d(8, 8, 3, padding=1, groups=2, bias=False)
        self.side = nn.Conv2d(8, 8, 1)
        self.relu = nn.ReLU(inplace=True)
        self.relu6 = nn.ReLU6()
        self.combine = combine

    def forward(self, x):
        return self.combine(self, self.relu(self.first(x)))


def inplace_sum(net, x):
    y = net.second(x)
    y += net.side(x)
    return net.relu(y)


COMBINE = {
    "a rectifier": lambda net, x: net.relu(net.second(x)),
    "nothing": lambda net, x: net.second(x),
    "a sum and a rectifier": lambda net, x: net.relu(net.second(x) + net.side(x)),
    "a sum in place": inplace_sum,
    "the sum the other way round": lambda net, x: net.relu(x + net.second(x)),
    "a sum alone": lambda net, x: net.second(x) + x,
    "the sum with itself": lambda net, x: net.relu((y := net.second(x)) + y),
    "a number": lambda net, x: net.relu(net.second(x) + 1.5),
    "a sum of another shape": lambda net, x: net.relu(net.second(x) + x.mean((2, 3), keepdim=True)),
    "two uses": lambda net, x: net.relu(y := net.second(x)) + y * 2,
    "a low ceiling": lambda net, x: net.relu6(net.second(x * 9)),
    "a sum and a low ceiling": lambda net, x: net.relu6(net.second(x * 9) + net.side(x)),
    "a chain": lambda net, x: net.relu(net.second(net.relu(net.side(x))) + x),
    "what is added, needed again": lambda net, x: net.relu(net.second(x) + (y := net.side(x))) + y,
    "what is added, needed later": lambda net, x: net.side(
        net.relu(net.second(y := net.side(x)) + y) * net.relu(net.second(y))
    ),
    "what is added, seen elsewhere": lambda net, x: (
        net.relu(net.second(x) + (y := net.side(x))) * y.flatten(1).sum()
    ),
    "a product": lambda net, x: net.relu(net.second(x) * x),
}


@pytest.mark.parametrize("follows", COMBINE)
@pytest.mark.parametrize("num_images", [1, 2, 5])
def test_fused_convolutions_have_the_outputs_of_separate_steps(follows, num_images):
    network = Block(COMBINE[follows]).eval()
    fused = traced(network)
    fuse_convolutions(fused, torch.zeros(2, 3, 9, 12))
    images = torch.randn(num_images, 3, 9, 12).to(memory_format=torch.channels_last)
    with torch.inference_mode():
        torch.testing.assert_close(fused(images), network(images), rtol=1e-4, atol=1e-5)


def steps_of(network):
    return [node.name for node in network.graph.nodes if node.op not in ("placeholder", "output")]


@pytest.mark.parametrize("follows", ["a sum and a rectifier", "a sum in place"])
def test_a_sum_and_a_rectifier_are_fused(follows):
    network = traced(Block(COMBINE[follows]))
    assert len(steps_of(network)) == 6
    fuse_convolutions(network, torch.zeros(2, 3, 8, 8))
    assert steps_of(network) == ["first_fused", "second_fused", "side_fused"]


def overwriting(network):
    return [name for name, step in network.named_children() if getattr(step, "_overwrites", False)]


def test_a_sum_overwrites_an_input_that_nothing_else_needs():
    for follows, expected in {
        "a chain": ["second_fused"],
        "a sum and a rectifier": ["side_fused"],
        "what is added, needed again": [],
        "what is added, seen elsewhere": [],
    }.items():
        network = traced(Block(COMBINE[follows]))
        fuse_convolutions(network, torch.zeros(2, 3, 8, 8))
        assert overwriting(network) == expected, follows


def test_the_input_is_not_overwritten():
    class Added(nn.Module):
        def __init__(self):
            super().__init__()
            self.conv, self.relu = nn.Conv2d(3, 3, 1), nn.ReLU()

        def forward(self, x):
            return self.relu(self.conv(x) + x)

    network = traced(Added())
    fuse_convolutions(network, torch.zeros(2, 3, 8, 8))
    assert overwriting(network) == []


def test_a_subclass_of_convolution_is_not_fused():
    class Same(nn.Conv2d):
        pass

    network = traced(nn.Sequential(Same(3, 4, 3), nn.ReLU()))
    fuse_convolutions(network, torch.zeros(1, 3, 8, 8))
    assert not any("fused" in name for name in steps_of(network))


def test_steps_that_do_nothing_are_left_out():
    network = traced(nn.Sequential(nn.Conv2d(3, 4, 3), nn.Identity(), nn.ReLU()))
    fuse_convolutions(network, torch.zeros(1, 3, 8, 8))
    assert len(steps_of(network)) == 1


def test_without_onednn_the_network_is_unchanged(monkeypatch):
    network = nn.Sequential(nn.Conv2d(3, 4, 3), nn.BatchNorm2d(4), nn.ReLU(), nn.Flatten())
    images = torch.randint(0, 256, (2, 3, 8, 8), dtype=torch.uint8).numpy()
    given = {"mean": (0.0,) * 3, "std": (1.0,) * 3, "input_px": 8, "batch_images": 2}
    rows = []
    for available in (True, False):
        monkeypatch.setattr(_onednn, "is_available", lambda available=available: available)
        engine = ImageNetwork(network, **given, device="cpu", engine="torch")
        assert any("fused" in name for name in steps_of(engine._network)) == available
        rows.append(torch.from_numpy(engine(images)))
    torch.testing.assert_close(*rows, rtol=1e-4, atol=1e-3)


def test_it_is_not_for_other_processors(monkeypatch):
    monkeypatch.setattr("platform.machine", lambda: "arm64")
    assert not _onednn.is_available()


def test_a_processor_that_raises_does_not_compute_in_bfloat16(monkeypatch):
    def raises(*_given):
        raise RuntimeError("bf16 path needs the cpu support avx_ne_convert")

    monkeypatch.setattr(_onednn, "_FloatStep", raises)
    assert not _onednn.computes_bfloat16.__wrapped__()
