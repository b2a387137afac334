"""Time and memory of a store with very many records, in both layouts.

    python -m benchmarks.store --items 1000000 --layouts packed

Rows are narrow, so that writing them takes little of the time; records are those of clips with 16
frames. The packed store is written at once, not clip by clip. Each measurement runs in a process of
its own: processor time, and memory that it has allocated, without pages of mapped files.
"""

from __future__ import annotations

import argparse
import json
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
sys.path[0] = str(ROOT)  # replace this folder, whose extract.py would shadow the package

WIDTH, NUM_FRAMES = 8, 16


def write(folder: Path, num_items: int, layout: str) -> None:
    import numpy as np

    from extract.store import FeatureStore, Record, content_hash
    from extract.store.npy import npy_bytes
    from extract.store.packs import TABLE, Packs
    from extract.store.record_table import write_table

    manifest = {"encoder": "noise", "dim": WIDTH, "pooling": "mean", "dtype": "float16"}
    features = FeatureStore(folder).create("visual", manifest, layout=layout)  # type: ignore[arg-type]
    rows = np.random.default_rng(0).normal(size=(NUM_FRAMES, WIDTH)).astype(np.float16)
    entry = npy_bytes(rows)
    assert len(entry) % 64 == 0
    times = tuple(round((index + 0.5) * 0.625, 6) for index in range(NUM_FRAMES))

    def records() -> Iterator[Record]:
        for index in range(num_items):
            yield Record(
                id=f"clip-{index:08d}",
                source=f"clip-{index:08d}.mp4",
                size_bytes=3_000_000,
                mtime_ns=10**18 + index,
                content_hash=f"{index:032x}",
                rows=NUM_FRAMES,
                rows_hash=content_hash(entry),
                num_bytes=len(entry),
                pack="000000.pack" if layout == "packed" else None,
                offset=index * len(entry) if layout == "packed" else None,
                seconds=10.0,
                expected_seconds=10.0,
                pts_seconds=times,
            )

    if layout == "packed":
        with (features.path / Packs.folder / "000000.pack").open("wb") as file:
            for _ in range(num_items):
                file.write(entry)
        write_table(features.path / TABLE, records())
        return
    for record in records():
        features.write(record, rows)
    features.finish()


def measure(folder: Path, what: str) -> dict[str, float]:
    import numpy as np

    from extract.store import FeatureStore

    before, started = memory_mb(), time.process_time()
    features = FeatureStore(folder).feature_set("visual")
    num_items = len(features.records)
    result: object = None  # what the caller would hold counts
    if what == "ids and hashes":
        result = features.records.row_hashes()
    elif what == "look up 10,000 records, read their rows":
        for index in np.random.default_rng(0).integers(0, num_items, 10_000):
            features.read(f"clip-{index:08d}")
    elif what == "every record, one by one":
        sum(record.rows for record in features.records.sorted())
    elif what.startswith("pooled"):
        result = features.pooled()
    spent = {"seconds": time.process_time() - started, "mb": memory_mb() - before}
    del result
    return spent


def memory_mb() -> float:
    """Anonymous memory of this process."""
    lines = Path("/proc/self/status").read_text().splitlines()
    return next(int(line.split()[1]) / 1024 for line in lines if line.startswith("RssAnon"))


MEASUREMENTS = (
    "open",
    "ids and hashes",
    "look up 10,000 records, read their rows",
    "every record, one by one",
    "pooled, for the first time",
    "pooled, from the cache",
)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--items", type=int, default=100_000)
    parser.add_argument("--layouts", default="packed,files")
    parser.add_argument("--folder", type=Path, help="where the stores are written")
    parser.add_argument("--only", help=argparse.SUPPRESS)
    arguments = parser.parse_args()
    if arguments.only:
        print(json.dumps(measure(arguments.folder, arguments.only)))
        return
    with tempfile.TemporaryDirectory(dir=arguments.folder) as scratch:
        for layout in arguments.layouts.split(","):
            folder = Path(scratch) / layout
            seconds = timed(lambda f=folder, at=layout: write(f, arguments.items, at))  # type: ignore[misc]
            print(f"{layout}: {arguments.items:,} items written in {seconds:.1f} s")
            for what in MEASUREMENTS:
                words = [__file__, "--folder", str(folder), "--only", what]
                done = subprocess.run([sys.executable, *words], stdout=subprocess.PIPE, check=True)
                found = json.loads(done.stdout)
                print(f"  {what:40} {found['seconds']:7.2f} s {found['mb']:7.0f} MB", flush=True)
            for path in sorted((folder / "visual").glob("*/*.*")):
                print(f"  {path.name:40} {path.stat().st_size / 1e6:19.0f} MB on the disk")


def timed(act: Callable[[], None]) -> float:
    started = time.perf_counter()
    act()
    return time.perf_counter() - started


if __name__ == "__main__":
    main()
