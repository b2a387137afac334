"""Fast encoders for tests, in a module that workers can import."""

from __future__ import annotations

import contextlib
import os
import signal
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import numpy as np

from extract.encoder import ENCODERS, Encoder
from extract.modality import MODALITIES, Modality


class Shade(Encoder):
    """Mean and spread of a frame's bytes, and how many frames it was encoded with."""

    name, reads, dim, batch_units = "shade", "frames", 3, 8

    @property
    def settings(self):
        return {}

    def load(self, device="cpu", *, engine="torch"):
        self.loaded = True

    def prepare(self, sample):
        return sample.data.reshape(len(sample.data), -1)[:, :999].copy()

    def encode(self, units):
        assert self.loaded
        sizes = np.full(len(units), len(units))
        return np.stack([units.mean(axis=1), units.std(axis=1), sizes], axis=1).astype(np.float32)


class MeanColour(Shade):
    """Mean of each colour of a frame, independent of its batch."""

    name = "mean_colour"

    def prepare(self, sample):
        return sample.data.mean(axis=(1, 2))

    def encode(self, units):
        return units.astype(np.float32)


class LargeAllocation(Shade):
    """Takes a gibibyte for a bright frame at once."""

    name = "large_allocation"

    def prepare(self, sample):
        if sample.data.min() > 200:
            np.ones(1 << 30, np.uint8)
        return super().prepare(sample)


class InvalidMessages(Shade):
    """Makes its worker send an invalid message when it encodes a bright frame."""

    name = "invalid_messages"

    def prepare(self, sample):
        if sample.data.min() > 200:
            os.write(int(sys.argv[1]), b"\x00\x00\x00\x05hello" + bytes(100))
            time.sleep(60)
        return super().prepare(sample)


class KillsParent(Shade):
    """Kills the parent of its worker when it encodes a bright frame."""

    name = "kills_parent"

    def prepare(self, sample):
        if sample.data.min() > 200:
            os.kill(os.getppid(), signal.SIGKILL)
            time.sleep(60)
        return super().prepare(sample)


class CrashesOnce(Shade):
    """Kills the process that encodes, but only once; its weights are the file that records it."""

    name = "crashes_once"

    def __init__(self, weights=None):
        super().__init__(weights)
        self.mark = Path(weights)

    def encode(self, units):
        if not self.mark.exists():
            self.mark.touch()
            os.kill(os.getpid(), signal.SIGKILL)
        return super().encode(units)


class FailsToEncode(Shade):
    """Raises in `encode`."""

    name = "fails_to_encode"

    def encode(self, units):
        raise KeyError("no such shade")


class SlowToEncode(Shade):
    """Is slow to encode, which does not count against the clip."""

    name = "slow_to_encode"

    def encode(self, units):
        time.sleep(1.0)
        return super().encode(units)


class FailsToLoad(Shade):
    """Is slow to load, and then fails to load."""

    name = "fails_to_load"

    def load(self, device="cpu", *, engine="torch"):
        time.sleep(5.0)
        raise ValueError("nobody waits for this")


class Stateless(Encoder):
    """Has no network and no weights."""

    @property
    def settings(self):
        return {}

    def load(self, device="cpu", *, engine="torch"):
        pass


class Price(Stateless):
    """Reads items: the price in a caption; a gift has no row, and an invalid price raises."""

    name, reads, dim = "price", "item", 1

    def prepare(self, sample):
        words = (sample.caption or "free").split()
        return [] if words == ["free"] else [float(words[-1])]

    def encode(self, units):
        return np.array(units, np.float32)[:, None]


class BatchDependent(Stateless):
    """Its row of a caption depends on the other captions of the batch."""

    name, reads, dim = "batch_dependent", "text", 2

    def prepare(self, sample):
        return [sample]

    def encode(self, units):
        return np.array([[len(unit), len("".join(units))] for unit in units], np.float32)


class NeverEnds(BatchDependent):
    """Never returns from encoding a caption."""

    name = "never_ends"

    def encode(self, units):
        while True:
            time.sleep(0.01)


@contextlib.contextmanager
def registered(*encoders: type[Encoder]) -> Iterator[None]:
    """Register these encoders, and a modality `thing` with them, within the context."""
    names = tuple(encoder.name for encoder in encoders)
    thing = Modality("thing", "th", "a thing of tests", names, {"paper": names[0]})
    registries = (ENCODERS, MODALITIES)
    before = [(registry._members, registry._registered) for registry in registries]
    for registry in registries:
        registry._members, registry._registered = (
            dict(registry._members),
            dict(registry._registered),
        )
    try:
        for encoder in encoders:
            ENCODERS.register(encoder.name, encoder)
        MODALITIES.register("thing", thing)
        yield
    finally:
        for registry, (members, registered) in zip(registries, before, strict=True):
            registry._members, registry._registered = members, registered
