"""Ray beside the local engine, on the same clips in one run; and one worker beside two.

    python benchmarks/cluster.py [VIDEOS] [--clips 64] [--wait 0.4]

What Ray adds is measured with an encoder that costs next to nothing, so that all else shows. How
well two workers share the work, with one that waits, as for a GPU: a clip's batch takes --wait
seconds, which leaves the processor to decoding, and so says the same on a machine that does other
work. Start-up is told apart: each is run over a quarter of the clips and over all.
"""

from __future__ import annotations

import argparse
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
    def provenance(self) -> dict[str, Any]:
        return {"encoder": self.name, "weights": self.given_weights}

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


def seconds(items: list[Any], encoder: str, **options: Any) -> float:
    from extract import extract_features

    started = time.perf_counter()
    with tempfile.TemporaryDirectory() as store:
        extract_features(
            items,
            store,
            modalities=["visual"],
            encoders={"visual": encoder},
            device="cpu",
            **options,
        )
    return time.perf_counter() - started


@dataclass(frozen=True)
class Speed:
    """Seconds of start-up, and seconds a clip after it."""

    start: float
    a_clip: float


def speed(items: list[Any], encoder: str, **options: Any) -> Speed:
    """Run over few clips and over all: the difference is free of start-up."""
    num_few = len(items) // 4
    few = seconds(items[:num_few], encoder, **options)
    a_clip = (seconds(items, encoder, **options) - few) / (len(items) - num_few)
    return Speed(few - num_few * a_clip, a_clip)


def main() -> int:
    from benchmarks import cluster as importable  # not __main__, which workers cannot import
    from extract import read_catalog
    from extract.catalog import Item
    from extract.cluster import Cluster, connected

    options = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    options.add_argument("videos", nargs="?", type=Path, default=ROOT / "assets" / "videos")
    options.add_argument("--clips", type=int, default=64, help="the videos again and again")
    options.add_argument("--wait", type=float, default=0.4, help="seconds a batch, a clip's frames")
    given = options.parse_args()
    for encoder in (importable.Light, importable.Waiting):
        ENCODERS.register(encoder.name, encoder)
    paths = [item.path for item in read_catalog(given.videos).items]
    items = [Item(f"{n:05}", path) for n, path in enumerate(islice(cycle(paths), given.clips))]
    waiting = f"waiting:{given.wait}"
    told = {"local, one worker": speed(items, "light", workers=1)}
    started = time.perf_counter()
    with connected(Cluster()):
        print(f"Ray started in {time.perf_counter() - started:.1f} s")
        on_ray = Cluster(num_cpus_per_worker=0)  # so that it runs on one core, too
        seconds(items[:2], "light", workers=1, cluster=on_ray)  # its processes are there by now
        for name, encoder, workers in (
            ("Ray, one worker", "light", 1),
            ("Ray, one worker that waits", waiting, 1),
            ("Ray, two workers that wait", waiting, 2),
        ):
            told[name] = speed(items, encoder, workers=workers, cluster=on_ray)
    print(
        f"{given.clips} clips of {NUM_FRAMES} frames\n{'':28} {'start-up s':>10} {'ms a clip':>10}"
    )
    for name, made in told.items():
        print(f"{name:28} {made.start:>10.1f} {1000 * made.a_clip:>10.0f}")
    local, ray, one, two = (made.a_clip for made in told.values())
    print(f"Ray adds {1000 * (ray - local):.0f} ms to a clip, {ray / local - 1:.0%}")
    share = one / (2 * two)
    print(f"two workers reach {share:.0%} of twice one's speed; {LEAST_SHARE:.0%} are asked for")
    return int(share < LEAST_SHARE)


if __name__ == "__main__":
    sys.exit(main())
