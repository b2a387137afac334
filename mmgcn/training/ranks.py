"""Ranks: the processes that train one model together; usually one."""

from __future__ import annotations

import os
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import Any

import torch
import torch.distributed as dist
from torch import Tensor

LOST = ("closed by peer", "reset by peer", "broken pipe", "timed out", "timeout", "socket")


class RankError(ValueError):
    """Ranks that do not belong together, or one that has failed."""


class LostRank(RankError):
    """Another rank ended before its time."""


class Ranks:
    """The processes of a training, and what they say to each other; alone, each is the answer.

    Every rank must call the same methods in the same order, since each call waits for the others.
    """

    def __init__(self, rank: int = 0, size: int = 1) -> None:
        self.rank, self.size = rank, size

    @property
    def leads(self) -> bool:
        """Whether this is the rank that writes and tells."""
        return self.rank == 0

    def agree(self, facts: Mapping[str, Any]) -> None:
        """Refuse to go on where a rank has other facts.

        Raises:
            RankError: on every rank, naming the first difference.
        """
        if self.size == 1:
            return
        everyone: list[Mapping[str, Any]] = [{}] * self.size
        dist.all_gather_object(everyone, dict(facts))
        first = everyone[0]
        for rank, other in enumerate(everyone):
            for name in dict.fromkeys((*first, *other)):
                if first.get(name) != other.get(name):
                    raise RankError(
                        f"rank {rank} would train something else than rank 0: its {name} is "
                        f"{other.get(name)!r}, not {first.get(name)!r}; start all ranks with the "
                        "same command, files and version"
                    )

    def told(self, value: Any) -> Any:
        """Return what the leading rank gives."""
        if self.size == 1:
            return value
        held = [value]
        dist.broadcast_object_list(held, src=0)
        return held[0]

    def sum(self, x: Tensor) -> Tensor:
        """Return the sum over the ranks. x is not changed."""
        if self.size == 1:
            return x
        total = x.clone()
        dist.all_reduce(total)
        return total

    def any(self, own: bool) -> bool:
        """Return whether it is so on some rank."""
        return own if self.size == 1 else bool(self.sum(torch.tensor(int(own))))

    def rows(self, own: Tensor, bounds: list[int]) -> Tensor | None:
        """Return the rows of all ranks to the one that leads, None to the others.

        Shapes:
            own: (bounds[rank + 1] - bounds[rank], ...); the result: (bounds[-1], ...), on the CPU.
        """
        own = own.detach().cpu().contiguous()
        if self.size == 1:
            return own
        if not self.leads:
            dist.send(own, dst=0)
            return None
        total = own.new_empty(bounds[-1], *own.shape[1:])
        total[: len(own)] = own
        for rank in range(1, self.size):
            dist.recv(total[bounds[rank] : bounds[rank + 1]], src=rank)
        return total

    def spread(self, tensors: Mapping[str, Tensor]) -> Iterator[tuple[str, Tensor]]:
        """Yield the leading rank's tensors, one at a time, by their names."""
        shapes = self.told({name: (t.shape, t.dtype) for name, t in tensors.items()})
        for name, (shape, dtype) in shapes.items():
            held = tensors[name].contiguous() if self.leads else torch.empty(shape, dtype=dtype)
            if self.size > 1:
                dist.broadcast(held, src=0)
            yield name, held


def launched() -> bool:
    """Return whether this process is one of several that torchrun started."""
    return int(os.environ.get("WORLD_SIZE", "1")) > 1 and "RANK" in os.environ


@contextmanager
def joined(device: str) -> Iterator[Ranks]:
    """Join the other processes, if torchrun started several, and leave them at the end.

    Args:
        device: where the model is; tensors there go by NCCL if it is a GPU, and by gloo otherwise.

    Raises:
        LostRank: another rank ended before its time.
    """
    if not (launched() or dist.is_initialized()):
        yield Ranks()
        return
    ours = not dist.is_initialized()
    if ours:
        gpu = device.startswith("cuda")
        if gpu:
            torch.cuda.set_device(device)
        dist.init_process_group("cpu:gloo,cuda:nccl" if gpu else "gloo")
    try:
        yield Ranks(dist.get_rank(), dist.get_world_size())
    except RuntimeError as error:
        if isinstance(error, dist.DistError) or any(w in str(error).lower() for w in LOST):
            raise LostRank(
                "another rank ended before its time; its own reason says why, and "
                "`mmgcn fit --resume` goes on from the last checkpoint"
            ) from error
        raise
    finally:
        if ours:
            dist.destroy_process_group()
