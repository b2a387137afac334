"""Devices of encoders, and batch sizes."""

from types import SimpleNamespace

import pytest
import torch

from extract.workers.device import units_at_once


@pytest.mark.parametrize(
    ("gibibytes", "unit_bytes", "share", "expected"),
    [
        (0.5, 64 << 20, 1, 8),
        (6, 64 << 20, 1, 64),
        (8, 64 << 20, 1, 128),
        (80, 64 << 20, 1, 256),
        (80, 64 << 20, 2, 256),
        (24, 64 << 20, 0.25, 64),
        (24, 2 << 30, 1, 8),
        (1, 2 << 30, 1, 1),
    ],
)
def test_a_batch_is_sized_to_the_memory_of_the_gpu(
    monkeypatch, gibibytes, unit_bytes, share, expected
):
    gpu = SimpleNamespace(total_memory=int(gibibytes * 2**30))
    monkeypatch.setattr(torch.cuda, "get_device_properties", lambda device: gpu)
    assert units_at_once("cuda", unit_bytes, share=share) == expected


def test_on_the_cpu_the_batch_size_is_that_of_the_encoder():
    assert units_at_once("cpu", 1) is None
