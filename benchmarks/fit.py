"""Time training beside the plain way, on the same work, in one run.

    python -m benchmarks.fit FOLDER [--threads 1] [--threshold 0.076]

FOLDER holds train.csv and valid.csv (user_id, item_id) and a NAME.npy for each modality, whose
row i is item "i". Run it on an idle machine; `taskset -c 0` keeps it to one core.

The plain way is what the published code of MMGCN does, written out here in our own words: for
every batch of 1,024 interactions the whole graph goes through torch-geometric's gather-and-scatter
message passing at full width, and negatives are drawn one by one in Python.

Two comparisons:
1. One optimiser step of the same model, with the same parameters, on a batch of the same size. That
   both compute the same loss is checked first.
2. Training time until the validation Recall@20 reaches the threshold: the published model in the
   plain way against ours as `mmgcn fit` trains them. Start-up and evaluation count on neither side.
"""

from __future__ import annotations

import argparse
import copy
import random
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn
from torch.nn import functional
from torch_geometric.nn import MessagePassing

from mmgcn.data.dataset import Dataset
from mmgcn.data.features import read_features
from mmgcn.data.splits import given_split
from mmgcn.evaluation.ranking import evaluate, factor_scorer
from mmgcn.model import MODELS, Model
from mmgcn.training import losses
from mmgcn.training.memory import keep_freed_memory
from mmgcn.training.sampling import Batch, Sampler
from mmgcn.training.trainer import Look, fit

BATCH = 1024
PUBLISHED = "mmgcn_official"
TRAINED = ("linear_mmgcn", "mmgcn")


class Mean(MessagePassing):
    """The mean over the neighbours, by a gather of every edge and a scatter."""

    def __init__(self) -> None:
        super().__init__(aggr="mean")

    def forward(self, x: Tensor, edge_index: Tensor) -> Tensor:
        """Shapes: x, the result: (nodes, d); edge_index: (2, E)."""
        return self.propagate(edge_index, x=x)

    def message(self, x_j: Tensor) -> Tensor:
        """What an edge carries."""
        return x_j


class Plain(nn.Module):
    """A model of ours, computed in the plain way with a copy of its parameters."""

    def __init__(self, model: Model, dataset: Dataset) -> None:
        super().__init__()
        self.model = copy.deepcopy(model)
        self.mean = Mean()
        users = torch.from_numpy(dataset.train.user_index).long()
        items = torch.from_numpy(dataset.train.item_index).long() + model.num_users
        both = torch.stack([torch.cat([items, users]), torch.cat([users, items])])
        self.register_buffer("edge_index", both)

    def forward(self) -> tuple[Tensor, Tensor]:
        """Shapes: (U, d) and (I, d)."""
        model: Any = self.model
        identity = torch.cat([model.user_id, model.item_id])
        compute = self.published if model.name == PUBLISHED else self.paper
        x = sum(compute(branch, identity) for branch in model.branches.values())
        if model.name == PUBLISHED:
            x = x / len(model.branches)
        return x[: model.num_users], x[model.num_users :]

    def paper(self, branch: Any, identity: Tensor) -> Tensor:
        """Compute a branch of `mmgcn` with mean and ele."""
        x = torch.cat([branch.preference, branch.features @ branch.projection])
        for layer in branch.layers:
            h = functional.leaky_relu(self.mean(x @ layer.w1, self.edge_index))
            x_hat = functional.leaky_relu(x @ layer.w2) + identity
            x = functional.leaky_relu(h @ layer.w3 + x_hat)
        return x

    def published(self, branch: Any, identity: Tensor) -> Tensor:
        """Compute a branch of `mmgcn_official`."""
        features = branch.features if branch.project is None else branch.project(branch.features)
        x = functional.normalize(torch.cat([branch.preference, features]))
        for layer in branch.layers:
            h = functional.leaky_relu(self.mean(x @ layer.w1, self.edge_index))
            x_hat = functional.leaky_relu(layer.w2(x)) + identity
            x = functional.leaky_relu(layer.w3(torch.cat([h, x_hat], dim=1)))
        return x

    def loss(self, batch: Batch) -> Tensor:
        """Compute everything, use the rows of the batch."""
        user, item = self()
        of_user = user[batch.user_index]
        positive = (of_user * item[batch.item_index]).sum(dim=1)
        negative = (of_user * item[batch.negative_index]).sum(dim=1)
        return losses.bpr(positive, negative)


class PlainSampler:
    """Every interaction once an epoch, shuffled, with a negative drawn until it is unwatched."""

    def __init__(self, dataset: Dataset, seed: int) -> None:
        train = dataset.train
        self.pairs = list(zip(train.user_index.tolist(), train.item_index.tolist(), strict=True))
        self.watched: dict[int, set[int]] = {}
        for user, item in self.pairs:
            self.watched.setdefault(user, set()).add(item)
        self.num_items = len(dataset.items)
        self.random = random.Random(seed)

    def epoch(self) -> Iterator[Batch]:
        """Yield the batches of one epoch."""
        self.random.shuffle(self.pairs)
        for start in range(0, len(self.pairs), BATCH):
            rows = []
            for user, item in self.pairs[start : start + BATCH]:
                negative = self.random.randrange(self.num_items)
                while negative in self.watched[user]:
                    negative = self.random.randrange(self.num_items)
                rows.append((user, item, negative))
            yield Batch(*torch.tensor(rows).T, watched=None)


def read(folder: Path) -> Dataset:
    part = given_split(folder / "train.csv", folder / "valid.csv")
    tables = read_features([f"{path.stem}={path}" for path in sorted(folder.glob("*.npy"))])
    return Dataset.build(part, tables, missing="mask")


