"""Time training beside the published code, on the same work.

    python -m benchmarks.fit FOLDER [--threads 1] [--threshold 0.076]

FOLDER contains train.csv and valid.csv (user_id, item_id) and a NAME.npy for each modality, whose
row i is item "i". Run it on an idle machine; `taskset -c 0` pins it to one core.

The baseline does what the published code of MMGCN does, reimplemented here: for every batch of
1,024 interactions, torch-geometric's gather-and-scatter message passing over the whole graph at
full width, and negatives sampled one by one in Python.

Three comparisons:
1. One optimiser step of the same model, with the same parameters, on a batch of the same size. That
   both compute the same loss is checked first.
2. Training time until the validation recall@20 reaches a threshold, and until it reaches the best
   of the baseline: the published model for --plain-epochs against ours as `mmgcn fit` trains them.
   Both are evaluated every few steps; start-up and evaluation are not counted.
3. `mmgcn fit` as a whole beside ALS and BPR of the library `implicit` (`benchmarks.peers`).
"""

from __future__ import annotations

import argparse
import copy
import random
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn
from torch.nn import functional
from torch_geometric.nn import MessagePassing

from benchmarks.peers import print_peers
from mmgcn import losses
from mmgcn.data.dataset import Dataset
from mmgcn.data.features import read_features
from mmgcn.data.splits import given_split
from mmgcn.evaluation.ranking import evaluate, factor_scorer
from mmgcn.model import MODELS, Model
from mmgcn.sampling import Batch, Sampler
from mmgcn.training.eval_records import EvalRecord
from mmgcn.training.fit import fit
from mmgcn.training.memory import keep_freed_memory

BATCH = 1024
EVAL_STEPS = 5
PUBLISHED = "mmgcn_official"
TRAINED = ("linear_mmgcn", "mmgcn")
STEPPED = ("mmgcn", PUBLISHED)
PAIRWISE = {"loss": "bpr", "similarity": "dot", "batch_size": BATCH}


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
        slope = branch.settings.slope
        for layer in branch.layers:
            h = functional.leaky_relu(self.mean(x @ layer.w1, self.edge_index), slope)
            x_hat = functional.leaky_relu(x @ layer.w2, slope) + identity
            x = functional.leaky_relu(h @ layer.w3 + x_hat, slope)
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


class PlainInteractions(torch.utils.data.Dataset[Tensor]):
    """The interactions one by one, each with a negative drawn until it is unwatched."""

    def __init__(self, dataset: Dataset, seed: int) -> None:
        train = dataset.train
        self.pairs = list(zip(train.user_index.tolist(), train.item_index.tolist(), strict=True))
        self.watched: dict[int, set[int]] = {}
        for user, item in self.pairs:
            self.watched.setdefault(user, set()).add(item)
        self.num_items = len(dataset.items)
        self.random = random.Random(seed)

    def __len__(self) -> int:
        return len(self.pairs)

    def __getitem__(self, row: int) -> Tensor:
        user, item = self.pairs[row]
        negative = self.random.randrange(self.num_items)
        while negative in self.watched[user]:
            negative = self.random.randrange(self.num_items)
        return torch.tensor([user, item, negative])


def plain_batches(dataset: Dataset, seed: int) -> Iterator[Batch]:
    """Epoch after epoch, shuffled."""
    loader = torch.utils.data.DataLoader(
        PlainInteractions(dataset, seed),
        batch_size=BATCH,
        shuffle=True,
        generator=torch.Generator().manual_seed(seed),
    )
    while True:
        for rows in loader:
            yield Batch(*rows.T, watched=None)


def read(folder: Path) -> Dataset:
    part = given_split(folder / "train.csv", folder / "valid.csv")
    tables = read_features([f"{path.stem}={path}" for path in sorted(folder.glob("*.npy"))])
    return Dataset.build(part, tables, missing="mask")


def build(name: str, dataset: Dataset, *, seed: int = 0, **settings: Any) -> Model:
    kind = MODELS.get(name)
    assert issubclass(kind, Model)
    return kind.build(dataset, settings, seed=seed)


def sampler_of(dataset: Dataset) -> Sampler:
    return Sampler.of(dataset.train, torch.Generator().manual_seed(0))


