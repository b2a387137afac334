"""Time a training step of each model beside the formulas of docs/scale.md, on one core.

python -m benchmarks.step
"""

from __future__ import annotations

import time
from collections.abc import Iterator

import numpy as np
import torch

from docs.cost_model.measurements import MEASURED, Point
from mmgcn.data.dataset import Dataset
from mmgcn.data.ids import IdMap
from mmgcn.data.interactions import Interactions
from mmgcn.data.splits import Split
from mmgcn.model import MODELS, Model
from mmgcn.sampling import Sampler
from mmgcn.training.memory import keep_freed_memory


def measure(points: list[Point]) -> Iterator[tuple[Point, float]]:
    """Yield each point with the processor time of its step in ms: the best of four, one rank."""
    for point in points:
        yield point, min(_times(point)) * 1e3


def _times(point: Point) -> list[float]:
    rng = np.random.default_rng(0)
    keys = np.unique(rng.integers(0, point.users * point.items, point.edges))
    train = Interactions(
        (keys // point.items).astype(np.int32),
        (keys % point.items).astype(np.int32),
        IdMap([f"u{n}" for n in range(point.users)], kind="user"),
        IdMap([f"i{n}" for n in range(point.items)], kind="item"),
        None,
    )
    none = train.take(np.zeros(0, dtype=np.int64))
    features = {
        name: rng.standard_normal((point.items, 128), dtype=np.float32)
        for name in ("visual", "acoustic")
    }
    present = {name: np.ones(point.items, dtype=bool) for name in features}
    dataset = Dataset(Split(train, none, none, "random"), features, present)
    sampled = point.propagation == "sampled"
    settings: dict[str, object] = {"propagation": "sampled" if sampled else "full_graph"}
    if point.model == "linear_mmgcn":
        settings["num_item_neighbours"] = point.num_item_neighbours
    model = MODELS.get(point.model).build(dataset, settings)
    assert isinstance(model, Model)
    sampler = Sampler.of(train, model.generator, model.train_config)
    optimiser = torch.optim.AdamW(model.parameters(), fused=True)
    seconds = []
    for _ in range(4):
        start = time.process_time()
        loss = model.loss(model.draw(sampler))
        optimiser.zero_grad(set_to_none=True)
        loss.backward()  # type: ignore[no-untyped-call]
        optimiser.step()
        seconds.append(time.process_time() - start)
    return seconds


def main() -> None:
    """Run the command line."""
    keep_freed_memory()
    torch.set_num_threads(1)
    for point, ms in measure([p for p in MEASURED if p.ranks == 1]):
        print(
            f"{point.model:13} {point.propagation:10} {point.users:>8,} users "
            f"{point.items:>7,} items {point.edges:>10,} interactions: {ms:6.1f} ms here, "
            f"{point.expected_ms:6.1f} ms by the formulas",
            flush=True,
        )


if __name__ == "__main__":
    main()
