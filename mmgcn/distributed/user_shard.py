"""UserShard: the users of one process, with their rows of a model and of batches."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from fnmatch import fnmatchcase
from typing import Any

import numpy as np
import torch
import torch.distributed as dist
from torch import Tensor

from mmgcn.config import SettingError
from mmgcn.data.interactions import Interactions
from mmgcn.distributed.partition import PartialGraph, PartitionError, user_bounds
from mmgcn.distributed.process_group import ProcessGroup
from mmgcn.evaluation.hits import Csr
from mmgcn.graph import BipartiteGraph
from mmgcn.graph_model import GraphModel
from mmgcn.model import MODELS, Model
from mmgcn.recommender_model import RecommenderModel
from mmgcn.sampling import Batch


class UserShard:
    """The users of one process. The model is reduced to them in place; a single process has all.

    Args:
        model: model with all users, on the CPU.
        train: training interactions, which decide how users are divided.
        group: processes of the training.

    Attributes:
        bounds: users bounds[r] to bounds[r + 1], excluded, belong to process r.
        sharded: names of the tensors with one row per user.

    Raises:
        PartitionError: the model cannot be trained by several processes, or there are fewer users
            than processes.
    """

    def __init__(
        self, model: RecommenderModel[Any], train: Interactions, group: ProcessGroup
    ) -> None:
        self.group = group
        degree = np.diff(train.csr()[0])
        self.bounds = user_bounds(torch.from_numpy(degree), group.size)
        self.start, self.stop = self.bounds[group.rank], self.bounds[group.rank + 1]
        self.sharded: frozenset[str] = frozenset()
        if group.size > 1:
            self._cut(model)

    def _cut(self, model: RecommenderModel[Any]) -> None:
        if not isinstance(model, Model) or model.user_tables is None:
            others = ", ".join(name for name in MODELS.names() if _can_be_cut(MODELS.get(name)))
            raise PartitionError(
                f"{model.name} cannot be trained by several processes; use one process, or one of "
                f"the models {others}"
            )
        if isinstance(model, GraphModel):
            try:
                model.use_full_graph()
            except SettingError as error:
                raise PartitionError(str(error)) from error
        tables = {
            name: tensor
            for name, tensor in (*model.named_parameters(), *model.named_buffers())
            if any(fnmatchcase(name, pattern) for pattern in model.user_tables)
        }
        for name, tensor in tables.items():
            assert len(tensor) == model.num_users, name
            tensor.data = tensor.data[self.start : self.stop].clone()
        self.sharded = frozenset(tables)
        partial: dict[BipartiteGraph, PartialGraph] = {}  # modules keep sharing one graph
        for module in list(model.modules()):
            for name, child in module.named_children():
                if isinstance(child, BipartiteGraph):
                    if child not in partial:
                        partial[child] = PartialGraph(child, self.start, self.stop)
                    setattr(module, name, partial[child])

    def loss(
        self, model: Model[Any], batch: Batch, device: torch.device, *, progress: float = 0.0
    ) -> Tensor:
        """Return the summand of a batch's loss that belongs to the shard's users. Shapes: ()."""
        if self.group.size == 1:
            return model.loss(batch.to(device), progress=progress)
        kept = (batch.user_index >= self.start) & (batch.user_index < self.stop)
        own = batch.select(kept)
        own.user_index = own.user_index - self.start
        value = model.loss(own.to(device), progress=progress)
        if not kept.any():
            value = value.nan_to_num()  # the mean over no interactions
        return value * (float(kept.sum()) / len(kept))

    def add_gradients(self, model: Model[Any]) -> None:
        """Sum the gradients of replicated parameters over the processes."""
        if self.group.size == 1:
            return
        pending = [
            dist.all_reduce(parameter.grad, async_op=True)
            for name, parameter in model.named_parameters()
            if parameter.grad is not None and name not in self.sharded
        ]
        for work in pending:
            work.wait()

    def csr(self, full: Csr) -> Csr:
        """Return the rows of the shard's users."""
        indptr, indices = full
        starts = indptr[self.start : self.stop + 1]
        return starts - starts[0], indices[starts[0] : starts[-1]]

    def gather(self, tensors: Mapping[str, Tensor], sharded: Collection[str]) -> dict[str, Tensor]:
        """Return the tensors with the rows of all users, on the CPU; in other processes nothing.

        Args:
            sharded: names of the tensors with one row per user.
        """
        found: dict[str, Tensor] = {}
        for name, tensor in tensors.items():
            own = tensor.detach().cpu()
            rows = self.group.gather_rows(own, self.bounds) if name in sharded else own
            if rows is not None and self.group.is_main:
                found[name] = rows
        return found

    def scatter(self, tensors: Mapping[str, Tensor], sharded: Collection[str]) -> dict[str, Tensor]:
        """Return the main process's tensors with the rows of the shard's users."""
        return {
            name: tensor[self.start : self.stop].clone() if name in sharded else tensor
            for name, tensor in self.group.broadcast_tensors(tensors)
        }


def _can_be_cut(kind: type[RecommenderModel[Any]]) -> bool:
    return issubclass(kind, Model) and kind.user_tables is not None