def seconds_a_step(
    loss: Callable[[Batch], Tensor], draw: Callable[[], Batch], module: nn.Module, num_steps: int
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


@dataclass(frozen=True)
class Curve:
    """Looks at the validation part: seconds of training before each, and Recall@20."""

    seconds: list[float]
    recalls: list[float]

    def seconds_to(self, recall: float) -> float | None:
        """Return the seconds to the first look that is as good."""
        good = (s for s, r in zip(self.seconds, self.recalls, strict=True) if r >= recall)
        return next(good, None)

    @property
    def best(self) -> tuple[float, float]:
        """Return the best recall and the seconds to it."""
        return max(zip(self.recalls, (-s for s in self.seconds), strict=True))


def train_plain(dataset: Dataset, num_epochs: int, seed: int) -> Curve:
    model = Plain(build(PUBLISHED, dataset, seed=seed), dataset)
    parameters = [p for p in model.parameters() if p.requires_grad]
    optimiser = torch.optim.Adam(parameters, lr=5e-4)
    batches, curve, taken = plain_batches(dataset, seed), Curve([], []), 0.0
    for step in range(1, num_epochs * -(-len(dataset.train) // BATCH) + 1):
        started = time.perf_counter()
        value = model.loss(next(batches))
        optimiser.zero_grad()
        value.backward()
        optimiser.step()
        taken += time.perf_counter() - started
        if step % EVAL_STEPS == 0:
            with torch.no_grad():
                user, item = (x.numpy() for x in model())
            metrics = evaluate(
                factor_scorer(user, item),
                num_items=len(item),
                relevant=dataset.split.valid.csr(),
                seen=[dataset.train.csr()],
                ks=[20],
            )
            curve.seconds.append(taken)
            curve.recalls.append(float(metrics["recall@20"]))
    return curve


def train_ours(dataset: Dataset, name: str, seed: int) -> Curve:
    records: list[EvalRecord] = []
    with TemporaryDirectory() as folder:
        fit(
            dataset,
            model=name,
            out=Path(folder),
            settings={"eval_steps": EVAL_STEPS, "patience": 1_000_000},
            seed=seed,
            device="cpu",
            progress=records.append,
        )
    return Curve(
        [each.train_seconds for each in records],
        [each.metrics["recall@20"] for each in records],
    )


def plain_steps(dataset: Dataset, num_steps: int) -> dict[str, float]:
    """Return the seconds of a step in the plain way, having checked that it is the same step."""
    taken = {}
    for name in STEPPED:
        ours = build(name, dataset, **PAIRWISE)
        plain, batches = Plain(ours, dataset), plain_batches(dataset, 0)
        probe = sampler_of(dataset).pairwise(BATCH)
        a, b = ours.loss(probe).item(), plain.loss(probe).item()
        if abs(a - b) > 1e-5 * abs(b):
            raise SystemExit(f"{name}: ours computes a loss of {a}, the plain way {b}")
        taken[name] = seconds_a_step(plain.loss, lambda it=batches: next(it), plain, num_steps)
    return taken


def our_steps(dataset: Dataset, num_steps: int) -> dict[str, float]:
    taken = {}
    for name in STEPPED:
        ours, sampler = build(name, dataset, **PAIRWISE), sampler_of(dataset)
        taken[name] = seconds_a_step(
            ours.loss, lambda s=sampler: s.pairwise(BATCH), ours, num_steps
        )
    return taken


def print_steps(plain: dict[str, float], ours: dict[str, float]) -> None:
    print(f"\nseconds a step, batches of {BATCH:,}, BPR")
    print(f"  {'':18} {'plain':>8} {'ours':>8} {'ratio':>6}")
    for name, taken in plain.items():
        print(f"  {name:18} {taken:8.4f} {ours[name]:8.4f} {taken / ours[name]:6.1f}")


def print_training(plain: Curve, ours: dict[str, Curve], threshold: float, seed: int) -> None:
    best = plain.best[0]
    print(f"\nseconds of training to a validation Recall@20, seed {seed}")
    heads = (f"to {threshold:g}", "ratio", f"to {best:.4f}", "ratio", "best")
    print("  {:18} {:>9} {:>6} {:>9} {:>6} {:>7}".format("", *heads))
    for name, curve in {"plain way": plain, **ours}.items():
        cells = ""
        for target in (threshold, best):
            theirs, own = plain.seconds_to(target), curve.seconds_to(target)
            ratio = f"{theirs / own:.1f}" if theirs and own else "-"
            cells += f" {'never' if own is None else f'{own:.2f}':>9} {ratio:>6}"
        print(f"  {name:18}{cells} {curve.best[0]:7.4f}", flush=True)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("folder", type=Path)
    parser.add_argument("--threads", type=int, default=1)
    parser.add_argument("--threshold", type=float, default=0.076)
    parser.add_argument("--steps", type=int, default=10, help="steps that are timed")
    parser.add_argument("--plain-epochs", type=int, default=4, help="0 skips the training")
    parser.add_argument("--seeds", type=int, default=1)
    given = parser.parse_args()
    torch.set_num_threads(given.threads)
    dataset = read(given.folder)
    print(
        f"{len(dataset.users):,} users, {len(dataset.items):,} items, "
        f"{len(dataset.train):,} interactions, {', '.join(dataset.features)}; "
        f"{given.threads} threads, torch {torch.__version__}"
    )
    seeds = range(given.seeds if given.plain_epochs else 0)
    stepped = plain_steps(dataset, given.steps)
    plain = [train_plain(dataset, given.plain_epochs, seed) for seed in seeds]
    keep_freed_memory()  # as `mmgcn fit` does; from here on it is our side
    print_steps(stepped, our_steps(dataset, given.steps))
    for seed in seeds:
        ours = {name: train_ours(dataset, name, seed) for name in TRAINED}
        print_training(plain[seed], ours, given.threshold, seed)
    print_peers(given.folder, given.seeds)


if __name__ == "__main__":
    main()
