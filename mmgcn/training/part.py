"""Part: what one rank holds of a model and learns from of a batch; alone, all of it."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping
from fnmatch import fnmatchcase

import numpy as np
import torch
import torch.distributed as dist
from torch import Tensor

from mmgcn.evaluation.ranking import Csr
from mmgcn.graph import BipartiteGraph
from mmgcn.model import MODELS, Model
from mmgcn.neighbourhood import NeighbourSampler
from mmgcn.partition import PartialGraph, PartitionError, user_bounds
from mmgcn.training.ranks import Ranks
from mmgcn.training.sampling import Batch


class Part:
    """A rank's users, and the model cut to them in place.

    Args:
        model: of all users, on the CPU.
        degree: training interactions of each user.

    Shapes:
        degree: (U,).

    Raises:
        PartitionError: the model cannot be trained in parts, or there are too few users.
    """

    def __init__(self, model: Model, degree: np.ndarray, ranks: Ranks) -> None:
        self.ranks = ranks
        self.bounds = user_bounds(torch.from_numpy(degree), ranks.size)
        self.start, self.stop = self.bounds[ranks.rank], self.bounds[ranks.rank + 1]
        self.names: frozenset[str] = frozenset()  # of the parameters that are cut
        if ranks.size > 1:
            self._cut(model)

    def _cut(self, model: Model) -> None:
        patterns = model.user_tables
        if patterns is None:
            able = [name for name in MODELS.names() if MODELS.get(name).user_tables is not None]
            raise PartitionError(
                f"{model.name} cannot be trained by several processes; take one, or one of "
                f"{', '.join(able)}"
            )
        tables = {
            name: tensor
            for name, tensor in (*model.named_parameters(), *model.named_buffers())
            if any(fnmatchcase(name, pattern) for pattern in patterns)
        }
        for name, tensor in tables.items():
            assert len(tensor) == model.num_users, name
            tensor.data = tensor.data[self.start : self.stop].clone()
        self.names = frozenset(tables)
        parts: dict[BipartiteGraph, PartialGraph] = {}  # a graph that modules share stays shared
        for module in list(model.modules()):
            for name, child in module.named_children():
                if isinstance(child, BipartiteGraph):
                    if child not in parts:
                        parts[child] = PartialGraph(child, self.start, self.stop)
                    setattr(module, name, parts[child])
            if isinstance(module, NeighbourSampler):
                self._refuse_samples(model, module)

    @staticmethod
    def _refuse_samples(model: Model, sampler: NeighbourSampler) -> None:
        """Let passes be whole, since edges are divided; refuse where it was not left open."""
        if model.settings.passes == "sampled":
            raise PartitionError(
                "several processes pass over the whole graph, each over its users' part; leave out "
                "--set passes=sampled, or take one process"
            )
        sampler.num_neighbours = None

    def loss(self, model: Model, batch: Batch, device: torch.device) -> Tensor:
        """Return the share of a batch's loss that its own users make up. Shapes: ()."""
        if self.ranks.size == 1:
            return model.loss(batch.to(device))
        kept = (batch.user_index >= self.start) & (batch.user_index < self.stop)
        own = batch.take(kept)
        own.user_index = own.user_index - self.start
        value = model.loss(own.to(device))
        if not kept.any():
            value = value.nan_to_num()  # the mean of nothing
        return value * (float(kept.sum()) / len(kept))

    def add_gradients(self, model: Model) -> None:
        """Add up, over the ranks, the gradients of what all of them have."""
        if self.ranks.size == 1:
            return
        waiting = [
            dist.all_reduce(parameter.grad, async_op=True)
            for name, parameter in model.named_parameters()
            if parameter.grad is not None and name not in self.names
        ]
        for work in waiting:
            work.wait()

    def csr(self, whole: Csr) -> Csr:
        """Return the items of its own users."""
        indptr, indices = whole
        starts = indptr[self.start : self.stop + 1]
        return starts - starts[0], indices[starts[0] : starts[-1]]

    def whole(self, tensors: Mapping[str, Tensor], cut: Collection[str]) -> dict[str, Tensor]:
        """Return the tensors of all users, on the CPU, to the rank that leads.

        Args:
            cut: the names of those that hold rows of users.
        """
        found: dict[str, Tensor] = {}
        for name, tensor in tensors.items():
            held = tensor.detach().cpu()
            rows = self.ranks.rows(held, self.bounds) if name in cut else held
            if rows is not None and self.ranks.leads:
                found[name] = rows
        return found

    def own(self, tensors: Iterable[tuple[str, Tensor]], cut: Collection[str]) -> dict[str, Tensor]:
        """Return the tensors with the rows of its own users: the other way round."""
        return {
            name: tensor[self.start : self.stop].clone() if name in cut else tensor
            for name, tensor in tensors
        }
