"""Time training and its memory, from ten thousand to twenty million interactions.

    python -m benchmarks.scale [--sizes 10000,100000,1000000,20000000] [--model linear_mmgcn]
                               [--propagation auto,full_graph,sampled] [--steps 30]
                               [--set NAME=VALUE]

Graphs are synthetic: users and items of the interactions are drawn with power-law weights, on
average twenty interactions per user and a hundred per item, with two modalities of width 128. Each
row is measured in a process of its own. The batch is `--share` of the interactions and at least
2,048: a full-graph step propagates over all items, so with a constant batch the time of an epoch
would grow with the square. `--steps` are timed after a tenth as many warm-up steps, and the time of
an epoch is extrapolated from their mean. Memory is the peak of the process, including the
generation of the data. Building is the time for data set and model, including item neighbours,
which grow with the square of the items.
"""

from __future__ import annotations

import argparse
import json
import math
import resource
import subprocess
import sys
import time
from pathlib import Path

import numpy as np

SIZES = "10000,100000,1000000,5000000,20000000"
A_USER, AN_ITEM, WIDTH = 20, 100, 128
MODALITIES = ("visual", "acoustic")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--sizes", default=SIZES, help="numbers of interactions, with commas")
    parser.add_argument("--model", default="linear_mmgcn")
    parser.add_argument("--propagation", default="auto")
    parser.add_argument("--steps", type=int, default=30)
    parser.add_argument("--share", type=float, default=0.002, help="of the interactions in a batch")
    parser.add_argument("--threads", type=int, default=1)
    parser.add_argument("--set", action="append", default=[], help="a setting, NAME=VALUE")
    parser.add_argument("--only", type=int, help=argparse.SUPPRESS)
    arguments = parser.parse_args()
    if arguments.only:
        print(json.dumps(measure(arguments.only, arguments)))
        return
    print(
        f"{arguments.model}, {arguments.threads} thread(s)\n"
        f"{'interactions':>12} {'users':>9} {'items':>8} {'batch':>6} {'pass':>8} {'ms a step':>9} "
        f"{'s an epoch':>10} {'s a million':>11} {'building s':>10} {'peak GiB':>8}"
    )
    for size in map(int, arguments.sizes.split(",")):
        for propagation in arguments.propagation.split(","):
            words = [sys.executable, "-m", "benchmarks.scale", *sys.argv[1:]]
            words += ["--only", str(size), "--propagation", propagation]
            done = subprocess.run(
                words,
                check=False,
                capture_output=True,
                text=True,
                cwd=Path(__file__).parent.parent,
            )
            if done.returncode:
                print(
                    f"{size:12,} {propagation}: "
                    f"{(done.stderr.strip().splitlines() or ['killed'])[-1]}"
                )
                continue
            report = json.loads(done.stdout.splitlines()[-1])
            a_million = 1e6 * report["epoch"] / report["interactions"]
            print(
                f"{report['interactions']:12,} {report['users']:9,} {report['items']:8,} "
                f"{report['batch']:6,} {report['pass']:>8} {1e3 * report['step']:9.1f} "
                f"{report['epoch']:10.1f} {a_million:11.1f} {report['building']:10.1f} "
                f"{report['peak'] / 2**30:8.2f}",
                flush=True,
            )


def power_law(count: int, exponent: float, rng: np.random.Generator) -> np.ndarray:
    """Shapes: (count,), shares that sum to one, in no order."""
    weight = np.arange(1, count + 1, dtype=np.float64) ** -exponent
    return rng.permutation(weight / weight.sum())


def synthetic(size: int, seed: int = 0):
    """A data set of about that many interactions."""
    import polars as pl

    from mmgcn.data.dataset import Dataset
    from mmgcn.data.features import FeatureTable
    from mmgcn.data.ids import IdMap
    from mmgcn.data.interactions import Interactions
    from mmgcn.data.splits import Split

    rng = np.random.default_rng(seed)
    num_users, num_items = max(size // A_USER, 50), max(size // AN_ITEM, 50)

    def drawn(count: int, exponent: float, num: int) -> np.ndarray:
        cumulated = power_law(count, exponent, rng).cumsum()
        at = np.searchsorted(cumulated, rng.random(num) * cumulated[-1])
        return np.minimum(at, count - 1)

    keys = drawn(num_users, 0.5, size) * num_items + drawn(num_items, 0.7, size)
    keys = np.unique(keys)
    users = IdMap(pl.Series(np.arange(num_users)).cast(pl.String), kind="user")
    items = IdMap(pl.Series(np.arange(num_items)).cast(pl.String), kind="item")
    user_index, item_index = np.divmod(keys, num_items)
    train = Interactions(
        user_index.astype(np.int32), item_index.astype(np.int32), users, items, None
    )
    none = train.take(np.zeros(len(keys), dtype=bool))
    ids = items.ids.to_list()
    tables = [
        FeatureTable(
            name,
            ids,
            rng.standard_normal((num_items, WIDTH), dtype=np.float32),
            frozenset(ids),
            {"encoder": "made", "digest": "0", "dim": WIDTH},
        )
        for name in MODALITIES
    ]
    return Dataset.build(Split(train, none, none, "given"), tables)


def measure(size: int, arguments: argparse.Namespace) -> dict[str, object]:
    import torch

    from mmgcn.graph_model import GraphModel
    from mmgcn.model import MODELS
    from mmgcn.sampling import Sampler
    from mmgcn.training.memory import keep_freed_memory

    keep_freed_memory()
    torch.set_num_threads(arguments.threads)
    started = time.perf_counter()
    data = synthetic(size)
    given = dict(words.split("=", 1) for words in arguments.set)
    batch = max(2_048, int(arguments.share * len(data.train)))
    fixed = {"propagation": arguments.propagation, "batch_size": batch}
    model = MODELS.get(arguments.model).build(data, fixed | given)
    assert isinstance(model, GraphModel)
    train, settings = data.train, model.train_config
    sampler = Sampler.of(train, model.generator, settings)
    optimiser = torch.optim.AdamW(model.parameters(), lr=settings.learning_rate, fused=True)
    building = time.perf_counter() - started

    def step() -> None:
        loss = model.loss(model.draw(sampler))
        optimiser.zero_grad(set_to_none=True)
        loss.backward()
        optimiser.step()

    for _ in range(max(arguments.steps // 10, 1)):
        step()
    started = time.perf_counter()
    for _ in range(arguments.steps):
        step()
    seconds = (time.perf_counter() - started) / arguments.steps
    return {
        "interactions": len(train),
        "users": model.num_users,
        "items": model.num_items,
        "batch": settings.batch_size,
        **model.resolved_settings(),
        "step": seconds,
        "epoch": seconds * math.ceil(len(train) / settings.batch_size),
        "building": building,
        "peak": resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024,
    }


if __name__ == "__main__":
    main()
