"""ItemItemModel: the contract of models that score by an item-item weight matrix."""

from __future__ import annotations

import os
from abc import abstractmethod
from collections.abc import Iterator

import numpy as np
import torch
from torch import Tensor

from mmgcn.channels import ID
from mmgcn.closed_form_model import ClosedFormModel
from mmgcn.config import SettingError
from mmgcn.data.dataset import Dataset
from mmgcn.interaction_rows import InteractionRows
from mmgcn.recommender_model import ConfigT, Embeddings

BLOCK_CELLS = 1 << 25  # cells of a dense block of the interaction matrix; 128 MiB


class ItemItemModel(ClosedFormModel[ConfigT]):
    """A model in closed form: score = R_u W, with the interaction matrix R and item weights W.

    Memory grows with the square of the number of items, not with users times items.

    Raises:
        SettingError: solving needs more memory than the machine has.
    """

    def __init__(self, dataset: Dataset, config: ConfigT) -> None:
        super().__init__(dataset, config)
        num_modalities = len(dataset.features) if self.uses_features else 0
        required = self.required_bytes(self.num_items, num_modalities)
        available = memory_bytes()
        if required > available:
            raise SettingError(
                f"{self.name} of {self.num_items:,} items takes {required / 2**30:,.1f} GiB of "
                f"memory, and this machine has {available / 2**30:,.1f}; choose a model whose "
                "memory grows with the number of items, such as linear_mmgcn"
            )
        self._csr = dataset.train.csr()
        self.interactions = InteractionRows(self._csr, self.num_items)
        self._weights = {n: W.T.contiguous() for n, W in self.solve_channels().items()}

    @classmethod
    def required_bytes(cls, num_items: int, num_modalities: int) -> int:
        """Return the memory of solving: three (I, I) float32 matrices."""
        del num_modalities
        return 12 * num_items**2

    @abstractmethod
    def solve(self) -> Tensor:
        """Return W. Shapes: (I, I) float32, one row per watched item."""

    def solve_channels(self) -> dict[str, Tensor]:
        """Return the summands of W, by channel. Shapes: (I, I) float32 each."""
        return {ID: self.solve()}

    def embeddings(self) -> Embeddings:
        """Return the rows of R and the columns of W, by channel. Shapes: (U, I) and (I, I)."""
        return Embeddings(self.interactions, {n: W.numpy() for n, W in self._weights.items()})

    def common_users(self, user_weight: Tensor | None = None) -> Tensor:
        """Return R^T diag(w) R: the weighted number of users that two items have in common.

        Computed as a product of a sparse and a dense matrix, with E I additions instead of U I^2.

        Args:
            user_weight: w; by default ones.

        Shapes:
            user_weight: (U,); the result: (I, I) float32.
        """
        indptr, indices = (torch.from_numpy(each).long() for each in self._csr)
        total = torch.zeros(self.num_items, self.num_items)
        first = 0
        for R in self.blocks():
            start = indptr[first : first + len(R) + 1]
            user = torch.repeat_interleave(start.diff())
            item = indices[start[0] : start[-1]]
            weight = torch.ones(len(user)) if user_weight is None else user_weight[first + user]
            transpose = torch.sparse_coo_tensor(
                torch.stack([item, user]), weight, (self.num_items, len(R)), check_invariants=False
            )
            total += torch.sparse.mm(transpose, R)
            first += len(R)
        return total

    def blocks(self) -> Iterator[Tensor]:
        """Yield R in blocks of users. Shapes: (B, I) float32 each."""
        size = max(1, BLOCK_CELLS // self.num_items)
        for start in range(0, self.num_users, size):
            users = np.arange(start, min(start + size, self.num_users))
            yield torch.from_numpy(self.interactions.binary(users))


def memory_bytes() -> float:
    """Return the size of the machine's memory, infinite if it is not known."""
    try:
        return float(os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES"))
    except (AttributeError, ValueError, OSError):
        return float("inf")
