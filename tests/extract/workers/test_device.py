"""Where encoders run, and how much at once."""

from types import SimpleNamespace

import pytest
import torch

from extract.workers.device import frames_at_once


@pytest.mark.parametrize(
    ("gibibytes", "share", "expected"),
    [
        (0.5, 1, 16),
        (6, 1, 64),
        (8, 1, 128),
        (80, 1, 256),
        (80, 2, 256),
        (24, 0.25, 64),
    ],
)
def test_a_batch_is_sized_to_the_memory_of_the_gpu(monkeypatch, gibibytes, share, expected):
    gpu = SimpleNamespace(total_memory=int(gibibytes * 2**30))
    monkeypatch.setattr(torch.cuda, "get_device_properties", lambda device: gpu)
    assert frames_at_once("cuda", share=share) == expected


def test_on_the_cpu_the_encoder_has_its_way():
    assert frames_at_once("cpu") is None
