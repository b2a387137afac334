"""ProcessGroup: the processes that train one model together; usually one."""

from __future__ import annotations

import os
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import Any, TypeVar

import torch
import torch.distributed as dist
from torch import Tensor

LOST = ("closed by peer", "reset by peer", "broken pipe", "timed out", "timeout", "socket")

T = TypeVar("T")


class RankError(ValueError):
    """Processes with different arguments, or one that has failed."""


class LostRank(RankError):
    """Another process died during the training."""


class ProcessGroup:
    """Collective operations over the processes of a training; the identity for a single process.

    Every process must call the same methods in the same order, since each call waits for the
    others.
    """

    def __init__(self, rank: int = 0, size: int = 1) -> None:
        self.rank, self.size = rank, size

    @property
    def is_main(self) -> bool:
        """Whether this is the process that writes files and reports."""
        return self.rank == 0

    def assert_equal(self, facts: Mapping[str, Any]) -> None:
        """Check that all processes have the same facts.

        Raises:
            RankError: they differ; raised in every process, with the first difference.
        """
        if self.size == 1:
            return
        gathered: list[Mapping[str, Any]] = [{}] * self.size
        dist.all_gather_object(gathered, dict(facts))
        first = gathered[0]
        for rank, other in enumerate(gathered):
            for name in dict.fromkeys((*first, *other)):
                if first.get(name) != other.get(name):
                    raise RankError(
                        f"rank {rank} differs from rank 0: its {name} is {other.get(name)!r}, not "
                        f"{first.get(name)!r}; start all ranks with the same command, files and "
                        "version"
                    )

    def broadcast(self, value: T) -> T:
        """Return the value of the main process."""
        if self.size == 1:
            return value
        values = [value]
        dist.broadcast_object_list(values, src=0)
        return values[0]

    def broadcast_tensors(self, tensors: Mapping[str, Tensor]) -> Iterator[tuple[str, Tensor]]:
        """Yield the main process's tensors, one at a time, with their names."""
        shapes = self.broadcast({name: (t.shape, t.dtype) for name, t in tensors.items()})
        for name, (shape, dtype) in shapes.items():
            tensor = tensors[name].contiguous() if self.is_main else torch.empty(shape, dtype=dtype)
            if self.size > 1:
                dist.broadcast(tensor, src=0)
            yield name, tensor

    def sum(self, x: Tensor) -> Tensor:
        """Return the sum over the processes. x is not changed."""
        if self.size == 1:
            return x
        total = x.clone()
        dist.all_reduce(total)
        return total

    def any(self, own: bool) -> bool:
        """Return whether `own` is true in any process."""
        return own if self.size == 1 else bool(self.sum(torch.tensor(int(own))))

    def gather_rows(self, own: Tensor, bounds: list[int]) -> Tensor | None:
        """Return the rows of all processes, in the main process; None in the others.

        Args:
            own: rows of this process.
            bounds: row r of process p is row bounds[p] + r of the result.

        Shapes:
            own: (bounds[rank + 1] - bounds[rank], ...); the result: (bounds[-1], ...), on the CPU.
        """
        own = own.detach().cpu().contiguous()
        if self.size == 1:
            return own
        if not self.is_main:
            dist.send(own, dst=0)
            return None
        total = own.new_empty(bounds[-1], *own.shape[1:])
        total[: len(own)] = own
        for rank in range(1, self.size):
            dist.recv(total[bounds[rank] : bounds[rank + 1]], src=rank)
        return total


def launched() -> bool:
    """Return whether this process is one of several that torchrun started."""
    return int(os.environ.get("WORLD_SIZE", "1")) > 1 and "RANK" in os.environ


def is_main_process() -> bool:
    """Return whether this is the process that writes files and reports."""
    return os.environ.get("RANK", "0") == "0"


@contextmanager
def join_process_group(device: str) -> Iterator[ProcessGroup]:
    """Join the other processes, if torchrun started several, and leave them on exit.

    Args:
        device: device of the model; tensors on a GPU are sent by NCCL, others by gloo.

    Raises:
        LostRank: another process died during the training.
    """
    if not (launched() or dist.is_initialized()):
        yield ProcessGroup()
        return
    initialises = not dist.is_initialized()
    if initialises:
        gpu = device.startswith("cuda")
        if gpu:
            torch.cuda.set_device(device)
        dist.init_process_group("cpu:gloo,cuda:nccl" if gpu else "gloo")
    try:
        yield ProcessGroup(dist.get_rank(), dist.get_world_size())
    except RuntimeError as error:
        if isinstance(error, dist.DistError) or any(w in str(error).lower() for w in LOST):
            raise LostRank(
                "another rank died during the training; its own message has the reason, and "
                "`mmgcn fit --resume` continues from the last checkpoint"
            ) from error
        raise
    finally:
        if initialises:
            dist.destroy_process_group()
