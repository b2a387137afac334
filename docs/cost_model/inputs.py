"""Inputs of the cost model: a collection, how it is trained, and what it runs on."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

FLOAT = 4  # bytes
GIGA, HOUR = 1e9, 3600.0
Name = Literal["linear_mmgcn", "mmgcn", "lightgcn"]
NAMES: tuple[Name, ...] = ("linear_mmgcn", "mmgcn", "lightgcn")


@dataclass(frozen=True)
class World:
    """A collection.

    Args:
        items: number of videos that can be recommended.
        edges: number of interactions.
        widths: feature width of each modality.
    """

    items: float
    users: float
    edges: float
    widths: tuple[int, ...] = (2048, 128, 384)


@dataclass(frozen=True)
class Plan:
    """How a model is trained: its settings, and the number of processes (ranks)."""

    model: Name = "linear_mmgcn"
    propagation: Literal["full_graph", "sampled"] = "full_graph"
    dim: int = 64
    ensemble_size: int = 3
    layers: int = 2
    num_item_neighbours: int = 10
    batch: int = 2048
    negatives: int = 1024
    num_neighbours: int = 10
    epochs: int = 12
    ranks: int = 1


@dataclass(frozen=True)
class Machine:
    """The hardware of one process.

    Args:
        flops: floating-point operations per second of a matrix product.
        stream: bytes per second of sequential access.
        gather: (size of the table in bytes, bytes per second) of fetching rows of 256 bytes.
        drawn: seconds per sampled edge, including sorting.
        network: bytes per second from one process to another.
        launch: seconds per step for starting its operations.
        memory: bytes.
        dollars: price of an hour.
    """

    name: str
    flops: float
    stream: float
    gather: tuple[tuple[float, float], ...]
    drawn: float
    network: float
    launch: float
    memory: float
    dollars: float


# Measured (see docs/scale.md): one core of a Xeon with AVX-512, processor time.
CORE = Machine(
    name="core",
    flops=165e9,
    stream=21e9,
    gather=((2.5e5, 88e9), (2.5e6, 47e9), (2.5e7, 18e9), (2.5e8, 5.6e9), (1e9, 3.9e9)),
    drawn=150e-9,
    network=2.5e9,
    launch=1e-3,
    memory=8e9,
    dollars=0.04,
)
# Assumed: an H100 with 80 GB at half of the values of its data sheet, in a machine with eight.
GPU = Machine(
    name="GPU",
    flops=30e12,
    stream=1.6e12,
    gather=((1.0, 0.8e12),),
    drawn=5e-9,
    network=200e9,
    launch=5e-3,
    memory=80e9,
    dollars=3.0,
)
DRAW = 2.3e-9  # seconds for a random number, on the CPU in either case
HISTORY = 35e-9  # seconds per item in the history of the user of a drawn interaction
SCORE_BYTES = 160.0  # moved per score of the softmax, forward and backward
