"""Freed memory is kept for the next allocation."""

import subprocess
import sys

import pytest

CODE = """
import resource
import numpy as np
from mmgcn.training.memory import keep_freed_memory

def faults():
    before = resource.getrusage(resource.RUSAGE_SELF).ru_minflt
    for _ in range(20):
        blocks = [np.ones(3_000_000, dtype=np.uint8) for _ in range(8)]
        blocks.clear()
    return resource.getrusage(resource.RUSAGE_SELF).ru_minflt - before

faults()
before = faults()
assert keep_freed_memory()
faults()
print(before, faults())
"""


@pytest.mark.skipif(not sys.platform.startswith("linux"), reason="of glibc alone")
def test_freed_memory_is_reused():
    """In a process of its own, since the setting applies to a full process."""
    done = subprocess.run([sys.executable, "-c", CODE], capture_output=True, text=True, check=True)
    before, after = map(int, done.stdout.split())
    assert after < before / 10


def test_on_other_systems_it_does_nothing(monkeypatch):
    from mmgcn.training.memory import keep_freed_memory

    monkeypatch.setattr(sys, "platform", "darwin")
    assert not keep_freed_memory()
