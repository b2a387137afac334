"""Time extraction with Ray beside the local engine, on the same clips; and one worker beside two.

    python benchmarks/cluster.py [VIDEOS] [--clips 96] [--wait 0.4]

The overhead of Ray is measured in processor time of all its processes, which other work on the
machine hardly changes, with an encoder that costs almost nothing; the time of a quarter of the
clips is subtracted, so that start-up does not count. How well two workers share the work is
measured in wall-clock time over the second half of the clips, with an encoder that waits, as for a
GPU: the batch of a clip takes --wait seconds.
"""

from __future__ import annotations

import argparse
import contextlib
import os
import sys
import tempfile
import time
from dataclasses import dataclass
from itertools import cycle, islice
from pathlib import Path
from typing import Any

import numpy as np

ROOT = Path(__file__).resolve().parent.parent
sys.path[0] = str(ROOT)  # Python puts this folder there, where `extract.py` is another thing

from extract.encoder import ENCODERS, Encoder  # noqa: E402

NUM_FRAMES = 16
LEAST_SHARE = 0.85  # of twice one worker's speed


class Light(Encoder):
    """The mean of a frame."""

    name, reads, dim, batch_units = "light", "frames", 1, NUM_FRAMES

    @property
    def settings(self) -> dict[str, Any]:
        return {"weights": self.given_weights}

    def load(self, device: str = "cpu", *, engine: str = "torch") -> None:
        pass

    def prepare(self, sample: Any) -> np.ndarray:
        return np.ascontiguousarray(sample.data[:, ::8, ::8].reshape(len(sample.data), -1)[:, :999])

    def encode(self, units: np.ndarray) -> np.ndarray:
        return units.mean(axis=1, keepdims=True).astype(np.float32)


class Waiting(Light):
    """Waits as many seconds for each batch as its weights say."""

    name = "waiting"

    def encode(self, units: np.ndarray) -> np.ndarray:
        time.sleep(float(self.given_weights or 0))
        return super().encode(units)


@dataclass(frozen=True)
class Run:
    """Processor time in seconds, and when each clip was stored."""

    cpu: float
    stored: list[tuple[float, int]]

    def later_speed(self) -> float:
        """Clips a second over the later half."""
        last, num = self.stored[-1]
        half, num_half = next(one for one in self.stored if one[1] >= num / 2)
        return (num - num_half) / (last - half)


def run(items: list[Any], encoder: str, **options: Any) -> Run:
    from extract import ExtractConfig, extract_features

    stored: list[tuple[float, int]] = []

    def watch(now: Any) -> None:
        if now.num_done and (not stored or now.num_done > stored[-1][1]):
            stored.append((time.perf_counter(), now.num_done))

    before = cpu_seconds()
    with tempfile.TemporaryDirectory() as store:
        extract_features(
            items,
            store,
            ExtractConfig(
                modalities=["visual"], encoders={"visual": encoder}, device="cpu", **options
            ),
            progress=watch,
        )
    return Run(cpu_seconds() - before, stored)


def cpu_seconds() -> float:
    """Return the processor time of this process and of all that it started (Linux)."""
    found, parents = [], {os.getpid()}
    times: dict[int, tuple[int, float]] = {}
    for folder in Path("/proc").glob("[0-9]*"):
        with contextlib.suppress(OSError):
            words = (folder / "stat").read_text().rpartition(")")[2].split()
            times[int(folder.name)] = int(words[1]), sum(map(int, words[11:15]))
    while parents:
        found += [times[pid][1] for pid in parents if pid in times]
        parents = {pid for pid, (parent, _) in times.items() if parent in parents}
    return sum(found) / os.sysconf("SC_CLK_TCK")


def cpu_of_a_clip(items: list[Any], **options: Any) -> float:
    """Return processor seconds a clip, without start-up."""
    few = items[: len(items) // 4]
    spent = run(items, "light", **options).cpu - run(few, "light", **options).cpu
    return spent / (len(items) - len(few))


def main() -> int:
    from benchmarks import cluster as importable  # not __main__, which workers cannot import
    from extract import read_catalogue
    from extract.catalogue import Item
    from extract.cluster import Cluster, connected

    options = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    options.add_argument("videos", nargs="?", type=Path, default=ROOT / "assets" / "videos")
    options.add_argument("--clips", type=int, default=96, help="the videos again and again")
    options.add_argument("--wait", type=float, default=0.4, help="seconds a batch, a clip's frames")
    given = options.parse_args()
    for encoder in (importable.Light, importable.Waiting):
        ENCODERS.register(encoder.name, encoder)
    paths = [item.path for item in read_catalogue(given.videos).items]
    items = [Item(f"{n:05}", path) for n, path in enumerate(islice(cycle(paths), given.clips))]
    waiting = f"waiting:{given.wait}"
    local = cpu_of_a_clip(items, workers=1)
    with connected(Cluster()):
        on_ray = Cluster(num_cpus_per_worker=0)  # so that it runs on one core, too
        run(items[:2], "light", workers=1, cluster=on_ray)  # its processes are there by now
        ray = cpu_of_a_clip(items, workers=1, cluster=on_ray)
        one, two = (
            run(items, waiting, workers=workers, cluster=on_ray).later_speed() for workers in (1, 2)
        )
    print(f"{given.clips} clips of {NUM_FRAMES} frames, encoders that cost nothing")
    print(f"processor time of a clip: local {1000 * local:.0f} ms, Ray {1000 * ray:.0f} ms")
    print(f"Ray adds {1000 * (ray - local):.0f} ms, {ray / local - 1:.0%}")
    share = two / (2 * one)
    print(f"one worker {one:.2f} clips/s, two {two:.2f}: {share:.0%} of twice one's speed")
    print(f"at least {LEAST_SHARE:.0%} are asked for")
    return int(share < LEAST_SHARE)


if __name__ == "__main__":
    sys.exit(main())