def build(name: str, dataset: Dataset, **settings: Any) -> Model:
    kind = MODELS.get(name)
    return kind(dataset, kind.Settings.read(settings), torch.Generator().manual_seed(0))


def sampler_of(dataset: Dataset) -> Sampler:
    return Sampler(
        dataset.train.user_index,
        dataset.train.item_index,
        num_items=len(dataset.items),
        generator=torch.Generator().manual_seed(0),
    )


def seconds_a_step(
    loss: Callable[[Batch], Tensor], draw: Callable[[], Batch], module: nn.Module, *, num_steps: int
) -> float:
    """The median of some steps, the draw of their batches included."""
    parameters = [p for p in module.parameters() if p.requires_grad]
    optimiser = torch.optim.Adam(parameters, lr=1e-4, fused=not isinstance(module, Plain))
    taken = []
    for _ in range(num_steps + 2):
        started = time.perf_counter()
        value = loss(draw())
        optimiser.zero_grad()
        value.backward()
        optimiser.step()
        taken.append(time.perf_counter() - started)
    return float(np.median(taken[2:]))


def compare_steps(dataset: Dataset, num_steps: int) -> None:
    print(f"\nseconds a step, batches of {BATCH:,}, BPR")
    print(f"  {'model':18} {'plain':>8} {'ours':>8} {'ratio':>6}")
    for name in ("mmgcn", PUBLISHED):
        ours = build(name, dataset, loss="bpr", similarity="dot", batch_size=BATCH)
        plain = Plain(ours, dataset)
        batches, sampler = PlainSampler(dataset, 0).epoch(), sampler_of(dataset)
        probe = sampler.pairwise(BATCH)
        a, b = ours.loss(probe).item(), plain.loss(probe).item()
        if abs(a - b) > 1e-5 * abs(b):
            raise SystemExit(f"{name}: ours computes a loss of {a}, the plain way {b}")
        theirs = seconds_a_step(plain.loss, lambda it=batches: next(it), plain, num_steps=num_steps)
        own = seconds_a_step(
            ours.loss, lambda s=sampler: s.pairwise(BATCH), ours, num_steps=num_steps
        )
        print(f"  {name:18} {theirs:8.4f} {own:8.4f} {theirs / own:6.1f}", flush=True)


def train_plain(dataset: Dataset, threshold: float, num_epochs: int) -> tuple[float | None, float]:
    """Return the training seconds until the threshold, and the best recall seen."""
    model = Plain(build(PUBLISHED, dataset), dataset)
    parameters = [p for p in model.parameters() if p.requires_grad]
    optimiser = torch.optim.Adam(parameters, lr=5e-4)
    sampler, seconds, best = PlainSampler(dataset, 0), 0.0, 0.0
    for epoch in range(1, num_epochs + 1):
        started = time.perf_counter()
        for batch in sampler.epoch():
            value = model.loss(batch)
            optimiser.zero_grad()
            value.backward()
            optimiser.step()
        seconds += time.perf_counter() - started
        with torch.no_grad():
            user, item = (x.numpy() for x in model())
        figures = evaluate(
            factor_scorer(user, item),
            num_items=len(item),
            relevant=dataset.split.valid.csr(),
            seen=[dataset.train.csr()],
            ks=[20],
        )
        best = max(best, float(figures["recall@20"]))
        print(f"  plain, epoch {epoch}: {seconds:.1f} s, {figures['recall@20']:.4f}", flush=True)
        if best >= threshold:
            return seconds, best
    return None, best


def train_ours(
    dataset: Dataset, name: str, threshold: float, seed: int
) -> tuple[float | None, Look]:
    looks: list[Look] = []
    with TemporaryDirectory() as folder:
        fit(
            dataset,
            model=name,
            out=Path(folder),
            settings={"eval_steps": 5, "patience": 1000},
            seed=seed,
            device="cpu",
            progress=looks.append,
        )
    first = next((x.train_seconds for x in looks if x.figures["recall@20"] >= threshold), None)
    return first, max(looks, key=lambda look: look.figures["recall@20"])


def compare_training(dataset: Dataset, threshold: float, num_epochs: int, seeds: int) -> None:
    print(f"\nseconds of training to a validation Recall@20 of {threshold}")
    plain, best = train_plain(dataset, threshold, num_epochs)
    print(f"  {'plain way':18} {plain if plain is None else round(plain, 1)}, best {best:.4f}")
    for name in TRAINED:
        for seed in range(seeds):
            first, look = train_ours(dataset, name, threshold, seed)
            ratio = f", {plain / first:.0f} times sooner" if plain and first else ""
            told = "never" if first is None else f"{first:.2f}"
            print(
                f"  {name:18} {told}{ratio}; best {look.figures['recall@20']:.4f} "
                f"after {look.train_seconds:.1f} s (seed {seed})",
                flush=True,
            )


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("folder", type=Path)
    parser.add_argument("--threads", type=int, default=1)
    parser.add_argument("--threshold", type=float, default=0.076)
    parser.add_argument("--steps", type=int, default=10, help="steps that are timed")
    parser.add_argument("--plain-epochs", type=int, default=6, help="at most; 0 skips training")
    parser.add_argument("--seeds", type=int, default=1)
    given = parser.parse_args()
    torch.set_num_threads(given.threads)
    keep_freed_memory()  # as `mmgcn fit` does; it speeds up both sides
    dataset = read(given.folder)
    print(
        f"{len(dataset.users):,} users, {len(dataset.items):,} items, "
        f"{len(dataset.train):,} interactions, {', '.join(dataset.features)}; "
        f"{given.threads} threads, torch {torch.__version__}"
    )
    compare_steps(dataset, given.steps)
    if given.plain_epochs:
        compare_training(dataset, given.threshold, given.plain_epochs, given.seeds)


if __name__ == "__main__":
    main()
