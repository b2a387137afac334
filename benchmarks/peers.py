"""Time `mmgcn fit` without options beside the models of the library `implicit`.

    python -m benchmarks.peers FOLDER [--seeds 1]

FOLDER is one of `benchmarks.everywhere`, and is split as there: recipe and epoch are chosen on one
part, and the metrics are those of another. The peers have nothing chosen here: BPR has the settings
of the library, and ALS those of our model `als`, chosen once for other data. `fit` is timed whole:
with the choice of its recipe, evaluations and the writing of the run.

Seconds are those of a processor (user and system time of one thread), so that a busy machine
changes them little.
"""

from __future__ import annotations

import argparse
import time
from collections.abc import Callable
from pathlib import Path
from tempfile import TemporaryDirectory

import numpy as np
import torch
from implicit.cpu.bpr import BayesianPersonalizedRanking
from scipy.sparse import csr_matrix
from threadpoolctl import threadpool_limits

from benchmarks.everywhere import options_of
from mmgcn.data.dataset import Dataset
from mmgcn.data.loading import load_dataset
from mmgcn.evaluation.ranking import Scorer, evaluate, factor_scorer
from mmgcn.models.als import ALS
from mmgcn.run import Run
from mmgcn.training.fit import fit

K = 20


def ours(dataset: Dataset, seed: int) -> Scorer:
    """Return the scorer of `mmgcn fit` without options."""
    with TemporaryDirectory() as folder:
        run = Run.load(fit(dataset, out=folder, seed=seed, device="cpu").run)
        return factor_scorer(np.array(run.user), np.array(run.item))


def als(dataset: Dataset, seed: int) -> Scorer:
    """Return the scorer of alternating least squares, which has one seed."""
    del seed
    embeddings = ALS.build(dataset).embeddings()
    return factor_scorer(embeddings.user, embeddings.item)


def bpr(dataset: Dataset, seed: int) -> Scorer:
    """Return the scorer of BPR."""
    indptr, indices = dataset.train.csr()
    shape = (len(dataset.users), len(dataset.items))
    watched = csr_matrix((np.ones(len(indices), dtype=np.float32), indices, indptr), shape=shape)
    model = BayesianPersonalizedRanking(random_state=seed, num_threads=1)
    model.fit(watched, show_progress=False)
    return factor_scorer(model.user_factors, model.item_factors)


PEERS: dict[str, Callable[[Dataset, int], Scorer]] = {
    "mmgcn fit": ours,
    "ALS of implicit": als,
    "BPR of implicit": bpr,
}


def print_peers(folder: Path, num_seeds: int) -> None:
    """Print the seconds and the metrics of each, on one data set."""
    with TemporaryDirectory() as halves:
        dataset = load_dataset(options_of(folder, Path(halves)))
    split = dataset.split
    print(f"\n{folder.name}: seconds of a processor, test recall@{K} and ndcg@{K}")
    for name, train in PEERS.items():
        rows = []
        for seed in range(num_seeds):
            started = time.process_time()
            scorer = train(dataset, seed)
            seconds = time.process_time() - started
            metrics = evaluate(
                scorer,
                num_items=len(dataset.items),
                relevant=split.test.csr(),
                seen=[split.train.csr(), split.valid.csr()],
                ks=[K],
            )
            rows.append([seconds, float(metrics[f"recall@{K}"]), float(metrics[f"ndcg@{K}"])])
        seconds, recall, ndcg = np.mean(rows, axis=0)
        print(f"  {name:18} {seconds:8.1f} s  {recall:.4f}  {ndcg:.4f}", flush=True)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("folder", type=Path)
    parser.add_argument("--seeds", type=int, default=1)
    given = parser.parse_args()
    torch.set_num_threads(1)
    with threadpool_limits(1):
        print_peers(given.folder, given.seeds)


if __name__ == "__main__":
    main()
