"""Time what happens before training on a large catalogue: rows per second and memory.

    python benchmarks/ingest.py [--folder FOLDER] [--items 10_000_000] [--interactions 100_000_000]

Writes items with vectors of 128 float16 and interactions with timestamps, one block at a time; then
times `mmgcn inspect` and what `mmgcn fit` does before its first step: reading, splitting, the index
of seen items, and the vectors in the order of the items. Each runs in a process of its own; memory
is its peak resident set, including pages of mapped files. Exits with code 1 if one of them needs
more than --most-gib.
"""

from __future__ import annotations

import argparse
import json
import resource
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl

ROOT = Path(__file__).resolve().parent.parent
sys.path[0] = str(ROOT)  # replace this folder, whose extract.py would shadow the package
WIDTH, BLOCK = 128, 1_000_000
ITEMS_A_USER = 20  # on average: 100 million interactions are of 5 million users


def make(folder: Path, *, num_items: int, num_interactions: int) -> dict[str, int]:
    """Write features.npy, ids.txt and interactions.parquet; return the rows of each."""
    from polars.io.plugins import register_io_source

    folder.mkdir(parents=True, exist_ok=True)
    random = np.random.default_rng(0)
    matrix = np.lib.format.open_memmap(
        folder / "features.npy", mode="w+", dtype=np.float16, shape=(num_items, WIDTH)
    )
    with (folder / "ids.txt").open("wb") as ids:
        for start in range(0, num_items, BLOCK):
            stop = min(start + BLOCK, num_items)
            matrix[start:stop] = random.random((stop - start, WIDTH), dtype=np.float32)
            names = "v" + pl.int_range(start, stop, eager=True).cast(pl.String)
            names.to_frame().write_csv(ids, include_header=False)
    matrix.flush()
    num_users = max(3, num_interactions // ITEMS_A_USER)

    def blocks() -> Iterator[pl.DataFrame]:
        for start in range(0, num_interactions, BLOCK):
            num = min(BLOCK, num_interactions - start)
            # Squares of uniform numbers: few are watched much, many little.
            users = (random.random(num) * num_users).astype(np.int64)
            items = (random.random(num) ** 2 * num_items).astype(np.int64)
            yield pl.DataFrame(
                {
                    "user_id": "u" + pl.Series(users).cast(pl.String),
                    "item_id": "v" + pl.Series(items).cast(pl.String),
                    "timestamp": 1_700_000_000 + random.integers(0, 10**7, num),
                }
            )

    schema = {"user_id": pl.String, "item_id": pl.String, "timestamp": pl.Int64}
    source = register_io_source(lambda *_: blocks(), schema=schema)
    source.sink_parquet(folder / "interactions.parquet")
    return {"items": num_items, "interactions": num_interactions}


def inspected(folder: Path) -> dict[str, float]:
    """Return the seconds of `mmgcn inspect`."""
    from cli import main

    started = time.perf_counter()
    try:
        main(
            [
                *("inspect", "--json", "--features", _features(folder)),
                *("--interactions", str(folder / "interactions.parquet")),
            ]
        )
    except SystemExit as leaving:
        if leaving.code:
            raise
    return {"inspect": time.perf_counter() - started}


def indexed(folder: Path) -> dict[str, float]:
    """Return the seconds of each step before training."""
    from mmgcn.data.dataset import Dataset
    from mmgcn.data.features import from_file
    from mmgcn.data.splits import split
    from mmgcn.data.table import read_interactions

    spent: dict[str, float] = {}

    def timed(name: str, work: Callable[..., Any], *given: Any) -> Any:
        started = time.perf_counter()
        result = work(*given)
        spent[name] = time.perf_counter() - started
        return result

    interactions = timed("read", read_interactions, folder / "interactions.parquet")
    parts = timed("split", split, interactions, "leave-last-out")
    del interactions  # as `mmgcn fit` does not keep it
    timed("index", lambda: [part.csr() for part in (parts.train, parts.valid, parts.test)])
    table = timed("open features", from_file, _features(folder))
    timed("align features", lambda: Dataset.build(parts, [table], missing="mask"))
    return spent


def _features(folder: Path) -> str:
    return f"visual={folder / 'features.npy'},{folder / 'ids.txt'}"


STEPS = {"inspected": inspected, "indexed": indexed}


def run_step(step: str, folder: Path) -> dict[str, Any]:
    """Run a step in a process of its own; return its seconds and its memory."""
    done = subprocess.run(
        [sys.executable, __file__, "--step", step, "--folder", folder],
        stdout=subprocess.PIPE,
        text=True,
        check=True,
    )
    report: dict[str, Any] = json.loads(done.stdout.splitlines()[-1])
    return report


def main() -> int:
    options = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    options.add_argument("--folder", type=Path, help="keeps what is made there")
    options.add_argument("--items", type=int, default=10_000_000)
    options.add_argument("--interactions", type=int, default=100_000_000)
    options.add_argument("--most-gib", type=float, default=12.0)
    options.add_argument("--step", choices=STEPS, help=argparse.SUPPRESS)
    given = options.parse_args()
    if given.step:
        seconds = STEPS[given.step](given.folder)
        most = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024
        print(json.dumps({"seconds": seconds, "peak_bytes": most}))
        return 0
    with tempfile.TemporaryDirectory() as temporary:
        folder = given.folder or Path(temporary)
        started = time.perf_counter()
        sizes = make(folder, num_items=given.items, num_interactions=given.interactions)
        making = time.perf_counter() - started
        print(
            f"sizes {sizes['items']:,} items x {WIDTH} float16 and {sizes['interactions']:,} "
            f"interactions in {making:.0f} s"
        )
        print(f"{'step':<16} {'seconds':>8} {'rows/s':>12} {'peak GiB':>9}")
        largest = 0.0
        for step in STEPS:
            report = run_step(step, folder)
            peak = report["peak_bytes"] / 2**30
            largest = max(largest, peak)
            for name, seconds in report["seconds"].items():
                num_rows = sizes["items" if name.endswith("features") else "interactions"]
                print(f"{name:<16} {seconds:>8.1f} {num_rows / seconds:>12,.0f} {peak:>9.2f}")
    print(f"at most {largest:.2f} GiB; {given.most_gib:g} are allowed")
    return int(largest > given.most_gib)


if __name__ == "__main__":
    sys.exit(main())
